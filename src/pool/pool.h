/*
 * A worker's slice of the connection pool: a queue of jobs, connections in the event loop, and what happens when the
 * database goes away. Belongs to one thread; every call returns at once. What a lost connection had is place.c's.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/dial.h"
#include "pool/job.h"
#include "pool/slots.h"
#include "pool/trouble.h"

struct event_base;
struct pool;

struct pool_settings {
  struct policy_settings policy;
  int64_t held_limit;       /* microseconds after which a job's `held` is called */
  bool prepared_statements; /* taken at pool_new only */
};

/*
 * What the slice asks of its surroundings. `suspect` is told of every connection that is lost or cannot be opened.
 * `passed`: a statement has done its work that another worker has trouble with.
 * `troubled`: requests meet something that they did not meet before; with `doubt` the prober may know better.
 * `note`: this process of the server was left and has not been seen to end; somebody shall end it and look. The number
 * of the note, or -1 when there is no room at the moment. `is_gone`: it was looked for and is not there any more.
 * `forget`: nobody waits for it any longer. `is_crowded`: so much waits to be written that no dear read is sent now.
 */
struct pool_owner {
  struct policy_budget budget;
  void (*suspect)(void *owner);
  void (*troubled)(void *owner, bool doubt);
  void (*passed)(void *owner, enum statement statement);
  int (*note)(void *owner, int backend);
  bool (*is_gone)(void *owner, int note);
  void (*forget)(void *owner, int note);
  bool (*is_crowded)(void *owner);
  void *owner;
};

/* What the board shows of a slice. */
struct pool_numbers {
  int open;
  int idle;
  int busy;
  int overflow;
  int leaving; /* of the open ones: closed here, and not yet seen to end at the server */
  int waiting;
  int64_t longest_wait; /* microseconds, since the start */
  int64_t opened;       /* counts since the start */
  int64_t closed[POLICY_REASONS];
  int64_t failed;
  int64_t answered;    /* when the server last answered on any connection, steady; 0: never */
  bool down;           /* the database is known to be away */
  int64_t state_since; /* wall clock */
};

/* Starts to connect; `url` is copied. NULL when there is no memory. */
struct pool *pool_new(struct event_base *base, const char *url, const char *application_name,
                      const struct pool_settings *settings, const struct pool_owner *owner);

/* Closes every connection; jobs must be finished or cancelled before. NULL is fine. */
void pool_free(struct pool *pool);

/*
 * Takes a job (first group of its fields filled, the rest zero). `done` is called exactly once, never from within this
 * call unless the answer is known already: LONTAR_UNAVAILABLE while the database is down, LONTAR_BUSY when too many
 * wait. Other errors: those of sqlstate_error, LONTAR_DEADLINE, LONTAR_BUSY after `wait_until`.
 */
void pool_submit(struct pool *pool, struct job *job);

/* Takes a job back that was not sent yet; `done` is not called then. False when it is under way: `done` is still
 * called, and a read that runs for long is cancelled in the server. */
bool pool_cancel(struct pool *pool, struct job *job);

/* Closes idle connections at once and the others when they are idle. Jobs are still served, by one connection. */
void pool_drain(struct pool *pool);

/* The servers that the URL names, as in dial.h. */
int pool_server_count(const struct pool *pool);
uint64_t pool_servers(const struct pool *pool);

/* Of several servers none is chosen yet, as at the beginning: no connection is begun. */
enum { POOL_AWAIT = -2 };

/* Connections go to this one of the URL's servers (DIALER_ANY: any; POOL_AWAIT) from now on. Those that were begun
 * before `moved` (steady) are with another primary, and are closed: their reads are sent again, their writes fail. */
void pool_aim(struct pool *pool, int server, int64_t moved);

/* The answer to a statement is a fault on our side, though the server's word was not: as judged by what was asked. */
void pool_blame(struct pool *pool, enum statement statement);

/* The prober asked at that time (steady) and found all that requests need. */
void pool_found_well(struct pool *pool, int64_t asked);

/* The other workers' share: bits of the statements that they have trouble with, and when (steady) each last did its
 * work in any worker that was told so. Returns the bits of this one. */
uint64_t pool_share_troubles(struct pool *pool, uint64_t elsewhere, const uint64_t passed[STATEMENT_COUNT]);

/* What requests meet now, each since when (steady), 0 for what they do not. */
void pool_troubles(struct pool *pool, int64_t ret_since[TROUBLE_KINDS]);

/* The prober's word, and when (steady) it looks again while the database is away. */
void pool_told(struct pool *pool, enum policy_word word, int64_t next_probe);

void pool_numbers(const struct pool *pool, struct pool_numbers *ret_numbers);

/* Whole seconds until the next attempt to connect, at least 1: for Retry-After. */
int pool_retry_after(const struct pool *pool);

#endif
