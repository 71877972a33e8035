/* The library's pool, the lender: connections that threads take and give back, in order of asking. */
#include "library/lender.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "base/clock.h"
#include "library/failure.h"
#include "library/wire.h"

/* A connection idle for longer is asked whether it still lives before it is used. */
#define VALIDATE_AFTER (30 * CLOCK_SECOND)

/* Time for that question, and for a rollback. */
#define VALIDATE_TIMEOUT CLOCK_SECOND

/* One waiting thread. What it gets is a place in the pool, with an idle connection or without. */
struct ticket {
  pthread_cond_t ready;
  bool served;
  struct loan *loan;
  TAILQ_ENTRY(ticket) link;
};

struct lender {
  char *url;
  char *application_name;
  struct lontar_options options;
  pthread_mutex_t lock; /* guards all below */
  TAILQ_HEAD(, ticket) waiting;
  struct loan *idle;
  struct loan *borrowed; /* lent to the calling program as a bare PGconn */
  int places;            /* taken: lent, idle or being opened */
  int idle_count;
  int waiting_count;
  int64_t flushed; /* connections opened before are doubtful */
};

enum lontar_error lender_new(const char *url, const struct lontar_options *options, struct lender **ret_lender)
{
  struct lender *lender = calloc(1, sizeof *lender);
  if (!lender)
    return LONTAR_INTERNAL;
  lender->url = strdup(url);
  lender->application_name = strdup(options->application_name ? options->application_name : "lontar");
  lender->options = *options;
  lender->options.application_name = lender->application_name;
  TAILQ_INIT(&lender->waiting);
  pthread_mutex_init(&lender->lock, NULL);
  if (!lender->url || !lender->application_name) {
    lender_free(lender);
    return LONTAR_INTERNAL;
  }
  *ret_lender = lender;
  return LONTAR_OK;
}

static void loan_free(struct loan *loan)
{
  if (loan)
    PQfinish(loan->connection);
  free(loan);
}

void lender_free(struct lender *lender)
{
  if (!lender)
    return;
  while (lender->idle) {
    struct loan *loan = lender->idle;
    lender->idle = loan->next;
    loan_free(loan);
  }
  pthread_mutex_destroy(&lender->lock);
  free(lender->url);
  free(lender->application_name);
  free(lender);
}

const struct lontar_options *lender_options(const struct lender *lender)
{
  return &lender->options;
}

/* Waits for a ticket to be served, under the lock. */
static bool ticket_wait(struct lender *lender, struct ticket *ticket, int64_t deadline)
{
  struct timespec until = {.tv_sec = deadline / CLOCK_SECOND, .tv_nsec = (deadline % CLOCK_SECOND) * 1000};
  while (!ticket->served) {
    if (pthread_cond_clockwait(&ticket->ready, &lender->lock, CLOCK_MONOTONIC, &until) != 0)
      return ticket->served;
  }
  return true;
}

/* Stands in the queue, under the lock. False when the deadline came first. */
static bool lender_queue(struct lender *lender, int64_t deadline, struct loan **ret_loan)
{
  struct ticket ticket = {.served = false};
  pthread_cond_init(&ticket.ready, NULL);
  TAILQ_INSERT_TAIL(&lender->waiting, &ticket, link);
  lender->waiting_count++;
  bool served = ticket_wait(lender, &ticket, deadline);
  if (!served) {
    TAILQ_REMOVE(&lender->waiting, &ticket, link);
    lender->waiting_count--;
  }
  pthread_cond_destroy(&ticket.ready);
  *ret_loan = ticket.loan;
  return served;
}

static int lender_limit(const struct lender *lender)
{
  return lender->options.pool_size + lender->options.pool_max_overflow;
}

/* Gets a place, and an idle connection with it where there is one. */
static enum lontar_error lender_enter(struct lender *lender, int64_t deadline, struct loan **ret_loan,
                                      struct lontar_failure *failure)
{
  enum lontar_error error = LONTAR_OK;
  pthread_mutex_lock(&lender->lock);
  *ret_loan = NULL;
  if (lender->idle) {
    *ret_loan = lender->idle;
    lender->idle = lender->idle->next;
    lender->idle_count--;
  } else if (lender->places < lender_limit(lender)) {
    lender->places++;
  } else if (!lender_queue(lender, deadline, ret_loan)) {
    error = failure_set(failure, LONTAR_BUSY, "no connection became free in time: %d of %d are busy, %d calls wait",
                        lender->places - lender->idle_count, lender_limit(lender), lender->waiting_count);
  }
  pthread_mutex_unlock(&lender->lock);
  return error;
}

/* Passes a place on: to the oldest waiter, else to the idle ones while it is not overflow. Returns what is to close. */
static struct loan *lender_leave(struct lender *lender, struct loan *loan)
{
  struct ticket *first = TAILQ_FIRST(&lender->waiting);
  if (first) {
    TAILQ_REMOVE(&lender->waiting, first, link);
    lender->waiting_count--;
    first->loan = loan;
    first->served = true;
    pthread_cond_signal(&first->ready);
    return NULL;
  }
  if (!loan || lender->places > lender->options.pool_size) {
    lender->places--;
    return loan;
  }
  loan->idle_since = clock_steady();
  loan->next = lender->idle;
  lender->idle = loan;
  lender->idle_count++;
  return NULL;
}

/* The earlier of a moment and a time from now. */
static int64_t deadline_within(int64_t deadline, int64_t timeout)
{
  int64_t own = clock_steady() + timeout;
  return own < deadline ? own : deadline;
}

static bool loan_run(struct loan *loan, const char *sql, int64_t deadline)
{
  PGresult *result = NULL;
  const struct wire_statement statement = {.sql = sql};
  bool good = wire_run(loan->connection, &statement, 1, deadline_within(deadline, VALIDATE_TIMEOUT), &result, NULL) ==
              LONTAR_OK;
  PQclear(result);
  return good;
}

/* Whether a connection may be used further; `flushed` is the pool's. */
static bool loan_fit(struct loan *loan, int64_t flushed, int64_t deadline)
{
  int64_t now = clock_steady();
  if (PQstatus(loan->connection) != CONNECTION_OK || now >= loan->recycle_at || loan->opened < flushed)
    return false;
  return now - loan->idle_since < VALIDATE_AFTER || loan_run(loan, "SELECT 1", deadline);
}

static int64_t lender_flushed(struct lender *lender)
{
  pthread_mutex_lock(&lender->lock);
  int64_t flushed = lender->flushed;
  pthread_mutex_unlock(&lender->lock);
  return flushed;
}

static enum lontar_error loan_open(struct lender *lender, int64_t deadline, struct loan **ret_loan,
                                   struct lontar_failure *failure)
{
  struct loan *loan = calloc(1, sizeof *loan);
  if (!loan)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  enum lontar_error error = wire_open(lender->url, &lender->options,
                                      deadline_within(deadline, lender->options.connect_timeout * CLOCK_MILLISECOND),
                                      &loan->connection, failure);
  if (error != LONTAR_OK) {
    loan_free(loan);
    return error;
  }
  int64_t life = lender->options.pool_recycle * CLOCK_MILLISECOND;
  loan->opened = loan->idle_since = clock_steady();
  loan->recycle_at = loan->opened + life - life / 1000 * randombytes_uniform(101);
  *ret_loan = loan;
  return LONTAR_OK;
}

enum lontar_error lender_take(struct lender *lender, int64_t wait_until, int64_t ready_until, struct loan **ret_loan,
                              struct lontar_failure *failure)
{
  struct loan *loan;
  enum lontar_error error = lender_enter(lender, wait_until, &loan, failure);
  if (error != LONTAR_OK)
    return error;
  if (loan && !loan_fit(loan, lender_flushed(lender), ready_until)) {
    loan_free(loan);
    loan = NULL;
  }
  if (!loan)
    error = loan_open(lender, ready_until, &loan, failure);
  if (error == LONTAR_OK) {
    *ret_loan = loan;
    return LONTAR_OK;
  }
  pthread_mutex_lock(&lender->lock);
  (void)lender_leave(lender, NULL);
  pthread_mutex_unlock(&lender->lock);
  return error;
}

/* Whether a connection that comes back is good for the next one. */
static bool loan_clean(struct loan *loan)
{
  if (PQstatus(loan->connection) != CONNECTION_OK || PQpipelineStatus(loan->connection) != PQ_PIPELINE_OFF)
    return false;
  switch (PQtransactionStatus(loan->connection)) {
  case PQTRANS_IDLE:
    return true;
  case PQTRANS_INTRANS:
  case PQTRANS_INERROR:
    return loan_run(loan, "ROLLBACK", INT64_MAX);
  default: /* a statement is still running, or nobody knows */
    return false;
  }
}

void lender_give(struct lender *lender, struct loan *loan)
{
  if (!loan_clean(loan)) {
    loan_free(loan);
    loan = NULL;
  }
  if (loan)
    loan->idle_since = clock_steady();
  pthread_mutex_lock(&lender->lock);
  loan = lender_leave(lender, loan);
  pthread_mutex_unlock(&lender->lock);
  loan_free(loan);
}

PGconn *lender_lend(struct lender *lender, struct loan *loan)
{
  pthread_mutex_lock(&lender->lock);
  loan->next = lender->borrowed;
  lender->borrowed = loan;
  pthread_mutex_unlock(&lender->lock);
  return loan->connection;
}

struct loan *lender_find(struct lender *lender, const PGconn *connection)
{
  pthread_mutex_lock(&lender->lock);
  struct loan **link = &lender->borrowed;
  while (*link && (*link)->connection != connection)
    link = &(*link)->next;
  struct loan *loan = *link;
  if (loan)
    *link = loan->next;
  pthread_mutex_unlock(&lender->lock);
  return loan;
}

void lender_flush(struct lender *lender)
{
  pthread_mutex_lock(&lender->lock);
  lender->flushed = clock_steady();
  pthread_mutex_unlock(&lender->lock);
}

void lender_numbers(struct lender *lender, struct lontar_numbers *ret_numbers)
{
  pthread_mutex_lock(&lender->lock);
  *ret_numbers = (struct lontar_numbers){.open = lender->places,
                                         .idle = lender->idle_count,
                                         .busy = lender->places - lender->idle_count,
                                         .waiting = lender->waiting_count};
  pthread_mutex_unlock(&lender->lock);
}
