/*
 * The pool's decisions, apart from its doing: which connection takes a statement, when one is opened, replaced or given
 * up. Pure: time is passed in (microseconds on the steady clock), so tests drive it with a clock of their own.
 */
#ifndef POOL_POLICY_H
#define POOL_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "repo/statement.h"

/* A request waits this long (microseconds) before a connection beyond the size is opened for it: shorter waits are the
 * commits of others. */
enum { POLICY_OVERFLOW_AFTER = 20000 };

/* A statement that runs longer (microseconds) holds up what stands behind it in its pipeline; nothing is added there.
 */
enum { POLICY_SLOW = 5000 };

/* How many reads wait in one connection's pipeline before the next connection is woken, and how many appends share a
 * commit. Sources: the measurements in src/README.md. */
enum { POLICY_READ_DEPTH = 32, POLICY_APPENDS_A_COMMIT = 32 };

struct policy_settings {
  int size;             /* connections kept open */
  int max_overflow;     /* more that may be opened while all are busy */
  int64_t recycle;      /* age at which a connection is replaced, less up to a tenth at random */
  int64_t idle_timeout; /* idle time after which an overflow connection closes */
};

enum slot_state {
  SLOT_CLOSED,
  SLOT_CONNECTING,
  SLOT_READY,
  SLOT_DRAINING, /* takes nothing new, closes when its pipeline is empty */
};

/* What the policy knows of one connection. The pool keeps it up to date. */
struct policy_slot {
  enum slot_state state;
  int in_flight;      /* statements sent and not answered */
  bool writing;       /* some of them write */
  int64_t head_since; /* since when the server works on the oldest statement */
  int64_t idle_since; /* when its pipeline became empty */
  int64_t recycle_at; /* age limit with its jitter */
};

/*
 * The slot that takes a statement of this kind now, -1 when all are busy. Reads fill one pipeline before the next, but
 * not behind a statement that has run for POLICY_SLOW; appends join only what is sent together (`joinable` is the slot
 * of the unfinished group, or -1); writes go alone. Writes leave the last connection to the reads.
 */
int policy_pick(const struct policy_slot *slots, int count, enum statement_kind kind, int joinable, int64_t now);

/* True when another connection should be opened: below the size always, beyond it one after the other while the first
 * of the queue has waited (microseconds; -1: nobody waits) for POLICY_OVERFLOW_AFTER. */
bool policy_should_open(const struct policy_settings *settings, const struct policy_slot *slots, int count,
                        int64_t waited);

/* True when an idle or busy slot should be drained: too old, or an overflow connection idle for too long. */
bool policy_should_drain(const struct policy_settings *settings, const struct policy_slot *slots, int count, int slot,
                         int64_t now);

/* The time at which a connection opened now is recycled; `random` is any 32 random bits. */
int64_t policy_recycle_at(const struct policy_settings *settings, int64_t now, uint32_t random);

/* Pause before the next attempt after `failures` failed ones in a row: 0.1 s doubling to 5 s, up to a tenth longer. */
int64_t policy_back_off(int failures, uint32_t random);

#endif
