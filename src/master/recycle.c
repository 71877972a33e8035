/* Workers followed by successors while they serve: after a reload, after an upgrade, after max_requests. */
#include <signal.h>

#include "base/clock.h"
#include "config/config.h"
#include "log/log.h"
#include "master/crew.h"

static enum board_worker told(const struct crew *crew, int index, int turn)
{
  const struct board_slot *slot = board_slot(crew->board, board_turn(index, turn));
  return board_get(&slot->pid) == (uint64_t)crew->places[index].members[turn].pid
             ? (enum board_worker)board_get(&slot->state)
             : BOARD_WORKER_NONE;
}

static bool serves(const struct crew *crew, int index, int turn)
{
  return crew->places[index].members[turn].state == MEMBER_SERVING;
}

static bool is_old(const struct crew *crew, int index, int turn)
{
  return serves(crew, index, turn) && crew->places[index].members[turn].generation != crew->generation;
}

static bool is_weary(const struct crew *crew, int index, int turn)
{
  return serves(crew, index, turn) && told(crew, index, turn) == BOARD_WORKER_WEARY;
}

static bool is_on_its_way(const struct crew *crew, int index, int turn)
{
  const struct member *member = &crew->places[index].members[turn];
  return member->state == MEMBER_STARTING && member->generation == crew->generation;
}

static bool tries(const struct crew *crew, int index, int turn)
{
  const struct member *member = &crew->places[index].members[turn];
  return member->state == MEMBER_STARTING && member->generation != crew->generation;
}

static bool any(const struct crew *crew, bool (*is)(const struct crew *, int, int))
{
  for (int i = 0; i < crew->count; i++)
    if (is(crew, i, 0) || is(crew, i, 1))
      return true;
  return false;
}

static bool any_serves(const struct crew *crew, int generation)
{
  CREW_EACH(crew, i, turn)
    if (serves(crew, i, turn) && crew->places[i].members[turn].generation == generation &&
        told(crew, i, turn) >= BOARD_WORKER_SERVING)
      return true;
  return false;
}

/* Tells a member to make way (SIGUSR1) or to end (SIGTERM); from now on it counts as one that leaves. */
static void retire(struct crew *crew, int index, int turn, int signal)
{
  struct member *member = &crew->places[index].members[turn];
  if (member->adopted)
    board_worker_state(board_slot(crew->board, board_turn(index, turn)), BOARD_WORKER_RETIRING);
  member->state = MEMBER_RETIRING;
  member->kill_at = clock_steady() + crew->config->shutdown_timeout + CREW_GRACE;
  (void)kill(member->pid, signal);
}

static void take_place(struct crew *crew, int index, int turn)
{
  struct place *place = &crew->places[index];
  place->members[turn].state = MEMBER_SERVING;
  retire(crew, index, 1 - turn, SIGUSR1);
  board_add(&board_head(crew->board)->recycles, 1);
  log_line(LOG_LEVEL_DEBUG, "worker %d: process %ld follows %ld", index, (long)place->members[turn].pid,
           (long)place->members[1 - turn].pid);
}

void crew_take_places(struct crew *crew)
{
  CREW_EACH(crew, i, turn)
    if (crew->places[i].members[turn].state == MEMBER_STARTING && told(crew, i, turn) >= BOARD_WORKER_SERVING)
      take_place(crew, i, turn);
  crew->proved |= any_serves(crew, crew->generation);
}

void crew_inherit(struct crew *crew, int index, int turn)
{
  if (tries(crew, index, turn) && told(crew, index, turn) < BOARD_WORKER_SERVING)
    retire(crew, index, turn, SIGTERM);
  else
    crew->places[index].members[turn].state = MEMBER_SERVING; /* it sees for itself that it need not wait any more */
}

/* Waits until the last one that retired has ended: its slot is needed. */
static bool may_begin(const struct crew *crew, int index, int turn)
{
  const struct place *place = &crew->places[index];
  return place->members[turn].state == MEMBER_NONE && place->due <= clock_steady();
}

static bool start(struct crew *crew, bool (*is)(const struct crew *, int, int), bool tries)
{
  CREW_EACH(crew, i, turn)
    if (is(crew, i, turn) && may_begin(crew, i, 1 - turn)) {
      crew_spawn(crew, i, 1 - turn, MEMBER_STARTING, tries);
      return true;
    }
  return false;
}

/* A candidate may be tried for long; it waits for what needs a successor at once, and not for those that grow weary
 * again and again. */
void crew_recycle(struct crew *crew)
{
  const bool changing = any(crew, is_on_its_way);
  if (any(crew, is_old)) {
    if (!changing)
      (void)start(crew, is_old, false);
    return;
  }
  if (crew->candidate != NULL && !any(crew, tries))
    (void)start(crew, serves, true);
  if (!changing)
    (void)start(crew, is_weary, false);
}

void crew_send_away(struct crew *crew, int kept)
{
  CREW_EACH(crew, i, turn) {
    const struct member *member = &crew->places[i].members[turn];
    if (member->state == MEMBER_STARTING && member->generation != kept)
      retire(crew, i, turn, SIGTERM); /* it may have said already that it is ready, and ends all the same */
  }
}

void crew_renew(struct crew *crew)
{
  crew->generation = ++crew->newest;
  crew->newest += crew->candidate != NULL;
  crew_send_away(crew, crew->generation);
}

void crew_try(struct crew *crew, struct config *candidate)
{
  crew->candidate = candidate;
  crew->newest++;
  crew_send_away(crew, crew->generation);
}

bool crew_is_decided(const struct crew *crew)
{
  return crew->candidate != NULL && (!crew->proved || any_serves(crew, crew->newest));
}

void crew_decide(struct crew *crew)
{
  crew->config = crew->candidate;
  crew->candidate = NULL;
  crew->generation = crew->newest;
  crew->proved = any_serves(crew, crew->generation);
  crew_send_away(crew, crew->generation); /* they began with what is old now */
}

static bool is_renewed(const struct crew *crew, const struct place *place)
{
  for (int turn = 0; turn < BOARD_TURNS; turn++)
    if (place->members[turn].state == MEMBER_SERVING && place->members[turn].generation == crew->generation)
      return true;
  return false;
}

bool crew_is_renewed(const struct crew *crew)
{
  for (int i = 0; i < crew->count; i++)
    if (!is_renewed(crew, &crew->places[i]))
      return false;
  return true;
}
