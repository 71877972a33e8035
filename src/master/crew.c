/* Watching the workers: who died, who hangs, whose place is to be filled. */
#include "master/crew.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/error.h"
#include "front/handover.h"
#include "health/board.h"
#include "log/log.h"
#include "route/route.h"

/* Time between SIGABRT and SIGKILL. */
#define ABORT_GRACE (2 * CLOCK_SECOND)

enum { DOING_SIZE = 192 };

int crew_open(struct crew *crew)
{
  int ends[2];
  for (int i = 0; i < crew->count; i++) {
    if (handover_open(ends) != 0)
      return -1;
    crew->places[i].inbox = ends[0];
    crew->places[i].outbox = ends[1];
  }
  return 0;
}

/* What a worker's loop was doing, as the end of a log line; "" between requests or when the slot is another's. */
static const char *doing(struct crew *crew, int index, int turn, char out[DOING_SIZE])
{
  const struct board_slot *slot = board_slot(crew->board, board_turn(index, turn));
  const uint64_t route = board_get(&slot->request_route);
  uint64_t words[BOARD_REQUEST_ID_WORDS + 1] = {0};
  char id[BOARD_REQUEST_ID_WORDS * sizeof(uint64_t) + 16];
  out[0] = '\0';
  if (board_get(&slot->pid) != (uint64_t)crew->places[index].members[turn].pid || route == 0 || route >= ROUTE_COUNT)
    return out;
  for (int i = 0; i < BOARD_REQUEST_ID_WORDS; i++)
    words[i] = board_get(&slot->request_id[i]);
  const char *text = (const char *)words;
  (void)snprintf(out, DOING_SIZE, " route=%s request_id=%s age_ms=%" PRId64, route_rows[route].name,
                 log_quote(id, sizeof id, text, strlen(text)),
                 clock_since(board_get(&slot->request_started), clock_steady()) / CLOCK_MILLISECOND);
  return out;
}

static void count_restart(struct crew *crew)
{
  struct board_head *head = board_head(crew->board);
  board_add(&head->restarts, 1);
  board_set(&head->last_restart, (uint64_t)clock_wall());
}

static void tell_death(struct crew *crew, int index, int turn, int status)
{
  const struct member *member = &crew->places[index].members[turn];
  char work[DOING_SIZE];
  const char *where = doing(crew, index, turn, work);
  if (WIFSIGNALED(status))
    log_line(LOG_LEVEL_ERROR, "worker %d (pid %ld) died of signal %d (%s)%s", index, (long)member->pid,
             WTERMSIG(status), strsignal(WTERMSIG(status)), where);
  else if (WEXITSTATUS(status) == 0 && member->state == MEMBER_RETIRING)
    log_line(LOG_LEVEL_INFO, "worker %d (pid %ld) has handed over and ended", index, (long)member->pid);
  else
    log_line(WEXITSTATUS(status) ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "worker %d (pid %ld) ended with status %d%s",
             index, (long)member->pid, WEXITSTATUS(status), where);
}

/* One that was sent away has said nothing about the health of its place. */
static bool was_sent(const struct member *member, int status)
{
  return member->state == MEMBER_RETIRING || (member->state == MEMBER_STARTING && status == 0);
}

static void pause_place(struct place *place, int index, const struct member *member)
{
  const int64_t now = clock_steady();
  const int64_t pause = throttle_died(&place->throttle, member->started, now);
  if (pause > 0)
    log_line(LOG_LEVEL_WARNING, "worker %d lived less than a second; the next one starts in %" PRId64 " ms", index,
             pause / CLOCK_MILLISECOND);
  place->due = now + pause;
}

/* As when the keyring, which was well once, cannot be read any more. */
static bool cannot_begin(const struct crew *crew, const struct member *member, int status)
{
  return member->state == MEMBER_SERVING && member->generation == crew->generation && WIFEXITED(status) &&
         WEXITSTATUS(status) != 0;
}

static void bury(struct crew *crew, int index, int turn, int status)
{
  struct place *place = &crew->places[index];
  struct member *member = &place->members[turn];
  struct member *other = &place->members[1 - turn];
  struct board_slot *slot = board_slot(crew->board, board_turn(index, turn));
  tell_death(crew, index, turn, status);
  if (member->adopted && status == 0)
    board_worker_end(slot); /* as it did on its own board */
  else
    board_worker_died(slot, (uint64_t)member->pid);
  if (!was_sent(member, status))
    pause_place(place, index, member);
  if (status != 0)
    count_restart(crew);
  if (cannot_begin(crew, member, status))
    crew->proved = false;
  if (member->state == MEMBER_SERVING && other->state == MEMBER_STARTING)
    crew_inherit(crew, index, 1 - turn);
  *member = (struct member){.state = MEMBER_NONE};
}

bool crew_bury(struct crew *crew, pid_t pid, int status)
{
  CREW_EACH(crew, i, turn)
    if (crew->places[i].members[turn].state != MEMBER_NONE && crew->places[i].members[turn].pid == pid) {
      bury(crew, i, turn, status);
      return true;
    }
  return false;
}

static bool has(const struct place *place, enum member_state state)
{
  return place->members[0].state == state || place->members[1].state == state;
}

static bool is_empty(const struct place *place)
{
  return !has(place, MEMBER_SERVING) && !has(place, MEMBER_STARTING);
}

void crew_fill(struct crew *crew)
{
  const int64_t now = clock_steady();
  for (int i = 0; i < crew->count; i++) {
    const struct place *place = &crew->places[i];
    if (is_empty(place) && place->due <= now)
      crew_spawn(crew, i, place->members[0].state == MEMBER_NONE ? 0 : 1, MEMBER_SERVING, false);
  }
}

/* A worker that has not reached its slot yet counts from its fork; one that has left it, from its last beat there. */
static int64_t heartbeat_of(const struct crew *crew, int index, int turn)
{
  const int64_t started = crew->places[index].members[turn].started;
  const int64_t beat = (int64_t)board_get(&board_slot(crew->board, board_turn(index, turn))->heartbeat);
  return beat > started ? beat : started;
}

static void kill_late(const struct member *member, int index)
{
  if (!member->aborted)
    log_line(LOG_LEVEL_WARNING, "worker %d (pid %ld) has not ended in time and is killed", index, (long)member->pid);
  (void)kill(member->pid, SIGKILL);
}

static void abort_stuck(struct crew *crew, int index, int turn, int64_t now)
{
  struct member *member = &crew->places[index].members[turn];
  char work[DOING_SIZE];
  const int64_t age = clock_since((uint64_t)heartbeat_of(crew, index, turn), now);
  if (member->adopted || member->aborted || age <= BOARD_HEARTBEAT_LIMIT)
    return;
  log_line(LOG_LEVEL_ERROR, "worker %d (pid %ld) has not moved for %" PRId64 " ms; it is aborted and replaced%s", index,
           (long)member->pid, age / CLOCK_MILLISECOND, doing(crew, index, turn, work));
  (void)kill(member->pid, SIGABRT);
  member->aborted = true;
  member->kill_at = now + ABORT_GRACE;
}

void crew_check(struct crew *crew)
{
  const int64_t now = clock_steady();
  CREW_EACH(crew, i, turn) {
    const struct member *member = &crew->places[i].members[turn];
    if (member->state == MEMBER_NONE)
      continue;
    if (member->kill_at != 0 && now >= member->kill_at)
      kill_late(member, i);
    else
      abort_stuck(crew, i, turn, now);
  }
}

void crew_signal(const struct crew *crew, int number)
{
  CREW_EACH(crew, i, turn)
    if (crew->places[i].members[turn].state != MEMBER_NONE)
      (void)kill(crew->places[i].members[turn].pid, number);
}

int crew_alive(const struct crew *crew)
{
  int alive = 0;
  CREW_EACH(crew, i, turn)
    alive += crew->places[i].members[turn].state != MEMBER_NONE;
  return alive;
}

int64_t crew_due(const struct crew *crew)
{
  const int64_t now = clock_steady();
  int64_t due = INT64_MAX;
  for (int i = 0; i < crew->count; i++) {
    const struct place *place = &crew->places[i];
    if ((is_empty(place) || place->due > now) && place->due < due)
      due = place->due;
  }
  return due;
}
