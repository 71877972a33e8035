/* Leases on the board, and the connections that a dead predecessor leaves behind. */
#include "worker/budget.h"

#include "base/clock.h"

/* An idle backend ends as soon as its socket closes; one that works looks every 250 ms, by our
 * client_connection_check_interval. */
enum { GHOST_LIFE = 400000 };

static void lay_ghosts(struct budget *budget)
{
  board_lease_return(board_slot(budget->board, budget->index), budget->ghosts);
  budget->ghosts = 0;
}

void budget_begin(struct budget *budget, struct board *board, int index, int64_t most, int size)
{
  struct board_slot *slot = board_slot(board, index);
  *budget = (struct budget){.board = board, .index = index, .most = (uint64_t)most};
  if (board_get(&slot->pid) == 0)
    return;
  budget->ghosts = board_get(&slot->leased) + (uint64_t)size;
  budget->ghosts_until = clock_steady() + GHOST_LIFE;
  board_set(&slot->leased, budget->ghosts);
}

void budget_set(struct budget *budget, int64_t most)
{
  budget->most = (uint64_t)most;
}

void budget_tick(struct budget *budget)
{
  if (budget->ghosts > 0 && clock_steady() >= budget->ghosts_until)
    lay_ghosts(budget);
}

/* Within the slice a worker may always open, unless the ghosts of its predecessor would make it too many. */
static bool take(void *owner, bool beyond)
{
  struct budget *budget = owner;
  budget_tick(budget);
  if (beyond)
    return board_lease(budget->board, budget->index, budget->most);
  return budget->ghosts == 0 || board_leased(budget->board) <= budget->most;
}

static void give(void *owner)
{
  struct budget *budget = owner;
  board_lease_return(board_slot(budget->board, budget->index), 1);
}

struct policy_budget budget_for_pool(struct budget *budget)
{
  return (struct policy_budget){take, give, budget};
}
