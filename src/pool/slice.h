/*
 * The inside of a slice. Calls go downward: pool.c (jobs, what the policy says, rounds of the loop), place.c (one
 * connection in the loop), inspect.c (how it is looked after), outcome.c (what becomes of a job that is
 * answered; of those of a lost connection place.c) and leaving.c (its end). What a place learns from the loop reaches
 * the top by `dispatch`.
 */
#ifndef POOL_SLICE_H
#define POOL_SLICE_H

#include <event2/event.h>

#include "pool/connection.h"
#include "pool/policy.h"
#include "pool/pool.h"
#include "pool/trouble.h"

/* How often a statement goes to another session because one did not fit. */
enum { RENEWALS = 4 };

/* Lines of the log that say the same follow each other by so much (microseconds). */
enum { SLICE_TELL_AGAIN_AFTER = 10000000 };

/* A place for a connection; its policy_slot lies at the same index of the policy. */
struct place {
  struct pool *pool;
  int index;
  struct connection *connection; /* NULL while the slot is closed or leaving */
  struct event *event;
  evutil_socket_t watched;
  short watched_for;
  bool heard;        /* bytes came since the last tick */
  bool dirty;        /* has an open segment, to be synced at the end of this round of the loop */
  struct job check;  /* that the server still answers */
  struct job cancel; /* of a statement that nobody wants, sent on another connection */
  bool cancelling;
  int left_backend; /* while the slot is leaving: the server's process, 0: unknown, … */
  int left_note;    /* … where its end is asked for, -1: nowhere yet, … */
  int64_t left_at;  /* … and since when */
};

struct pool {
  void (*dispatch)(struct pool *pool); /* does what the policy says; ends every entry from the loop */
  struct event_base *base;
  struct dialer *dialer;
  char *application_name;
  struct pool_owner owner;
  int64_t held_limit;
  bool prepared_statements;
  struct place *places;
  struct policy policy;
  struct pulse *tick;
  struct event *round_end; /* made active by the first send of a round of the loop */
  int64_t next_probe;
  int64_t moved;                   /* connections begun before are with a server that is not in use any more */
  int64_t dismissed;               /* when an administrator last ended a connection */
  int pardons;                     /* attempts to connect that failed with it, since the last connection */
  int64_t locked[STATEMENT_COUNT]; /* when a read last met a lock that nobody has passed since; 0: never */
  char loss[256];                  /* the last one, for the log */
  int64_t told_unopened;           /* when the log last said that no other connection can be opened, … */
  int64_t told_renewal;            /* … and that a session did not fit */
  struct troubles troubles;
  int64_t told_doubt; /* when the prober was last asked because of them */
  struct pool_numbers numbers;
};

static inline struct policy_slot *place_slot(struct place *place)
{
  return &place->pool->policy.slots[place->index];
}

/* ---- outcome.c ---- */

/* Queues a job; where it cannot wait it is finished at once. False then. */
bool slice_ask(struct pool *pool, struct job *job);

/* Puts a job that comes back before all others. */
void slice_return(struct pool *pool, struct job *job);

/* The one way out of the pool for a job, so that it is known here what requests meet. */
void slice_finish(struct pool *pool, struct job *job, enum lontar_error error, const PGresult *result);

/* A statement has met it, or STATEMENT_none for a session that could not begin: who looks after health is told. */
void slice_meet(struct pool *pool, enum statement statement, enum trouble trouble);

/* For the connection: it has done with a job. */
void place_job_done(void *owner, struct connection *connection, struct job *job, enum lontar_error error,
                    const PGresult *result, bool again);

/* Once a cancel has been asked for and what was in flight then is answered, the place may take something again. */
void place_unbar(struct place *place);

/* ---- leaving.c ---- */

/* The connection goes; the slot is leaving, or closed when the server's end was seen. Its jobs are the caller's. */
void place_leave(struct place *place, enum policy_reason reason);

/* The same for an idle one. */
void place_close(struct place *place, enum policy_reason reason);

/* The place is free again. */
void place_vacate(struct place *place, enum policy_reason reason);

/* Has the end of a session looked for at the server, where it does not come by itself. */
void place_inspect_leaving(struct place *place, int64_t now);

/* A place that is leaving is free: it is known without a look that its session does not count. */
void place_end_leaving(struct place *place);

/* ---- inspect.c ---- */

/* What is to be told, cancelled or sent elsewhere of that which runs there, or asked about a session that was left. */
void place_inspect(struct place *place, int64_t now);

/* Frees what stands in the pipeline for jobs that were taken out of it. */
void place_forget(struct place *place);

/* ---- place.c ---- */

/* Begins to connect. */
void place_open(struct pool *pool, int index);

void place_send(struct place *place, struct job *job);
void place_check(struct place *place);

/* Closes the open segment of this round. */
void place_sync(struct place *place);

/* The connection takes too long to open. */
void place_late(struct place *place);

/* Closes a connection of no more use. Its reads are queued once more, its writes fail. */
void place_lose(struct place *place, enum lontar_error error, enum policy_reason reason, const char *message);

/* The database is at another server now: what is left at this one counts no more. */
void place_forsake(struct place *place);

/* Frees without a word. */
void place_clear(struct place *place);

#endif
