/*
 * A worker's slice of the connection pool: a queue of jobs, connections in the event loop, and what happens when the
 * database goes away. Belongs to one thread; every call returns at once. Settings: src/config/options.def.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/connection.h"
#include "pool/policy.h"

struct event_base;
struct pool;

struct pool_settings {
  struct policy_settings policy;
  int64_t connect_timeout; /* times in microseconds */
  int64_t statement_timeout;
  int max_waiting;
};

/* A slice never holds more connections than this; larger settings are cut to it. */
enum { POOL_CONNECTIONS_MAX = 256 };

/* What the board shows of a slice. */
struct pool_numbers {
  int open;
  int idle;
  int busy;
  int overflow;
  int waiting;
  int64_t longest_wait; /* microseconds, since the start */
  int64_t opened;       /* counts since the start */
  int64_t closed;
  int64_t failed;
  bool down;           /* the database is known to be away */
  int64_t state_since; /* wall clock */
};

/* Starts to connect; `url` is copied. NULL when there is no memory. */
struct pool *pool_new(struct event_base *base, const char *url, const char *application_name,
                      const struct pool_settings *settings);

/* Closes every connection; jobs must be finished or cancelled before. NULL is fine. */
void pool_free(struct pool *pool);

/*
 * Takes a job (first group of its fields filled, the rest zero). `done` is called exactly once, never from within this
 * call unless the answer is known already: LONTAR_UNAVAILABLE while the database is down, LONTAR_BUSY when too many
 * wait. Other errors: those of sqlstate_error, LONTAR_DEADLINE, LONTAR_BUSY after `wait_until`.
 */
void pool_submit(struct pool *pool, struct job *job);

/* Takes a job back that was not sent yet; `done` is not called then. False when it is under way. */
bool pool_cancel(struct pool *pool, struct job *job);

/* New sizes and time-outs; connections above the new size drain. */
void pool_configure(struct pool *pool, const struct pool_settings *settings);

void pool_numbers(const struct pool *pool, struct pool_numbers *ret_numbers);

/* Whole seconds until the next attempt to connect, at least 1: for Retry-After. */
int pool_retry_after(const struct pool *pool);

#endif
