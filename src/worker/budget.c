/* Leases on the board, and the connections that another worker has of the same slice. */
#include "worker/budget.h"

#include "base/clock.h"

/* An idle backend ends as soon as its socket closes; one that works looks every 250 ms, by our
 * client_connection_check_interval, and may have to wait for a processor. */
enum { NOTICED_AFTER = 1000000 };

enum { WANTING_LASTS = 100000 };

void budget_begin(struct budget *budget, struct board *board, int index, int turn, int64_t most, int size)
{
  const int slot = board_turn(index, turn);
  *budget = (struct budget){
      .board = board,
      .slot = slot,
      .own = board_slot(board, slot),
      .other = board_slot(board, board_turn(index, 1 - turn)),
      .most = (uint64_t)most,
      .size = (uint64_t)size,
      .begun = clock_steady(),
  };
  if (board_get(&budget->own->state) == BOARD_WORKER_DEAD) {
    budget->claimed = budget->left = board_get(&budget->own->leased) + budget->size;
    budget->left_until = (int64_t)board_get(&budget->own->heartbeat) + NOTICED_AFTER;
    board_lease_claim(budget->own, budget->size);
  } else {
    board_lease_return(budget->own, board_get(&budget->own->leased));
  }
}

static uint64_t within_slice(const struct budget *budget, const struct board_slot *slot)
{
  const uint64_t open = board_get(&slot->pool.open);
  const uint64_t beyond = board_get(&slot->pool.overflow);
  const uint64_t within = open > beyond ? open - beyond : 0;
  return within < budget->size ? within : budget->size;
}

/* What the other has of the slice; of a younger one nothing: it counts what we have. */
static uint64_t of_other(const struct budget *budget, int64_t now)
{
  const struct board_slot *other = budget->other;
  switch ((enum board_worker)board_get(&other->state)) {
  case BOARD_WORKER_NONE:
    return 0;
  case BOARD_WORKER_DEAD:
    if (now < (int64_t)board_get(&other->heartbeat) + NOTICED_AFTER)
      return budget->size;
    board_worker_end(budget->other);
    return 0;
  case BOARD_WORKER_RETIRING:
    return within_slice(budget, other);
  case BOARD_WORKER_STARTING:
  case BOARD_WORKER_SERVING:
  case BOARD_WORKER_WEARY:
    break;
  }
  return board_get(&other->started) < board_get(&budget->own->started) ? budget->size : 0;
}

void budget_tick(struct budget *budget)
{
  const int64_t now = clock_steady();
  const uint64_t claim = (now < budget->left_until ? budget->left : 0) + of_other(budget, now);
  if (claim > budget->claimed)
    board_lease_claim(budget->own, claim - budget->claimed);
  else if (claim < budget->claimed)
    board_lease_return(budget->own, budget->claimed - claim);
  budget->claimed = claim;
}

bool budget_is_full(const struct budget *budget)
{
  return budget->claimed > 0 && board_leased(budget->board) > budget->most;
}

bool budget_stays_full(const struct budget *budget)
{
  return budget_is_full(budget) && clock_steady() >= budget->begun + NOTICED_AFTER;
}

/* Within the slice a worker may always open, unless the other's connections would make it too many. */
static bool take(void *owner, bool beyond)
{
  struct budget *budget = owner;
  budget_tick(budget);
  if (!beyond)
    return !budget_is_full(budget);
  if (board_lease(budget->board, budget->slot, budget->most))
    return true;
  board_set(&budget->own->wanting, (uint64_t)clock_steady());
  return false;
}

/* Who still waits asks every few milliseconds. */
static bool wanted(void *owner)
{
  const struct budget *budget = owner;
  const int64_t now = clock_steady();
  for (int i = 0; i < BOARD_SLOTS; i++)
    if (i != budget->slot && now - (int64_t)board_get(&board_slot(budget->board, i)->wanting) < WANTING_LASTS)
      return true;
  return false;
}

static void give(void *owner)
{
  struct budget *budget = owner;
  board_lease_return(budget->own, 1);
}

struct policy_budget budget_for_pool(struct budget *budget)
{
  return (struct policy_budget){take, give, wanted, budget};
}
