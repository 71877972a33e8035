/* Counting our sessions at the server. */
#include "health/census.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"

uint64_t census_installation(const char *run_dir)
{
  struct stat namespace;
  uint64_t boot_id[2];
  clock_boot_id(boot_id);
  uint64_t hash = hash_mix(HASH_BEGIN, run_dir, strlen(run_dir));
  hash = hash_mix(hash, boot_id, sizeof boot_id);
  if (stat("/proc/self/ns/pid", &namespace) == 0)
    hash = hash_mix(hash, &namespace.st_ino, sizeof namespace.st_ino);
  return (hash ^ hash >> 32) & UINT32_MAX;
}

void census_name(char out[CENSUS_NAME_SIZE], const char *role, uint64_t installation)
{
  (void)snprintf(out, CENSUS_NAME_SIZE, "lontard/%s %08" PRIx64 ".%d", role, installation, (int)getpid());
}

/* The number at `*at`, which goes on behind it; -1 when there is none, or `behind` does not follow. */
static int64_t number_before(const char **at, int base, char behind)
{
  char *end;
  const int64_t number = strtoll(*at, &end, base);
  const bool good = end != *at && *end == behind && number >= 0;
  *at = good && behind != '\0' ? end + 1 : end;
  return good ? number : -1;
}

/* The worker's process in a name of this installation; 0 when it is no such name. */
static pid_t worker_of(const char *name, uint64_t installation)
{
  static const char beginning[] = "lontard/";
  const char *at = name + strlen(beginning);
  if (strncmp(name, beginning, strlen(beginning)) != 0 || number_before(&at, 10, ' ') < 0)
    return 0;
  if (number_before(&at, 16, '.') != (int64_t)installation)
    return 0;
  const int64_t pid = number_before(&at, 10, '\0');
  return pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
}

static bool is_on_board(struct board *board, pid_t pid)
{
  for (int i = 0; i < BOARD_SLOTS; i++) {
    const struct board_slot *slot = board_slot(board, i);
    if (board_get(&slot->pid) == (uint64_t)pid && board_get(&slot->state) >= BOARD_WORKER_RETIRING)
      return true;
  }
  return false;
}

void census_begin(struct census *census, struct board *board)
{
  census->asked = clock_steady();
  for (int i = 0; i < BOARD_SLOTS; i++)
    for (int j = 0; j < BOARD_NOTES; j++)
      census->notes[i][j] = board_get(&board_slot(board, i)->notes[j]);
}

static void condemn(struct census *census, int backend)
{
  if (census->victim_count < CENSUS_VICTIMS_MAX)
    census->victims[census->victim_count++] = backend;
}

/* Its worker is gone. One that is not on this board may be on that of a master which has just made another. */
static void take_orphan(struct census *census, int backend, pid_t pid)
{
  census->left++;
  if (kill(pid, 0) != 0 && errno == ESRCH)
    condemn(census, backend);
}

/* Takes note of a session that somebody waits for. */
static void take_noted(struct census *census, struct board *board, int backend, pid_t pid)
{
  for (int i = 0; i < BOARD_SLOTS; i++) {
    if (board_get(&board_slot(board, i)->pid) != (uint64_t)pid)
      continue;
    for (int j = 0; j < BOARD_NOTES; j++) {
      if (census->notes[i][j] != (uint64_t)backend)
        continue;
      census->notes[i][j] = 0; /* it is there */
      condemn(census, backend);
    }
  }
}

/* What was noted before the look, and did not come up in it. */
static void cross_out(struct census *census, struct board *board)
{
  for (int i = 0; i < BOARD_SLOTS; i++)
    for (int j = 0; j < BOARD_NOTES; j++)
      if (census->notes[i][j] != 0)
        board_note_cross_out(board_slot(board, i), j, census->notes[i][j]);
}

bool census_take(struct census *census, struct board *board, const PGresult *result)
{
  census->left = census->standby = 0;
  census->victim_count = 0;
  census->taken++;
  census->blind = PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) != 3;
  if (census->blind)
    return false;
  for (int row = 0; row < PQntuples(result); row++) {
    const int backend = (int)strtol(PQgetvalue(result, row, 0), NULL, 10);
    const pid_t pid = worker_of(PQgetvalue(result, row, 1), census->installation);
    if (pid == 0)
      continue;
    census->standby += PQgetvalue(result, row, 2)[0] == 't';
    if (is_on_board(board, pid))
      take_noted(census, board, backend, pid);
    else
      take_orphan(census, backend, pid);
  }
  cross_out(census, board);
  return true;
}

void census_order(const struct census *census, struct buffer *sql)
{
  buffer_append_text(sql, "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity"
                          " WHERE usename = current_user AND pid IN (0");
  for (int i = 0; i < census->victim_count; i++)
    buffer_append_format(sql, ", %d", census->victims[i]);
  buffer_append_format(sql, ") AND application_name LIKE 'lontard/%% %08" PRIx64 ".%%'", census->installation);
}
