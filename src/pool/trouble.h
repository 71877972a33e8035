/*
 * What requests of a worker met last: for each statement the trouble that it ended with and that nothing better has
 * followed yet. So health never says better than what the last requests got. Pure: time is passed in (microseconds on
 * the steady clock). Belongs to one thread.
 */
#ifndef POOL_TROUBLE_H
#define POOL_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include <lontar/error.h>

#include "repo/statement.h"

/* What people are told of each stands in health/complaint.c. */
enum trouble {
  TROUBLE_NONE,
  TROUBLE_SCHEMA,      /* something is not there that a statement names */
  TROUBLE_RIGHTS,      /* the role may not do what a statement does */
  TROUBLE_READ_ONLY,   /* the server takes no writes */
  TROUBLE_DISK,        /* the server's disk is full */
  TROUBLE_STANDBY,     /* commits wait for a standby; only the prober can see that */
  TROUBLE_LOCKS,       /* somebody else's lock is waited for */
  TROUBLE_WAITS,       /* no answer in time, or too many wait for one */
  TROUBLE_FAULT,       /* any other no of the server that is not the caller's fault */
  TROUBLE_AWAY,        /* this worker has no connection */
  TROUBLE_PASSWORDS,   /* too many wait to be checked */
  TROUBLE_MEMORY,      /* a request was refused for want of it */
  TROUBLE_DESCRIPTORS, /* no descriptor for another connection */
  TROUBLE_KINDS
};

/* Slowness is momentary: without news it is forgotten after so long. */
#define TROUBLE_LIFE INT64_C(10000000)

_Static_assert(STATEMENT_COUNT <= 64, "a word has a bit for each statement");

/* Begins zeroed. STATEMENT_none stands for a session's beginning. */
struct troubles {
  unsigned char kinds[STATEMENT_COUNT]; /* enum trouble */
  bool contradicted[STATEMENT_COUNT];   /* the prober found all well, and it came again */
  int64_t met[STATEMENT_COUNT];         /* the last time */
  int count;                            /* statements that have one */
  uint64_t elsewhere;                   /* bits of those that have one in another worker */
  int64_t since[TROUBLE_KINDS];         /* as troubles_look found them; 0: it is not there */
};

/* What an end means; `sqlstate` is NULL when the server has said nothing, `direct` when no function of somebody else
 * said it. TROUBLE_NONE for a success, and for what may be the caller's fault. */
enum trouble trouble_of(enum lontar_error error, const char *sqlstate, bool direct);

/* Whether the prober's question would show it, too. */
bool trouble_is_the_probers(enum trouble trouble);

/* A statement has met it. True when no other statement had such trouble: somebody should be told. */
bool troubles_meet(struct troubles *troubles, enum statement statement, enum trouble trouble, int64_t now);

/* A statement has done its work. For slowness and what is not one statement's alone others speak, too, after a while.
 */
void troubles_pass(struct troubles *troubles, enum statement statement, int64_t now);

/* The prober asked at `asked` and found all that requests need: what was met before is over, unless it came again after
 * such an answer. */
void troubles_over(struct troubles *troubles, int64_t asked);

/* A bit for each statement that has one: a success in any worker is one for all. */
uint64_t troubles_bits(const struct troubles *troubles);

/* A statement has done its work in another worker, the last time at `when`. */
void troubles_passed(struct troubles *troubles, enum statement statement, int64_t when);

/* It is over everywhere. */
void troubles_forget(struct troubles *troubles, enum trouble trouble);

/* Forgets what is too old, and notes in `since` which kinds there are. */
void troubles_look(struct troubles *troubles, int64_t now);

#endif
