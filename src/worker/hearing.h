/* What a worker hears from the prober over the board, and passes on to its pool. Belongs to one thread. */
#ifndef WORKER_HEARING_H
#define WORKER_HEARING_H

#include <stdint.h>

#include "pool/policy.h"

struct board;
struct pool;

struct hearing {
  enum policy_word word; /* the prober's last; UNKNOWN of one that has not moved for long */
  uint64_t servers;      /* of our database_url, as the board names them */
  int64_t began;
};

void hearing_begin(struct hearing *hearing, const struct pool *pool);

/* To be called with each beat. */
void hearing_listen(struct hearing *hearing, struct board *board, struct pool *pool);

#endif
