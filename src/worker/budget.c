/* Leases on the board, and the connections that another worker has of the same slice. */
#include "worker/budget.h"

#include "base/clock.h"

/* The server has let in by then who was just connecting, and notices that nobody is there (microseconds). */
enum { OPENING_ENDS = 200000 };

/* Of the master and the prober one or the other writes each second (microseconds). */
enum { ABANDONED_AFTER = 3000000 };

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
    budget->left_at = board_get(&budget->own->heartbeat);
    board_lease_claim(budget->own, budget->size);
  } else {
    board_lease_return(budget->own, board_get(&budget->own->leased));
  }
}

/* Whether nobody looks at this board any more: it was damaged and replaced, while its workers go on, and may say
 * anything. A prober that only hangs is waited for, because the master replaces it. */
static bool is_abandoned(const struct budget *budget)
{
  const int64_t now = clock_steady();
  const uint64_t prober = board_get(&board_prober(budget->board)->heartbeat);
  const uint64_t master = board_get(&board_head(budget->board)->heartbeat);
  return now - budget->begun > ABANDONED_AFTER && !clock_is_fresh(prober, now, ABANDONED_AFTER) &&
         !clock_is_fresh(master, now, ABANDONED_AFTER);
}

/* Whether the prober has asked the server after that moment, or never will. */
static bool looked_since(const struct budget *budget, int64_t moment)
{
  return (int64_t)board_get(&board_prober(budget->board)->looked) > moment || is_abandoned(budget);
}

/* The same for the moment of a death: what was just being opened must have shown itself at the server. */
static bool counts_dead(const struct budget *budget, uint64_t death)
{
  return looked_since(budget, (int64_t)death + OPENING_ENDS);
}

static uint64_t within_slice(const struct budget *budget, const struct board_slot *slot)
{
  const uint64_t open = board_get(&slot->pool.open);
  const uint64_t beyond = board_get(&slot->pool.overflow);
  const uint64_t within = open > beyond ? open - beyond : 0;
  return within < budget->size ? within : budget->size;
}

/* What the other has of the slice; of a younger one nothing: it counts what we have. */
static uint64_t of_other(const struct budget *budget)
{
  const struct board_slot *other = budget->other;
  switch ((enum board_worker)board_get(&other->state)) {
  case BOARD_WORKER_NONE:
    return 0;
  case BOARD_WORKER_DEAD:
    if (!counts_dead(budget, board_get(&other->heartbeat)))
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
  if (budget->left > 0 && counts_dead(budget, budget->left_at))
    budget->left = 0;
  const uint64_t claim = budget->left + of_other(budget);
  if (claim > budget->claimed)
    board_lease_claim(budget->own, claim - budget->claimed);
  else if (claim < budget->claimed)
    board_lease_return(budget->own, budget->claimed - claim);
  budget->claimed = claim;
}

static uint64_t left_at_server(const struct budget *budget)
{
  return board_get(&board_prober(budget->board)->left);
}

bool budget_is_full(const struct budget *budget)
{
  const uint64_t left = left_at_server(budget);
  if (is_abandoned(budget))
    return false;
  return budget->claimed + left > 0 && board_leased(budget->board) + left > budget->most;
}

bool budget_stays_full(const struct budget *budget)
{
  return budget_is_full(budget) && looked_since(budget, budget->begun);
}

/* Within the slice a worker may always open, unless the other's connections would make it too many. On a board that was
 * replaced there is nothing to count with, and a successor soon. */
static bool take(void *owner, bool beyond)
{
  struct budget *budget = owner;
  const uint64_t left = left_at_server(budget);
  budget_tick(budget);
  if (!looked_since(budget, 0))
    return false;
  if (!beyond)
    return !budget_is_full(budget);
  if (is_abandoned(budget))
    return false;
  if (left <= budget->most && board_lease(budget->board, budget->slot, budget->most - left))
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
