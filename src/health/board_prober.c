/* The prober's writes into its slot of the board, and the texts that stand there. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "health/board.h"

/* Of the names of servers, folders of sockets, and numbers. */
#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:/_-@%"

void board_prober_census(struct board_prober *prober, int64_t looked, uint64_t left, uint64_t standby)
{
  board_set(&prober->left, left);
  board_set(&prober->standby, standby);
  if (standby > 0)
    board_set(&prober->standby_seen, (uint64_t)looked);
  board_set(&prober->looked, (uint64_t)looked);
}

void board_prober_begin(struct board_prober *prober, uint64_t pid)
{
  const uint64_t now = (uint64_t)clock_wall();
  board_prober_database(prober, BOARD_DATABASE_UNKNOWN, "");
  board_prober_encoding(prober, "");
  board_prober_lack(prober, "", 0);
  board_prober_server(prober, "", "");
  board_prober_census(prober, (int64_t)board_get(&prober->looked), board_get(&prober->left), 0);
  board_set(&prober->unfit, 0);
  board_set(&prober->database_since, now);
  board_set(&prober->started, now);
  board_prober_beat(prober, 0);
  board_set(&prober->pid, pid);
}

void board_prober_beat(struct board_prober *prober, int64_t next_probe)
{
  board_set(&prober->next_probe, (uint64_t)next_probe);
  board_set(&prober->heartbeat, (uint64_t)clock_steady());
}

/* A text in `count` words, filled with NUL or cut. */
static void set_text(uint64_t *words, int count, const char *text)
{
  uint64_t copy[BOARD_REASON_WORDS] = {0};
  const size_t length = strlen(text), size = (size_t)count * sizeof copy[0];
  memcpy(copy, text, length < size ? length : size);
  for (int i = 0; i < count; i++)
    board_set(&words[i], copy[i]);
}

void board_prober_encoding(struct board_prober *prober, const char *encoding)
{
  set_text(prober->encoding, BOARD_ENCODING_WORDS, encoding);
}

void board_prober_lack(struct board_prober *prober, const char *lack, uint64_t count)
{
  set_text(prober->lack, BOARD_LACK_WORDS, lack);
  board_set(&prober->lacking, count);
}

/* Whatever a URL may call a server: what is no part of a name would break the documents that it stands in. */
void board_prober_server(struct board_prober *prober, const char *host, const char *port)
{
  char text[BOARD_SERVER_SIZE];
  (void)snprintf(text, sizeof text, "%s%s%s", host, *port != '\0' ? ":" : "", port);
  for (char *at = text; *at != '\0'; at++)
    if (strchr(NAME_LETTERS, *at) == NULL)
      *at = '?';
  set_text(prober->server, BOARD_SERVER_WORDS, text);
}

void board_prober_database(struct board_prober *prober, enum board_database state, const char *reason)
{
  set_text(prober->reason, BOARD_REASON_WORDS, reason);
  if (board_get(&prober->database) == (uint64_t)state)
    return;
  board_set(&prober->database, (uint64_t)state);
  board_set(&prober->database_since, (uint64_t)clock_wall());
}
