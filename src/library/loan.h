/*
 * A loan: one connection of the library's pool, and what it needs before and after a thread has it.
 *
 * Times are clock_steady's. Thread-safe for different loans.
 */
#ifndef LIBRARY_LOAN_H
#define LIBRARY_LOAN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <lontar/database.h>

#include "library/leaving.h"
#include "library/wire.h"

struct loan {
  PGconn *connection; /* never NULL */
  struct backend backend;
  int64_t opened; /* when connecting to it began */
  int64_t recycle_at;
  int64_t answered; /* when the server last did */
  int64_t idle_since;
  int64_t lent_since;
  bool borrowed; /* the calling program holds the connection itself */
  bool spoilt;   /* a statement left something in the session that is for nobody else */
  TAILQ_ENTRY(loan) link;
};

TAILQ_HEAD(loans, loan);

/* Opens a connection, as wire_open does. LONTAR_OK, or LONTAR_UNAVAILABLE or LONTAR_INTERNAL; loan_free ends it. */
enum lontar_error loan_open(const struct wire_way *way, int leaving_max, int64_t deadline, struct loan **ret_loan,
                            struct lontar_failure *failure);

/* NULL is fine. */
void loan_free(struct loan *loan);

/* Ends it, and leaves its connection to those that are leaving. */
void loan_leave(struct loan *loan, struct leaving *leaving);

/* Frees all and leaves the list empty. */
void loans_free(struct loans *loans);

/* The same in a child of the process that opened them: the server, and the parent, notice nothing. */
void loans_abandon(struct loans *loans);

/* As wire_run does. */
enum lontar_error loan_run(struct loan *loan, const struct wire_statement *statements, size_t count, int64_t deadline,
                           PGresult **ret_result, struct lontar_failure *failure);

/* Whether an idle connection still lives: what the socket says, and of an unproved one an answer of the server. */
bool loan_lives(struct loan *loan, bool unproved, int64_t deadline);

/* Makes a connection fit for the next one, with a rollback if need be. False when it is to be closed. */
bool loan_clean(struct loan *loan);

#endif
