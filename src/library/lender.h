/*
 * The library's pool, the lender: connections that threads take and give back, in order of asking.
 *
 * A thread that must wait gets a ticket; what is given back goes to the oldest one. Idle connections are used last in,
 * first out. Old, broken and doubtful ones are replaced when they are taken. Thread-safe.
 */
#ifndef LIBRARY_LENDER_H
#define LIBRARY_LENDER_H

#include <libpq-fe.h>

#include <lontar/database.h>

struct lender;

/* A connection while it is lent; the pool's own record of it. */
struct loan {
  PGconn *connection; /* never NULL while lent */
  int64_t opened;     /* steady clock, as all here */
  int64_t recycle_at;
  int64_t idle_since;
  struct loan *next; /* the pool's */
};

/* Makes an empty pool with its own copies of URL and options. LONTAR_OK or LONTAR_INTERNAL. */
enum lontar_error lender_new(const char *url, const struct lontar_options *options, struct lender **ret_lender);

/* Closes all idle connections; none may be lent. NULL is fine. */
void lender_free(struct lender *lender);

/* Takes a connection that works, outside a transaction. LONTAR_OK, LONTAR_BUSY when none became free until `wait_until`
 * (with the pool's numbers in the message), or why none can be opened, until `ready_until` or the connect timeout. */
enum lontar_error lender_take(struct lender *lender, int64_t wait_until, int64_t ready_until, struct loan **ret_loan,
                              struct lontar_failure *failure);

/* Gives it back: an open transaction is rolled back, a broken connection is closed. */
void lender_give(struct lender *lender, struct loan *loan);

/* Marks a loan as borrowed by the calling program, and finds it again by its connection, once; NULL when it is none. */
PGconn *lender_lend(struct lender *lender, struct loan *loan);
struct loan *lender_find(struct lender *lender, const PGconn *connection);

/* The server is gone: connections opened before now are not used again. */
void lender_flush(struct lender *lender);

void lender_numbers(struct lender *lender, struct lontar_numbers *ret_numbers);

const struct lontar_options *lender_options(const struct lender *lender);

#endif
