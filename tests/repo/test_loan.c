/* When a connection of the library's pool is replaced, and what happens when the server is lost. */
#include <json-c/json.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lontar/lontar.h>

#include "base/clock.h"
#include "library/leaving.h"
#include "library/lender.h"
#include "library/wire.h"
#include "repo.h"

static char url[REPO_URL_SIZE];
static char away[REPO_URL_SIZE]; /* by a link to the server's folder, which can be taken away */
static char link_path[REPO_URL_SIZE / 2];
static struct lontar_failure failure;
static PGconn *admin;

static int before(void)
{
  repo_create_database("loan_test");
  repo_url("loan_test", "postgres", url);
  (void)snprintf(link_path, sizeof link_path, "%s/link", getenv("PGHOST"));
  (void)snprintf(away, sizeof away, "dbname=loan_test user=postgres host=%s port=%s", link_path, getenv("PGPORT"));
  admin = repo_connect("loan_test");
  return symlink(getenv("PGHOST"), link_path);
}

static int after(void)
{
  PQfinish(admin);
  return unlink(link_path);
}

static void server_away(void)
{
  CU_ASSERT_EQUAL_FATAL(unlink(link_path), 0);
  repo_execute(admin, "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                      " WHERE datname = 'loan_test' AND pid <> pg_backend_pid()");
}

static void server_back(void)
{
  CU_ASSERT_EQUAL_FATAL(symlink(getenv("PGHOST"), link_path), 0);
}

static struct lontar_database *database_open(const char *at, const struct lontar_options *options)
{
  struct lontar_database *database = NULL;
  CU_ASSERT_EQUAL_FATAL(lontar_open(at, options, &database, &failure), LONTAR_OK);
  return database;
}

/* Uses so many connections at once. */
static void use(struct lontar_database *database, int count)
{
  struct pg_conn *held[8] = {NULL};
  for (int i = 0; i < count; i++)
    CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held[i], &failure), LONTAR_OK);
  for (int i = 0; i < count; i++)
    lontar_return(database, held[i]);
}

static struct lontar_numbers numbers_of(struct lontar_database *database)
{
  struct lontar_numbers numbers;
  lontar_numbers(database, &numbers);
  return numbers;
}

static enum lontar_error select_one(struct lontar_database *database)
{
  return lontar_execute(database, "SELECT 1", NULL, NULL, &failure);
}

static void old_ones_are_replaced(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct pg_conn *held = NULL;
  options.pool_recycle = 1000;
  struct lontar_database *database = database_open(url, &options);
  use(database, 3);
  CU_ASSERT_EQUAL(numbers_of(database).opened, 3);
  (void)usleep(1010000);
  /* While idle, all three, and before one is handed out; then on return. */
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(numbers_of(database).closed_old, 3);
  CU_ASSERT_EQUAL(numbers_of(database).open, 1);
  (void)usleep(1010000);
  lontar_return(database, held);
  CU_ASSERT_EQUAL(numbers_of(database).closed_old, 4);
  CU_ASSERT_EQUAL(numbers_of(database).open, 0);
  lontar_close(database);
}

static void lives_differ_by_up_to_a_tenth(void)
{
  enum { COUNT = 8, LIFE = 10000 };
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  int64_t shortest = INT64_MAX;
  int64_t longest = 0;
  options.pool_recycle = LIFE;
  const struct wire_way way = {.url = url, .options = &options, .leaving = leaving_new(url, &options)};
  for (int i = 0; i < COUNT; i++) {
    struct loan *loan = NULL;
    CU_ASSERT_EQUAL_FATAL(loan_open(&way, 0, INT64_MAX, &loan, &failure), LONTAR_OK);
    int64_t life = (loan->recycle_at - loan->answered) / CLOCK_MILLISECOND;
    shortest = life < shortest ? life : shortest;
    longest = life > longest ? life : longest;
    loan_free(loan);
  }
  leaving_free(way.leaving);
  CU_ASSERT_TRUE(shortest >= LIFE * 9 / 10);
  CU_ASSERT_TRUE(longest <= LIFE);
  CU_ASSERT_TRUE(longest > shortest);
}

static void overflow_closes_after_idling(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  options.pool_size = 1;
  options.pool_idle_timeout = 200;
  struct lontar_database *database = database_open(url, &options);
  use(database, 3);
  CU_ASSERT_EQUAL(numbers_of(database).open, 3);
  CU_ASSERT_EQUAL(numbers_of(database).overflow, 2);
  (void)usleep(210000);
  CU_ASSERT_EQUAL(select_one(database), LONTAR_OK);
  CU_ASSERT_EQUAL(numbers_of(database).closed_idle, 2);
  CU_ASSERT_EQUAL(numbers_of(database).open, 1);
  lontar_close(database);
}

static void idle_ones_are_used_last_in_first_out(void)
{
  struct lontar_database *database = database_open(url, NULL);
  struct pg_conn *held[2] = {NULL};
  struct pg_conn *again = NULL;
  for (int i = 0; i < 2; i++)
    CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held[i], &failure), LONTAR_OK);
  lontar_return(database, held[0]);
  lontar_return(database, held[1]);
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &again, &failure), LONTAR_OK);
  CU_ASSERT_PTR_EQUAL(again, held[1]);
  lontar_return(database, again);
  lontar_close(database);
}

static void what_rested_long_is_asked_whether_it_lives(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct lender *lender = NULL;
  struct loan *loan = NULL;
  options.connect_timeout = 1000;
  CU_ASSERT_EQUAL_FATAL(lender_new(url, &options, &lender), LONTAR_OK);
  struct patience patience = {.wait_until = INT64_MAX, .ready_until = INT64_MAX};
  CU_ASSERT_EQUAL_FATAL(lender_take(lender, &patience, &loan, &failure), LONTAR_OK);
  pid_t backend = PQbackendPID(loan->connection);
  lender_give(lender, loan);
  loan->answered -= 31 * CLOCK_SECOND;
  CU_ASSERT_EQUAL_FATAL(kill(backend, SIGSTOP), 0);
  int64_t start = clock_steady();
  CU_ASSERT_EQUAL_FATAL(lender_take(lender, &patience, &loan, &failure), LONTAR_OK);
  CU_ASSERT_TRUE(clock_steady() - start >= CLOCK_SECOND / 2);
  CU_ASSERT_TRUE(clock_steady() - start < CLOCK_SECOND);
  CU_ASSERT_NOT_EQUAL(PQbackendPID(loan->connection), backend);
  CU_ASSERT_EQUAL_FATAL(kill(backend, SIGCONT), 0);
  lender_give(lender, loan);
  lender_free(lender);
}

static void a_slow_statement_ends_at_its_deadline(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  options.statement_timeout = 200;
  struct lontar_database *database = database_open(url, &options);
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT pg_sleep(5)", NULL, NULL, &failure), LONTAR_DEADLINE);
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "57014");
  /* Also when the server's own limit is not there to help. */
  int64_t start = clock_steady();
  /* A function's change is not seen, so the connection stays. */
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT set_config('statement_timeout', '0', false)", NULL, NULL, NULL),
                  LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT pg_sleep(5)", NULL, NULL, &failure), LONTAR_DEADLINE);
  CU_ASSERT_TRUE(clock_steady() - start < 2 * CLOCK_SECOND);
  CU_ASSERT_TRUE(lontar_health_check(database, 1000));
  lontar_close(database);
}

static void what_broke_while_idle_harms_nobody(void)
{
  struct lontar_database *database = database_open(url, NULL);
  use(database, 4);
  repo_execute(admin, "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                      " WHERE datname = 'loan_test' AND pid <> pg_backend_pid()");
  for (int i = 0; i < 4; i++)
    CU_ASSERT_EQUAL(select_one(database), LONTAR_OK);
  CU_ASSERT_EQUAL(numbers_of(database).closed_lost, 4);
  CU_ASSERT_EQUAL(numbers_of(database).opened, 5);
  lontar_close(database);
}

static void what_a_loss_puts_in_doubt_is_asked_and_kept(void)
{
  struct lontar_database *database = database_open(url, NULL);
  PGconn *first = NULL;
  PGconn *last = NULL;
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &first, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &last, &failure), LONTAR_OK);
  PQclear(PQexec(last, "SELECT pg_terminate_backend(pg_backend_pid())"));
  lontar_return(database, last);
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT pg_terminate_backend(pg_backend_pid())", NULL, NULL, NULL),
                  LONTAR_UNAVAILABLE);
  lontar_return(database, first);
  CU_ASSERT_EQUAL(select_one(database), LONTAR_OK);
  CU_ASSERT_EQUAL(numbers_of(database).closed_lost, 2);
  CU_ASSERT_EQUAL(numbers_of(database).opened, 3);
  CU_ASSERT_EQUAL(numbers_of(database).open, 1);
  lontar_close(database);
}

static void what_is_given_back_dirty_is_closed(void)
{
  struct lontar_database *database = database_open(url, NULL);
  PGconn *connection = NULL;
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &connection, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(PQsetnonblocking(connection, 1), 0);
  lontar_return(database, connection);
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &connection, &failure), LONTAR_OK);
  CU_ASSERT_FALSE(PQisnonblocking(connection));
  CU_ASSERT_EQUAL(PQsendQuery(connection, "SELECT pg_sleep(1)"), 1);
  lontar_return(database, connection);
  CU_ASSERT_EQUAL(numbers_of(database).closed_dirty, 1);
  CU_ASSERT_EQUAL(numbers_of(database).open, 0);
  lontar_close(database);
}

static void what_is_borrowed_too_long_is_counted(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct pg_conn *connection = NULL;
  options.leak_threshold = 50;
  struct lontar_database *database = database_open(url, &options);
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &connection, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(numbers_of(database).overdue, 0);
  (void)usleep(60000);
  CU_ASSERT_EQUAL(numbers_of(database).overdue, 1);
  lontar_return(database, connection);
  CU_ASSERT_EQUAL(numbers_of(database).overdue, 0);
  lontar_close(database);
}

static void an_absent_server_is_told_at_once(void)
{
  struct lontar_database *database = database_open(away, NULL);
  use(database, 4);
  server_away();
  int64_t start = clock_steady();
  int calls = 0;
  for (; clock_steady() - start < 2000 * CLOCK_MILLISECOND; calls++)
    CU_ASSERT_EQUAL(select_one(database), LONTAR_UNAVAILABLE);
  CU_ASSERT_TRUE(failure.retriable);
  CU_ASSERT_TRUE(calls > 100);
  /* At 0, 100, 300, 700 and 1500 ms, the last one up to 150 ms later; the next would come after 3100. */
  CU_ASSERT_TRUE(numbers_of(database).failed >= 3 && numbers_of(database).failed <= 5);
  server_back();
  CU_ASSERT_EQUAL(select_one(database), LONTAR_UNAVAILABLE);
  CU_ASSERT_TRUE(lontar_health_check(database, 1000)); /* does not heed the pause, and its word is for all */
  CU_ASSERT_EQUAL(select_one(database), LONTAR_OK);
  lontar_close(database);
}

/* A call that waits in the queue. */
struct waiter {
  struct lontar_database *database;
  pthread_t thread;
  struct lontar_failure failure;
};

static void *waiter_run(void *data)
{
  struct waiter *waiter = data;
  (void)lontar_execute(waiter->database, "SELECT 1", NULL, NULL, &waiter->failure);
  return NULL;
}

static void waiter_start(struct waiter *waiter, struct lontar_database *database, int waiting)
{
  waiter->database = database;
  CU_ASSERT_EQUAL_FATAL(pthread_create(&waiter->thread, NULL, waiter_run, waiter), 0);
  for (int i = 0; i < 50000 && numbers_of(database).waiting < waiting; i++)
    (void)usleep(100);
}

static void waiters_do_not_wait_for_an_absent_server(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct pg_conn *held = NULL;
  struct waiter waiters[3];
  options.pool_size = 1;
  options.pool_max_overflow = 0;
  struct lontar_database *database = database_open(away, &options);
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held, &failure), LONTAR_OK);
  for (int i = 0; i < 3; i++)
    waiter_start(&waiters[i], database, i + 1);
  server_away();
  PQclear(PQexec(held, "SELECT 1"));
  int64_t start = clock_steady();
  lontar_return(database, held);
  for (int i = 0; i < 3; i++) {
    (void)pthread_join(waiters[i].thread, NULL);
    CU_ASSERT_EQUAL(waiters[i].failure.error, LONTAR_UNAVAILABLE);
  }
  CU_ASSERT_TRUE(clock_steady() - start < CLOCK_SECOND);
  CU_ASSERT_EQUAL(numbers_of(database).failed, 1); /* one tried, the others took its word */
  server_back();
  lontar_close(database);
}

static void where_no_more_may_connect_the_others_go_round(void)
{
  char limited[REPO_URL_SIZE];
  struct pg_conn *held[2] = {NULL};
  struct waiter waiter;
  repo_execute(admin, "CREATE ROLE limited LOGIN CONNECTION LIMIT 2");
  repo_url("loan_test", "limited", limited);
  struct lontar_database *database = database_open(limited, NULL);
  for (int i = 0; i < 2; i++)
    CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held[i], &failure), LONTAR_OK);
  waiter_start(&waiter, database, 1);
  CU_ASSERT_TRUE(numbers_of(database).failed >= 1);
  lontar_return(database, held[0]);
  (void)pthread_join(waiter.thread, NULL);
  CU_ASSERT_EQUAL(waiter.failure.error, LONTAR_OK);
  lontar_return(database, held[1]);
  lontar_close(database);
  repo_execute(admin, "DROP ROLE limited");
}

CASES(loan, before, after, CASE(old_ones_are_replaced), CASE(lives_differ_by_up_to_a_tenth),
      CASE(overflow_closes_after_idling), CASE(idle_ones_are_used_last_in_first_out),
      CASE(what_rested_long_is_asked_whether_it_lives), CASE(a_slow_statement_ends_at_its_deadline),
      CASE(what_broke_while_idle_harms_nobody), CASE(what_a_loss_puts_in_doubt_is_asked_and_kept),
      CASE(what_is_given_back_dirty_is_closed), CASE(what_is_borrowed_too_long_is_counted),
      CASE(an_absent_server_is_told_at_once), CASE(waiters_do_not_wait_for_an_absent_server),
      CASE(where_no_more_may_connect_the_others_go_round));
