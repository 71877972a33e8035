/*
 * The overflow of database connections that all workers share, taken and returned through the board. A worker that died
 * still holds its connections for a moment, until the server notices: its successor counts them as taken.
 */
#ifndef WORKER_BUDGET_H
#define WORKER_BUDGET_H

#include <stdint.h>

#include "health/board.h"
#include "pool/policy.h"

struct budget {
  struct board *board;
  int index;
  uint64_t most;        /* pool_max_overflow */
  uint64_t ghosts;      /* connections of a predecessor that died, among the slot's leases */
  int64_t ghosts_until; /* when the server has surely noticed (steady) */
};

/* Before board_worker_begin, because it looks at what the slot's last worker left; `size` connections are within a
 * worker's slice. */
void budget_begin(struct budget *budget, struct board *board, int index, int64_t most, int size);

/* After a reload. */
void budget_set(struct budget *budget, int64_t most);

/* To be called some times a second. */
void budget_tick(struct budget *budget);

/* Borrows the budget. */
struct policy_budget budget_for_pool(struct budget *budget);

#endif
