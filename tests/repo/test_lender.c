/* The library's pool under many threads, and when the server fails it. */
#include <json-c/json.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lontar/lontar.h>

#include "base/clock.h"
#include "repo.h"

enum { THREADS = 16 };

static char url[REPO_URL_SIZE];
static struct lontar_failure failure;

static int before(void)
{
  repo_create_database("lender_test");
  repo_url("lender_test", "postgres", url);
  return 0;
}

static struct lontar_database *open_small(int size, int overflow, int64_t timeout)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct lontar_database *database = NULL;
  options.pool_size = size;
  options.pool_max_overflow = overflow;
  options.pool_timeout = timeout;
  CU_ASSERT_EQUAL_FATAL(lontar_open(url, &options, &database, &failure), LONTAR_OK);
  return database;
}

/* One of the threads that ask, in the order of their numbers. */
struct asker {
  struct lontar_database *database;
  atomic_int *served;
  int place; /* in which it was served */
  pthread_t thread;
};

static void *asker_run(void *data)
{
  struct asker *asker = data;
  struct pg_conn *connection = NULL;
  if (lontar_borrow(asker->database, &connection, NULL) != LONTAR_OK)
    return NULL;
  asker->place = atomic_fetch_add(asker->served, 1);
  (void)usleep(2000);
  lontar_return(asker->database, connection);
  return NULL;
}

static void wait_for_waiting(struct lontar_database *database, int count)
{
  struct lontar_numbers numbers = {0};
  for (int i = 0; i < 5000 && numbers.waiting != count; i++) {
    (void)usleep(1000);
    lontar_numbers(database, &numbers);
  }
  CU_ASSERT_EQUAL(numbers.waiting, count);
}

static void threads_are_served_in_order_of_asking(void)
{
  struct lontar_database *database = open_small(1, 0, 20000);
  struct asker askers[THREADS];
  struct pg_conn *held = NULL;
  atomic_int served = 0;
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held, &failure), LONTAR_OK);
  for (int i = 0; i < THREADS; i++) {
    askers[i] = (struct asker){.database = database, .served = &served, .place = -1};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&askers[i].thread, NULL, asker_run, &askers[i]), 0);
    wait_for_waiting(database, i + 1);
  }
  lontar_return(database, held);
  for (int i = 0; i < THREADS; i++) {
    (void)pthread_join(askers[i].thread, NULL);
    CU_ASSERT_EQUAL(askers[i].place, i);
  }
  lontar_close(database);
}

static void who_cannot_be_served_is_told_in_time(void)
{
  struct lontar_database *database = open_small(1, 1, 300);
  struct pg_conn *held[3] = {NULL};
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held[0], &failure), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held[1], &failure), LONTAR_OK);
  int64_t start = clock_steady();
  CU_ASSERT_EQUAL(lontar_borrow(database, &held[2], &failure), LONTAR_BUSY);
  int64_t waited = (clock_steady() - start) / CLOCK_MILLISECOND;
  CU_ASSERT_TRUE(waited >= 299 && waited <= 350);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, "2 of 2 are busy"));
  lontar_return(database, held[0]);
  lontar_return(database, held[1]);
  struct lontar_numbers numbers;
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.open, 1);
  lontar_close(database);
}

static void *query_run(void *data)
{
  struct asker *asker = data;
  for (int i = 0; i < 50; i++) {
    json_object *row = NULL;
    if (lontar_query_one(asker->database, "SELECT 1 AS a", NULL, &row, NULL) == LONTAR_OK)
      asker->place++;
    json_object_put(row);
  }
  return NULL;
}

static void many_threads_share_few_connections(void)
{
  struct lontar_database *database = open_small(2, 2, 20000);
  struct asker askers[THREADS];
  for (int i = 0; i < THREADS; i++) {
    askers[i] = (struct asker){.database = database};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&askers[i].thread, NULL, query_run, &askers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    (void)pthread_join(askers[i].thread, NULL);
    CU_ASSERT_EQUAL(askers[i].place, 50);
  }
  struct lontar_numbers numbers;
  lontar_numbers(database, &numbers);
  CU_ASSERT_TRUE(numbers.open <= 2 && numbers.busy == 0);
  lontar_close(database);
}

static void connections_are_replaced_by_age(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct lontar_database *database = NULL;
  json_object *first = NULL;
  json_object *second = NULL;
  options.pool_recycle = 50;
  CU_ASSERT_EQUAL_FATAL(lontar_open(url, &options, &database, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_query(database, "SELECT pg_backend_pid() AS pid", NULL, &first, &failure), LONTAR_OK);
  (void)usleep(60000);
  CU_ASSERT_EQUAL(lontar_query(database, "SELECT pg_backend_pid() AS pid", NULL, &second, &failure), LONTAR_OK);
  CU_ASSERT_FALSE(json_object_equal(first, second));
  json_object_put(first);
  json_object_put(second);
  lontar_close(database);
}

static void a_slow_statement_ends_at_its_deadline(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct lontar_database *database = NULL;
  options.statement_timeout = 200;
  CU_ASSERT_EQUAL_FATAL(lontar_open(url, &options, &database, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT pg_sleep(5)", NULL, NULL, &failure), LONTAR_DEADLINE);
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "57014");
  /* Also when the server's own limit is not there to help. */
  int64_t start = clock_steady();
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT set_config('statement_timeout', '0', false)", NULL, NULL, NULL),
                  LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT pg_sleep(5)", NULL, NULL, &failure), LONTAR_DEADLINE);
  CU_ASSERT_TRUE(clock_steady() - start < 2 * CLOCK_SECOND);
  CU_ASSERT_TRUE(lontar_health_check(database, 1000));
  lontar_close(database);
}

static void lost_connections_are_replaced(void)
{
  struct lontar_database *database = open_small(4, 0, 5000);
  struct pg_conn *held[4] = {NULL};
  for (int i = 0; i < 4; i++)
    CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held[i], &failure), LONTAR_OK);
  for (int i = 0; i < 4; i++)
    lontar_return(database, held[i]);
  PGconn *killer = repo_connect("lender_test");
  repo_execute(killer, "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                       " WHERE datname = 'lender_test' AND pid <> pg_backend_pid()");
  PQfinish(killer);
  /* One call finds out; the other idle connections are as old and are not tried. */
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT 1", NULL, NULL, &failure), LONTAR_UNAVAILABLE);
  for (int i = 0; i < 4; i++)
    CU_ASSERT_EQUAL(lontar_execute(database, "SELECT 1", NULL, NULL, &failure), LONTAR_OK);
  lontar_close(database);
}

CASES(lender, before, NULL, CASE(threads_are_served_in_order_of_asking), CASE(who_cannot_be_served_is_told_in_time),
      CASE(many_threads_share_few_connections), CASE(connections_are_replaced_by_age),
      CASE(a_slow_statement_ends_at_its_deadline), CASE(lost_connections_are_replaced));
