/* Workers followed by successors while they serve: after a reload, after an upgrade, after max_requests. */
#include <signal.h>

#include "base/clock.h"
#include "config/config.h"
#include "log/log.h"
#include "master/crew.h"

/* What a retiring worker gets beyond shutdown_timeout, so that it ends by its own clock and not by ours. */
#define RETIRE_GRACE CLOCK_SECOND

static enum board_worker told(const struct crew *crew, int index, int turn)
{
  const struct board_slot *slot = board_slot(crew->board, board_turn(index, turn));
  return board_get(&slot->pid) == (uint64_t)crew->places[index].members[turn].pid
             ? (enum board_worker)board_get(&slot->state)
             : BOARD_WORKER_NONE;
}

static bool is_stale(const struct crew *crew, int index, int turn)
{
  const struct member *member = &crew->places[index].members[turn];
  return member->state == MEMBER_SERVING &&
         (member->generation != crew->generation || told(crew, index, turn) == BOARD_WORKER_WEARY);
}

/* Tells a member to make way (SIGUSR1) or to end (SIGTERM); from now on it counts as one that leaves. */
static void retire(struct crew *crew, int index, int turn, int signal)
{
  struct member *member = &crew->places[index].members[turn];
  if (member->adopted)
    board_worker_state(board_slot(crew->board, board_turn(index, turn)), BOARD_WORKER_RETIRING);
  member->state = MEMBER_RETIRING;
  member->kill_at = clock_steady() + crew->config->shutdown_timeout + RETIRE_GRACE;
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

/* True while a successor of the place is on its way. */
static bool is_changing(struct crew *crew, int index)
{
  for (int turn = 0; turn < BOARD_TURNS; turn++) {
    if (crew->places[index].members[turn].state != MEMBER_STARTING)
      continue;
    if (told(crew, index, turn) < BOARD_WORKER_SERVING)
      return true;
    take_place(crew, index, turn);
  }
  return false;
}

/* Waits until the last one that retired has ended: its slot is needed. */
static bool start_successor(struct crew *crew, int index)
{
  struct place *place = &crew->places[index];
  for (int turn = 0; turn < BOARD_TURNS; turn++) {
    if (!is_stale(crew, index, turn) || place->members[1 - turn].state != MEMBER_NONE || place->due > clock_steady())
      continue;
    crew_spawn(crew, index, 1 - turn, MEMBER_STARTING);
    return true;
  }
  return false;
}

void crew_recycle(struct crew *crew)
{
  bool changing = false;
  for (int i = 0; i < crew->count; i++)
    changing |= is_changing(crew, i);
  for (int i = 0; i < crew->count && !changing; i++)
    changing = start_successor(crew, i);
}

void crew_send_successors_away(struct crew *crew)
{
  for (int i = 0; i < crew->count; i++)
    for (int turn = 0; turn < BOARD_TURNS; turn++)
      if (crew->places[i].members[turn].state == MEMBER_STARTING)
        retire(crew, i, turn, SIGTERM); /* it may have said already that it is ready, and ends all the same */
}

void crew_renew(struct crew *crew)
{
  crew->generation++;
  crew_send_successors_away(crew); /* they began with what is old now */
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
