/* Watching the workers: who died, who hangs, whose place is to be filled. */
#include "master/crew.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "health/health.h"
#include "log/log.h"
#include "route/route.h"

/* Time between SIGABRT and SIGKILL. */
#define ABORT_GRACE (2 * CLOCK_SECOND)

enum { DOING_SIZE = 192 };

/* What a worker's loop was doing, as the end of a log line; "" between requests or when the slot is another's. */
static const char *doing(struct crew *crew, int index, pid_t pid, char out[DOING_SIZE])
{
  const struct board_slot *slot = board_slot(crew->board, index);
  const uint64_t route = board_get(&slot->request_route);
  uint64_t words[BOARD_REQUEST_ID_WORDS + 1] = {0};
  char id[BOARD_REQUEST_ID_WORDS * sizeof(uint64_t) + 16];
  out[0] = '\0';
  if (board_get(&slot->pid) != (uint64_t)pid || route == 0 || route >= ROUTE_COUNT)
    return out;
  for (int i = 0; i < BOARD_REQUEST_ID_WORDS; i++)
    words[i] = board_get(&slot->request_id[i]);
  const char *text = (const char *)words;
  (void)snprintf(out, DOING_SIZE, " route=%s request_id=%s age_ms=%" PRId64, route_rows[route].name,
                 log_quote(id, sizeof id, text, strlen(text)),
                 (clock_steady() - (int64_t)board_get(&slot->request_started)) / CLOCK_MILLISECOND);
  return out;
}

static void count_restart(struct crew *crew)
{
  struct board_head *head = board_head(crew->board);
  board_add(&head->restarts, 1);
  board_set(&head->last_restart, (uint64_t)clock_wall());
}

static void bury(struct crew *crew, int index, int status)
{
  struct place *place = &crew->places[index];
  char work[DOING_SIZE];
  const int64_t now = clock_steady();
  const int64_t pause = throttle_died(&place->throttle, place->started, now);
  const char *where = doing(crew, index, place->pid, work);
  if (WIFSIGNALED(status))
    log_line(LOG_LEVEL_ERROR, "worker %d (pid %ld) died of signal %d (%s)%s", index, (long)place->pid, WTERMSIG(status),
             strsignal(WTERMSIG(status)), where);
  else
    log_line(WEXITSTATUS(status) ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "worker %d (pid %ld) ended with status %d%s",
             index, (long)place->pid, WEXITSTATUS(status), where);
  if (pause > 0)
    log_line(LOG_LEVEL_WARNING, "worker %d lived less than a second; the next one starts in %" PRId64 " ms", index,
             pause / CLOCK_MILLISECOND);
  if (status != 0)
    count_restart(crew);
  place->pid = 0;
  place->due = now + pause;
}

bool crew_bury(struct crew *crew, pid_t pid, int status)
{
  for (int i = 0; i < crew->count; i++)
    if (crew->places[i].pid == pid) {
      bury(crew, i, status);
      return true;
    }
  return false;
}

void crew_fill(struct crew *crew)
{
  const int64_t now = clock_steady();
  for (int i = 0; i < crew->count; i++)
    if (crew->places[i].pid == 0 && crew->places[i].due <= now)
      crew_spawn(crew, i);
}

/* A worker that has not reached its slot yet counts from its fork. */
static int64_t heartbeat_of(const struct crew *crew, int index)
{
  const struct place *place = &crew->places[index];
  const struct board_slot *slot = board_slot(crew->board, index);
  return board_get(&slot->pid) == (uint64_t)place->pid ? (int64_t)board_get(&slot->heartbeat) : place->started;
}

static void check_place(struct crew *crew, int index)
{
  struct place *place = &crew->places[index];
  char work[DOING_SIZE];
  const int64_t now = clock_steady();
  if (place->kill_at != 0 && now >= place->kill_at) {
    (void)kill(place->pid, SIGKILL);
    return;
  }
  const int64_t age = now - heartbeat_of(crew, index);
  if (place->kill_at != 0 || age <= HEALTH_HEARTBEAT_LIMIT)
    return;
  log_line(LOG_LEVEL_ERROR, "worker %d (pid %ld) has not moved for %" PRId64 " ms; it is aborted and replaced%s", index,
           (long)place->pid, age / CLOCK_MILLISECOND, doing(crew, index, place->pid, work));
  (void)kill(place->pid, SIGABRT);
  place->kill_at = now + ABORT_GRACE;
}

void crew_check(struct crew *crew)
{
  for (int i = 0; i < crew->count; i++)
    if (crew->places[i].pid != 0)
      check_place(crew, i);
}

void crew_signal(const struct crew *crew, int number)
{
  for (int i = 0; i < crew->count; i++)
    if (crew->places[i].pid != 0)
      (void)kill(crew->places[i].pid, number);
}

int crew_alive(const struct crew *crew)
{
  int alive = 0;
  for (int i = 0; i < crew->count; i++)
    alive += crew->places[i].pid != 0;
  return alive;
}

int64_t crew_due(const struct crew *crew)
{
  int64_t due = INT64_MAX;
  for (int i = 0; i < crew->count; i++)
    if (crew->places[i].pid == 0 && crew->places[i].due < due)
      due = crew->places[i].due;
  return due;
}
