/* Tells systemd how the daemon is. */
#include "master/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "health/board.h"
#include "log/log.h"

enum { STATE_SIZE = 64, LATER_MAX = 4 };

/* What systemd has not taken yet; a lost READY=1 would cost us our life. */
static struct {
  char states[LATER_MAX][STATE_SIZE];
  int count;
} later;

/* True when it was sent, or nobody wants to know. */
static bool send_now(const char *state)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const char *path = getenv("NOTIFY_SOCKET");
  const size_t length = path ? strlen(path) : 0;
  if (length == 0 || length >= sizeof address.sun_path)
    return true;
  memcpy(address.sun_path, path, length);
  if (path[0] == '@')
    address.sun_path[0] = '\0';
  CLEANUP_CLOSE int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return false;
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  return sendto(descriptor, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
                size) >= 0;
}

static void drop_first(void)
{
  later.count--;
  memmove(later.states[0], later.states[1], sizeof later.states[0] * (size_t)later.count);
}

static void send_later(const char *state)
{
  if (later.count == LATER_MAX)
    drop_first(); /* those that follow say how we are now */
  if (later.count == 0)
    log_line(LOG_LEVEL_WARNING, "systemd cannot be told %.20s: %s; trying again each second", state, strerror(errno));
  (void)snprintf(later.states[later.count++], STATE_SIZE, "%s", state);
}

static void send_again(void)
{
  const bool waited = later.count > 0;
  while (later.count > 0 && send_now(later.states[0]))
    drop_first();
  if (waited && later.count == 0)
    log_line(LOG_LEVEL_INFO, "systemd is told now");
}

void notify_send(const char *state)
{
  if (later.count > 0 || !send_now(state))
    send_later(state);
}

void notify_reloading(void)
{
  char state[STATE_SIZE];
  (void)snprintf(state, sizeof state, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_steady());
  notify_send(state);
}

void notify_watchdog(struct board *board, uint64_t *fed)
{
  uint64_t newest = 0;
  for (int i = 0; i < BOARD_SLOTS; i++) {
    const uint64_t beat = board_get(&board_slot(board, i)->heartbeat);
    newest = beat > newest ? beat : newest;
  }
  send_again();
  if (newest > *fed && send_now("WATCHDOG=1"))
    *fed = newest;
}
