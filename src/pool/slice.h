/* The inside of a slice, shared by pool.c (who waits, what is sent where) and place.c (one connection in the loop). */
#ifndef POOL_SLICE_H
#define POOL_SLICE_H

#include <event2/event.h>

#include "pool/pool.h"

/* A place for a connection; its policy_slot lies at the same index of pool.slots. */
struct place {
  struct pool *pool;
  int index;
  struct connection *connection;
  struct event *event;
  evutil_socket_t watched;
  short watched_for;
  int64_t statement_timeout; /* what its session was told */
  bool dirty;                /* has an open segment, to be synced at the end of this round of the loop */
  int64_t begun;             /* when it began to connect */
};

struct pool {
  struct event_base *base;
  char *url;
  char *application_name;
  struct pool_settings settings;
  int capacity;
  int reach; /* places in use lie below; grows with the settings */
  struct place *places;
  struct policy_slot *slots;
  struct job_list waiting;
  int waiting_count;
  int waiting_of[APPENDS + 1]; /* by kind of statement */
  struct event *tick;
  struct event *round_end; /* made active by the first send of a round of the loop */
  int joinable;            /* the place whose open segment takes more appends, -1 for none */
  int failures;            /* attempts to connect that failed in a row */
  int64_t next_attempt;
  int64_t dismissed; /* when an administrator last ended a connection */
  struct pool_numbers numbers;
};

/* Sends what can be sent, in order; opens a connection when jobs wait. Ends every entry from the loop. */
void pool_dispatch(struct pool *pool);

/* Puts a job at the head of the queue: it has waited before. */
void pool_enqueue_first(struct pool *pool, struct job *job);

/* Answers everything that waits. */
void pool_fail_waiting(struct pool *pool, enum lontar_error error);

/* The one way out of the pool for a job. */
static inline void pool_finish(struct job *job, enum lontar_error error, const PGresult *result)
{
  job->done(job, error, result);
}

/* Before any other call; false when there is no memory. */
bool place_init(struct place *place, struct pool *pool, int index);

/* Begins to connect. */
void place_open(struct place *place);

/* After any call that may have changed the connection: takes note of ready, broken or drained, and watches it anew. */
void place_settle(struct place *place);

/* Closes a connection of no more use. Its reads are queued once more, its writes fail with `error`. */
void place_lose(struct place *place, enum lontar_error error, const char *message);

#endif
