/* A database: opening, closing, borrowing, and running statements with what may be repeated. */
#include "library/database.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "library/failure.h"
#include "library/lender.h"
#include "library/url.h"
#include "pool/rules.h"
#include "pool/sqlstate.h"

enum { CONNECTIONS_MAX = 1 << 16, HOUR = 3600000 };

struct lontar_database {
  struct lender *lender;
  pid_t owner; /* the process that opened it */
};

static bool database_is_own(const struct lontar_database *database)
{
  return database->owner == getpid();
}

enum lontar_error database_check(const struct lontar_database *database, struct lontar_failure *failure)
{
  if (database_is_own(database))
    return LONTAR_OK;
  return failure_set(failure, LONTAR_MISUSE, "the database was opened by another process: open it after fork()");
}

const struct lontar_options *database_options(const struct lontar_database *database)
{
  return lender_options(database->lender);
}

static bool options_good(const struct lontar_options *options)
{
  static const int64_t year = INT64_C(365) * 24 * 3600 * 1000;
  const int64_t times[] = {options->pool_timeout,    options->pool_recycle,    options->pool_idle_timeout,
                           options->leak_threshold,  options->connect_timeout, options->statement_timeout,
                           options->session_lifetime};
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
    if (times[i] < 1 || times[i] > year)
      return false;
  }
  return options->pool_size >= 1 && options->pool_size <= CONNECTIONS_MAX && options->pool_max_overflow >= 0 &&
         options->pool_max_overflow <= CONNECTIONS_MAX && options->pool_max_waiting >= 0 &&
         options->statement_timeout <= INT32_MAX && options->session_lifetime >= HOUR;
}

/* A call's patience from now on. */
static struct patience database_patience(const struct lontar_database *database)
{
  int64_t timeout = lender_options(database->lender)->pool_timeout * CLOCK_MILLISECOND;
  return (struct patience){.wait_until = clock_steady() + timeout, .ready_until = INT64_MAX};
}

static enum lontar_error database_take(struct lontar_database *database, struct loan **ret_loan,
                                       struct lontar_failure *failure)
{
  const struct patience patience = database_patience(database);
  return lender_take(database->lender, &patience, ret_loan, failure);
}

/* One connection at once, so that a wrong URL is found here. */
static enum lontar_error database_probe(struct lontar_database *database, struct lontar_failure *failure)
{
  struct loan *loan;
  enum lontar_error error = database_take(database, &loan, failure);
  if (error == LONTAR_OK)
    lender_give(database->lender, loan);
  return error;
}

enum lontar_error lontar_open(const char *url, const struct lontar_options *options,
                              struct lontar_database **ret_database, struct lontar_failure *failure)
{
  static const struct lontar_options defaults = LONTAR_OPTIONS_DEFAULT;
  failure_clear(failure);
  if (!options)
    options = &defaults;
  if (!url || !options_good(options))
    return failure_set(failure, LONTAR_MISUSE, "%s", url ? "an option is out of range" : "there is no URL");
  if (sodium_init() < 0)
    return failure_set(failure, LONTAR_INTERNAL, "libsodium cannot be started");
  enum lontar_error error = url_check(url, failure);
  if (error != LONTAR_OK)
    return error;
  LONTAR_SCOPE struct lontar_database *database = calloc(1, sizeof *database);
  if (!database || lender_new(url, options, &database->lender) != LONTAR_OK)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  database->owner = getpid();
  error = database_probe(database, failure);
  if (error == LONTAR_OK)
    *ret_database = TAKE(database);
  return error;
}

void lontar_close(struct lontar_database *database)
{
  if (database && database->lender && !database_is_own(database))
    lender_abandon(database->lender);
  else if (database)
    lender_free(database->lender);
  free(database);
}

enum lontar_error lontar_borrow(struct lontar_database *database, struct pg_conn **ret_connection,
                                struct lontar_failure *failure)
{
  struct loan *loan;
  failure_clear(failure);
  enum lontar_error error = database_check(database, failure);
  if (error == LONTAR_OK)
    error = database_take(database, &loan, failure);
  if (error == LONTAR_OK)
    *ret_connection = lender_lend(database->lender, loan);
  return error;
}

void lontar_return(struct lontar_database *database, struct pg_conn *connection)
{
  struct loan *loan = connection && database_is_own(database) ? lender_find(database->lender, connection) : NULL;
  if (loan)
    lender_give(database->lender, loan);
}

void lontar_numbers(struct lontar_database *database, struct lontar_numbers *ret_numbers)
{
  *ret_numbers = (struct lontar_numbers){0};
  if (database_is_own(database))
    lender_numbers(database->lender, ret_numbers);
}

/* After what the server, or its silence, tells about all connections. */
static void database_judge(struct lontar_database *database, enum lontar_error error,
                           const struct lontar_failure *failure)
{
  bool silent = failure->sqlstate[0] == '\0';
  if ((error == LONTAR_UNAVAILABLE || error == LONTAR_DEADLINE) &&
      sqlstate_server_gone(silent ? NULL : failure->sqlstate))
    lender_doubt(database->lender, !silent && sqlstate_find(failure->sqlstate)->session == SQLSTATE_STANDBY);
}

/* One attempt; `failure` is not NULL. The first sets the end of the statement's time in `patience`, a further one ends
 * then too. `ret_lost`: the connection broke under it. */
static enum lontar_error database_try(struct lontar_database *database, const struct wire_statement *statements,
                                      size_t count, struct patience *patience, PGresult **ret_result, bool *ret_lost,
                                      struct lontar_failure *failure)
{
  struct loan *loan;
  *ret_lost = false;
  enum lontar_error error = lender_take(database->lender, patience, &loan, failure);
  if (error != LONTAR_OK)
    return error;
  int64_t limit = lender_options(database->lender)->statement_timeout * CLOCK_MILLISECOND * (int64_t)count;
  if (patience->ready_until == INT64_MAX)
    patience->ready_until = clock_steady() + limit + RULES_GRACE;
  error = loan_run(loan, statements, count, patience->ready_until, ret_result, failure);
  *ret_lost = error == LONTAR_UNAVAILABLE && PQstatus(loan->connection) != CONNECTION_OK;
  database_judge(database, error, failure);
  for (size_t i = 0; i < count; i++)
    loan->spoilt = loan->spoilt || statements[i].spoils_session;
  lender_give(database->lender, loan);
  return error;
}

/* A short pause at random, so that two that got in each other's way do not do so again. */
static void conflict_pause(int conflicts)
{
  const int64_t time = rules_pause(RULES_CONFLICT_PAUSE, conflicts, random_bits());
  const struct timespec pause = {.tv_nsec = (long)time * 1000};
  (void)nanosleep(&pause, NULL);
}

enum lontar_error database_run(struct lontar_database *database, const struct wire_statement *statements, size_t count,
                               unsigned retry, PGresult **ret_result, struct lontar_failure *failure)
{
  struct patience patience = database_patience(database);
  struct lontar_failure own;
  bool again = (retry & RETRY_LOST) != 0;
  int conflicts = 0;
  if (!failure)
    failure = &own;
  enum lontar_error error = database_check(database, failure);
  if (error != LONTAR_OK)
    return error;
  for (;;) {
    bool lost;
    error = database_try(database, statements, count, &patience, ret_result, &lost, failure);
    if (lost && !(retry & RETRY_LOST))
      failure->retriable = false; /* it was under way when the connection broke, and may have happened */
    if (lost && again) {
      again = false;
      continue;
    }
    if (error != LONTAR_RETRY || !(retry & RETRY_CONFLICT) || conflicts == RULES_CONFLICT_RETRIES) {
      if (error == LONTAR_OK)
        failure_clear(failure);
      return error;
    }
    conflict_pause(++conflicts);
    patience = database_patience(database);
  }
}

/* So many milliseconds from now; for ever stays within what the clock can say. */
static int64_t after_milliseconds(int64_t milliseconds)
{
  const int64_t most = INT64_MAX / CLOCK_MILLISECOND / 2;
  return clock_steady() + (milliseconds < 0 ? 0 : milliseconds < most ? milliseconds : most) * CLOCK_MILLISECOND;
}

bool lontar_health_check(struct lontar_database *database, int64_t deadline)
{
  struct loan *loan;
  if (!database_is_own(database))
    return false;
  const int64_t until = after_milliseconds(deadline);
  const struct patience patience = {.wait_until = until, .ready_until = until, .tries_anyway = true};
  if (lender_take(database->lender, &patience, &loan, NULL) != LONTAR_OK)
    return false;
  CLEANUP_RESULT PGresult *result = NULL;
  const struct wire_statement statement = {.sql = "SELECT 1"};
  bool good = loan_run(loan, &statement, 1, until, &result, NULL) == LONTAR_OK;
  lender_give(database->lender, loan);
  return good;
}
