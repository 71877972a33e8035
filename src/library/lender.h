/*
 * The library's pool, the lender: connections that threads take and give back, in order of asking.
 *
 * Who must wait stands in a queue, and what is given back goes to its head. Idle connections are used last in, first
 * out. Connections that are old, or idle beyond the pool's size for too long, are closed by the next call; those that
 * stood open when the server was lost are checked before they are used again (pool/rules). While the server cannot be
 * reached one call at a time tries, after a pause that grows, and the others fail at once. Thread-safe.
 */
#ifndef LIBRARY_LENDER_H
#define LIBRARY_LENDER_H

#include <lontar/database.h>

#include "library/loan.h"

struct lender;

/* Makes an empty pool with its own copies of URL and options. LONTAR_OK or LONTAR_INTERNAL. */
enum lontar_error lender_new(const char *url, const struct lontar_options *options, struct lender **ret_lender);

/* Closes all idle connections; none may be lent. NULL is fine. */
void lender_free(struct lender *lender);

/* Gives back what a child of fork() has of it, and lets the parent's connections be. */
void lender_abandon(struct lender *lender);

/* How long a call may take, on the steady clock. */
struct patience {
  int64_t wait_until;  /* in the queue */
  int64_t ready_until; /* checking and connecting, if that comes before the connect timeout */
  bool tries_anyway;   /* its first attempt does not heed the pause after failed ones */
};

/* Takes a connection that works, outside a transaction. LONTAR_OK; LONTAR_BUSY when none became free in time or too
 * many wait already, with the pool's numbers in the message; or why none can be opened. */
enum lontar_error lender_take(struct lender *lender, const struct patience *patience, struct loan **ret_loan,
                              struct lontar_failure *failure);

/* Gives it back: an open transaction is rolled back, a broken connection is closed. */
void lender_give(struct lender *lender, struct loan *loan);

/* Marks a loan as borrowed by the calling program, and finds it again by its connection, once; NULL when it is none. */
PGconn *lender_lend(struct lender *lender, struct loan *loan);
struct loan *lender_find(struct lender *lender, const PGconn *connection);

/* The server is gone, or with `demoted` takes no writes any more: connections opened before now are to be checked, or
 * not used again. */
void lender_doubt(struct lender *lender, bool demoted);

void lender_numbers(struct lender *lender, struct lontar_numbers *ret_numbers);

const struct lontar_options *lender_options(const struct lender *lender);

#endif
