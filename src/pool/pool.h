/*
 * A worker's slice of the connection pool: a queue of jobs, connections in the event loop, and what happens when the
 * database goes away. Belongs to one thread; every call returns at once. Settings: src/config/options.def.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/dial.h"
#include "pool/job.h"
#include "pool/surroundings.h"
#include "pool/trouble.h"

struct event_base;
struct pool;

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
