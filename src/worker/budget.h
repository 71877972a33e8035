/*
 * The overflow of database connections that all workers share, taken and returned through the board.
 *
 * A place has one slice of pool_size, but for a while two workers: one that follows and one that retires, or one that
 * died and whose connections the server still has. The one that came later counts what the other has of their slice as
 * taken from the overflow, so that all together never exceed pool_size and pool_max_overflow. What those that died have
 * left is known only when the prober has looked at the server since; until it has looked for the first time, nothing is
 * opened.
 */
#ifndef WORKER_BUDGET_H
#define WORKER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"
#include "pool/policy.h"

struct budget {
  struct board *board;
  int slot;
  struct board_slot *own;
  struct board_slot *other; /* of the place's other turn */
  uint64_t most;            /* pool_max_overflow */
  uint64_t size;            /* of the slice */
  int64_t begun;            /* steady */
  uint64_t left;            /* connections of one that died in the own slot, */
  uint64_t left_at;         /* seen then (steady): until the prober has looked after that */
  uint64_t claimed;         /* those, and what the other has of the slice: among the own slot's leases */
};

/* Before board_worker_begin, because it looks at what the slot's last worker left; `size` connections are within a
 * worker's slice. */
void budget_begin(struct budget *budget, struct board *board, int index, int turn, int64_t most, int size);

/* To be called some times a second. */
void budget_tick(struct budget *budget);

/* While this is so, not even the first connection may be opened. */
bool budget_is_full(const struct budget *budget);

/* The same, and those that have died before the budget began are not the cause: the prober has looked since. */
bool budget_stays_full(const struct budget *budget);

/* Borrows the budget. */
struct policy_budget budget_for_pool(struct budget *budget);

#endif
