/*
 * What lontard's pool and liblontar's lender decide alike about connections to a server that may go away, once for
 * both. Pure: time (microseconds on the steady clock) and random bits are passed in.
 *
 * What a lost connection says of the others: proof counts, not suspicion. None of them is proved any more, so each is
 * checked before it is handed out again; a check that fails is a loss, too. Only a server that takes no writes any more
 * (SQLSTATE_STANDBY) makes worthless what was opened before.
 */
#ifndef POOL_RULES_H
#define POOL_RULES_H

#include <stdbool.h>
#include <stdint.h>

/* Microseconds. */
enum {
  RULES_CHECK_AFTER = 30000000, /* who has not answered for so long is not handed out without a check … */
  RULES_CHECK_LIMIT = 1000000,  /* … that may take so long */
  RULES_GRACE = 500000,         /* silence beyond the server's own statement_timeout before it is given up */
  RULES_LEFT_BUSY = 100000,     /* a session that we left ends by itself within this time, in the middle of work … */
  RULES_LEFT_RESTING = 1000000, /* … or after a farewell; else the server's process is asked to end */
  RULES_CONFLICT_PAUSE = 10000, /* who met a conflict comes again within so much for each time that he did */
};

/* How often a serialization failure or a deadlock is tried again. */
enum { RULES_CONFLICT_RETRIES = 3 };

/* When the server last answered on a connection of which nothing is known. */
#define RULES_UNPROVED (INT64_MIN / 2)

/* Whether it may be handed out without a check. */
static inline bool rules_is_proved(int64_t answered, int64_t at)
{
  return at - answered < RULES_CHECK_AFTER;
}

/* Pause before the next attempt after `failures` failed ones in a row: 0.1 s doubling to 5 s, up to a tenth longer. */
int64_t rules_back_off(int failures, uint32_t random);

/* When a connection is replaced, so that those of one moment do not all go at one moment: up to a tenth sooner. */
int64_t rules_recycle_at(int64_t opened, int64_t life, uint32_t random);

/* Before the next of `attempts` (from 1) of something that takes `pause` for each, or less at random. */
int64_t rules_pause(int64_t pause, int attempts, uint32_t random);

#endif
