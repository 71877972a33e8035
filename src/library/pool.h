/*
 * The library's pool: connections that threads take and give back, in order of asking.
 *
 * A thread that must wait gets a ticket; what is given back goes to the oldest one. Idle connections are used last in,
 * first out. Old, broken and doubtful ones are replaced when they are taken. Thread-safe.
 */
#ifndef LIBRARY_POOL_H
#define LIBRARY_POOL_H

#include <libpq-fe.h>

#include <lontar/database.h>

struct pool;

/* A connection while it is lent; the pool's own record of it. */
struct pool_item {
  PGconn *connection; /* never NULL while lent */
  int64_t opened;     /* steady clock, as all here */
  int64_t recycle_at;
  int64_t idle_since;
  struct pool_item *next; /* the pool's */
};

/* Makes an empty pool with its own copies of URL and options. LONTAR_OK or LONTAR_INTERNAL. */
enum lontar_error pool_new(const char *url, const struct lontar_options *options, struct pool **ret_pool);

/* Closes all idle connections; none may be lent. NULL is fine. */
void pool_free(struct pool *pool);

/* Takes a connection that works, outside a transaction. LONTAR_OK, LONTAR_BUSY past `deadline` (with the pool's numbers
 * in the message), or why none can be opened. */
enum lontar_error pool_take(struct pool *pool, int64_t deadline, struct pool_item **ret_item,
                            struct lontar_failure *failure);

/* Gives it back: an open transaction is rolled back, a broken connection is closed. */
void pool_give(struct pool *pool, struct pool_item *item);

/* The server is gone: connections opened before now are not used again. */
void pool_flush(struct pool *pool);

void pool_numbers(struct pool *pool, struct lontar_numbers *ret_numbers);

const struct lontar_options *pool_options(const struct pool *pool);

#endif
