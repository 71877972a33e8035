/* A loan: one connection of the library's pool, and what it needs before and after a thread has it. */
#include "library/loan.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "library/failure.h"
#include "pool/rules.h"

/* Messages that an idle session may have got: notices, changed settings, a farewell. */
enum { UNREAD_MAX = 8 };

void loan_free(struct loan *loan)
{
  if (loan)
    PQfinish(loan->connection);
  free(loan);
}

void loan_leave(struct loan *loan, struct leaving *leaving)
{
  leaving_take(leaving, loan->connection, &loan->backend);
  free(loan);
}

void loans_free(struct loans *loans)
{
  struct loan *loan;
  while ((loan = TAILQ_FIRST(loans))) {
    TAILQ_REMOVE(loans, loan, link);
    loan_free(loan);
  }
}

void loans_abandon(struct loans *loans)
{
  struct loan *loan;
  while ((loan = TAILQ_FIRST(loans))) {
    TAILQ_REMOVE(loans, loan, link);
    leaving_disown(loan->connection);
    free(loan);
  }
}

enum lontar_error loan_open(const struct wire_way *way, int leaving_max, int64_t deadline, struct loan **ret_loan,
                            struct lontar_failure *failure)
{
  struct loan *loan = calloc(1, sizeof *loan);
  if (!loan)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  loan->opened = clock_steady();
  enum lontar_error error = wire_open(way, leaving_max, deadline, &loan->connection, &loan->backend, failure);
  if (error != LONTAR_OK) {
    loan_free(loan);
    return error;
  }
  loan->answered = clock_steady();
  loan->recycle_at = rules_recycle_at(loan->answered, way->options->pool_recycle * CLOCK_MILLISECOND, random_bits());
  *ret_loan = loan;
  return LONTAR_OK;
}

/* One that was late counts as one that answered: it is not clean, and so not used again. */
enum lontar_error loan_run(struct loan *loan, const struct wire_statement *statements, size_t count, int64_t deadline,
                           PGresult **ret_result, struct lontar_failure *failure)
{
  enum lontar_error error = wire_run(loan->connection, statements, count, deadline, ret_result, failure);
  loan->answered = clock_steady();
  return error;
}

static bool loan_does(struct loan *loan, const char *sql, int64_t deadline)
{
  PGresult *result = NULL;
  const struct wire_statement statement = {.sql = sql};
  bool good = loan_run(loan, &statement, 1, deadline, &result, NULL) == LONTAR_OK;
  PQclear(result);
  return good;
}

/* Reads what came while nobody asked, which is how the end of the connection is seen without a round trip. */
static bool loan_read_unasked(struct loan *loan)
{
  struct pollfd socket = {.fd = PQsocket(loan->connection), .events = POLLIN};
  for (int i = 0; i < UNREAD_MAX && PQstatus(loan->connection) == CONNECTION_OK; i++) {
    if (poll(&socket, 1, 0) == 0)
      return true;
    if (!PQconsumeInput(loan->connection))
      return false;
  }
  return false;
}

bool loan_lives(struct loan *loan, bool unproved, int64_t deadline)
{
  return loan_read_unasked(loan) && (!unproved || loan_does(loan, "SELECT 1", deadline));
}

bool loan_clean(struct loan *loan)
{
  if (loan->spoilt || PQstatus(loan->connection) != CONNECTION_OK ||
      PQpipelineStatus(loan->connection) != PQ_PIPELINE_OFF)
    return false;
  switch (PQtransactionStatus(loan->connection)) {
  case PQTRANS_IDLE:
    break;
  case PQTRANS_INTRANS:
  case PQTRANS_INERROR:
    if (!loan_does(loan, "ROLLBACK", clock_steady() + RULES_CHECK_LIMIT))
      return false;
    break;
  default: /* a statement is still running, or nobody knows */
    return false;
  }
  return wire_reset(loan->connection);
}
