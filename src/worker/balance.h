/*
 * Who of the workers has too many of nginx's connections, and who gets them.
 *
 * A kept connection stays with whoever accepted it, so that the shares of the workers are a matter of chance, and one
 * that comes later, after a crash, has none. All workers reckon with the same numbers of the board, and so come to the
 * same result without a word between them. Pure but for the board, which it only reads. Not thread-safe.
 */
#ifndef WORKER_BALANCE_H
#define WORKER_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"

enum { BALANCE_MOST = 64 }; /* connections of one gift */

struct balance_gift {
  int place; /* whose inbox they go into */
  int count;
};

/* Whether a worker of the place serves and moves, so that it takes what lies in its inbox. */
bool balance_moves(struct board *board, int place, int64_t now);

/* What the place, one of `places`, is to give; false when that is nothing. `now` is steady. */
bool balance_gift(struct board *board, int place, int places, int64_t now, struct balance_gift *ret_gift);

#endif
