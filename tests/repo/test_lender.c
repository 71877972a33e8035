/* Who waits for a connection of the library's pool: in which order, how long, and how many. */
#include <json-c/json.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lontar/lontar.h>

#include "base/clock.h"
#include "repo.h"

enum { THREADS = 16, SIZE = 2, OVERFLOW = 2, HOLDERS = SIZE + OVERFLOW, TURNS = 200 };

static char url[REPO_URL_SIZE];
static struct lontar_failure failure;

static int before(void)
{
  repo_create_database("lender_test");
  repo_url("lender_test", "postgres", url);
  return 0;
}

static struct lontar_database *open_small(int64_t timeout, int waiting)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct lontar_database *database = NULL;
  options.pool_size = SIZE;
  options.pool_max_overflow = OVERFLOW;
  options.pool_max_waiting = waiting;
  options.pool_timeout = timeout;
  CU_ASSERT_EQUAL_FATAL(lontar_open(url, &options, &database, &failure), LONTAR_OK);
  return database;
}

static void wait_for_waiting(struct lontar_database *database, int count)
{
  struct lontar_numbers numbers = {0};
  for (int i = 0; i < 50000 && numbers.waiting != count; i++) {
    (void)usleep(100);
    lontar_numbers(database, &numbers);
  }
  CU_ASSERT_EQUAL_FATAL(numbers.waiting, count);
}

/* A client that asks, holds and gives back when it is told to, so that the test knows the order in which all of them
 * asked. */
struct client {
  struct lontar_database *database;
  pthread_t thread;
  sem_t ask;
  sem_t give;
  atomic_bool holds;
  atomic_bool ends;
};

static void *client_run(void *data)
{
  struct client *client = data;
  for (;;) {
    struct pg_conn *connection = NULL;
    (void)sem_wait(&client->ask);
    if (atomic_load(&client->ends) || lontar_borrow(client->database, &connection, NULL) != LONTAR_OK)
      return NULL;
    atomic_store(&client->holds, true);
    (void)sem_wait(&client->give);
    atomic_store(&client->holds, false);
    lontar_return(client->database, connection);
  }
}

/* The client that holds a connection and did not before; waits until there is one. */
static int next_holder(struct client *clients, bool *held)
{
  for (int i = 0; i < 50000; i++) {
    for (int k = 0; k < THREADS; k++) {
      if (!held[k] && atomic_load(&clients[k].holds)) {
        held[k] = true;
        return k;
      }
    }
    (void)usleep(100);
  }
  return -1;
}

static int any_holder(const bool *held, unsigned random)
{
  unsigned place = random % HOLDERS;
  for (int k = 0; k < THREADS; k++) {
    if (held[k] && place-- == 0)
      return k;
  }
  return -1;
}

/* All ask, one after the other: the first hold connections, the others wait. */
static void clients_start(struct lontar_database *database, struct client *clients, bool *held)
{
  for (int i = 0; i < THREADS; i++) {
    clients[i].database = database;
    (void)sem_init(&clients[i].ask, 0, 0);
    (void)sem_init(&clients[i].give, 0, 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&clients[i].thread, NULL, client_run, &clients[i]), 0);
    (void)sem_post(&clients[i].ask);
    if (i < HOLDERS)
      CU_ASSERT_EQUAL_FATAL(next_holder(clients, held), i);
    wait_for_waiting(database, i < HOLDERS ? 0 : i + 1 - HOLDERS);
  }
}

static void clients_end(struct client *clients)
{
  for (int i = 0; i < THREADS; i++) {
    atomic_store(&clients[i].ends, true);
    (void)sem_post(&clients[i].give); /* now, or as soon as it holds one */
    (void)sem_post(&clients[i].ask);
  }
  for (int i = 0; i < THREADS; i++)
    (void)pthread_join(clients[i].thread, NULL);
}

static void threads_are_served_in_order_of_asking(void)
{
  struct lontar_database *database = open_small(60000, 0);
  struct client clients[THREADS] = {0};
  bool held[THREADS] = {false};
  int asked[THREADS + TURNS]; /* by whom, in order */
  unsigned random = 1;
  clients_start(database, clients, held);
  for (int i = 0; i < THREADS; i++)
    asked[i] = i;
  /* One of the holders, any of them, gives back; the first of the queue must have it. Then the giver asks again. */
  for (int turn = 0; turn < TURNS; turn++) {
    random = random * 1103515245 + 12345;
    int giver = any_holder(held, random >> 16);
    (void)sem_post(&clients[giver].give);
    CU_ASSERT_EQUAL_FATAL(next_holder(clients, held), asked[HOLDERS + turn]);
    held[giver] = false;
    (void)sem_post(&clients[giver].ask);
    asked[THREADS + turn] = giver;
    wait_for_waiting(database, THREADS - HOLDERS);
  }
  struct lontar_numbers numbers;
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.opened, HOLDERS);
  clients_end(clients);
  lontar_close(database);
}

/* One that will not be served. */
struct loser {
  struct lontar_database *database;
  pthread_t thread;
  struct lontar_failure failure;
  int64_t waited; /* milliseconds */
};

static void *loser_run(void *data)
{
  struct loser *loser = data;
  struct pg_conn *connection = NULL;
  int64_t start = clock_steady();
  (void)lontar_borrow(loser->database, &connection, &loser->failure);
  loser->waited = (clock_steady() - start) / CLOCK_MILLISECOND;
  lontar_return(loser->database, connection);
  return NULL;
}

static int compare_waited(const void *left, const void *right)
{
  const struct loser *a = left;
  const struct loser *b = right;
  return (a->waited > b->waited) - (a->waited < b->waited);
}

static void who_cannot_be_served_is_told_in_time(void)
{
  enum { LOSERS = THREADS - HOLDERS, TIMEOUT = 500 };
  struct lontar_database *database = open_small(TIMEOUT, 0);
  struct pg_conn *held[HOLDERS] = {NULL};
  struct loser losers[LOSERS];
  for (int i = 0; i < HOLDERS; i++)
    CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held[i], &failure), LONTAR_OK);
  for (int i = 0; i < LOSERS; i++) {
    losers[i] = (struct loser){.database = database};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&losers[i].thread, NULL, loser_run, &losers[i]), 0);
  }
  for (int i = 0; i < LOSERS; i++) {
    (void)pthread_join(losers[i].thread, NULL);
    CU_ASSERT_EQUAL(losers[i].failure.error, LONTAR_BUSY);
    CU_ASSERT_TRUE(losers[i].failure.retriable);
    CU_ASSERT_PTR_NOT_NULL(strstr(losers[i].failure.message, "size 2, overflow 2, open 4, busy 4, waiting "));
  }
  /* Never early; late only when the machine lets a thread wait, which must not be all of them. */
  qsort(losers, LOSERS, sizeof losers[0], compare_waited);
  printf("[%lld to %lld ms of %d] ", (long long)losers[0].waited, (long long)losers[LOSERS - 1].waited, TIMEOUT);
  CU_ASSERT_TRUE(losers[0].waited >= TIMEOUT - 1);
  CU_ASSERT_TRUE(losers[LOSERS / 2].waited <= TIMEOUT + 50);
  for (int i = 0; i < HOLDERS; i++)
    lontar_return(database, held[i]);
  lontar_close(database);
}

static void a_crowd_is_turned_away_at_once(void)
{
  struct lontar_database *database = open_small(20000, 1);
  struct pg_conn *held[HOLDERS] = {NULL};
  struct pg_conn *none = NULL;
  struct loser waiter = {.database = database};
  for (int i = 0; i < HOLDERS; i++)
    CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held[i], &failure), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(pthread_create(&waiter.thread, NULL, loser_run, &waiter), 0);
  wait_for_waiting(database, 1);
  CU_ASSERT_EQUAL(lontar_borrow(database, &none, &failure), LONTAR_BUSY);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, "too many calls wait"));
  for (int i = 0; i < HOLDERS; i++)
    lontar_return(database, held[i]);
  (void)pthread_join(waiter.thread, NULL);
  CU_ASSERT_EQUAL(waiter.failure.error, LONTAR_OK);
  lontar_close(database);
}

/* The server lets nobody in beside the one connection that is lent. */
static void a_health_check_keeps_its_deadline_while_no_connection_is_to_be_had(void)
{
  char single[REPO_URL_SIZE];
  struct pg_conn *connection = NULL;
  struct lontar_database *database = NULL;
  struct lontar_numbers numbers;
  PGconn *superuser = repo_connect("lender_test");
  PQclear(PQexec(superuser, "CREATE ROLE lender_single LOGIN CONNECTION LIMIT 1"));
  PQfinish(superuser);
  repo_url("lender_test", "lender_single", single);
  CU_ASSERT_EQUAL_FATAL(lontar_open(single, NULL, &database, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &connection, &failure), LONTAR_OK);
  int64_t start = clock_steady();
  CU_ASSERT_FALSE(lontar_health_check(database, 500));
  int64_t took = clock_steady() - start;
  CU_ASSERT_TRUE(took > 450 * CLOCK_MILLISECOND && took < 1500 * CLOCK_MILLISECOND);
  lontar_numbers(database, &numbers);
  CU_ASSERT_TRUE(numbers.failed >= 1 && numbers.failed <= 8); /* with a pause behind each */
  lontar_return(database, connection);
  CU_ASSERT_TRUE(lontar_health_check(database, INT64_MAX));
  lontar_close(database);
}

struct worker {
  struct lontar_database *database;
  struct json_object *parameters; /* the same for all */
  pthread_t thread;
  int done;
};

static void *worker_run(void *data)
{
  struct worker *worker = data;
  for (int i = 0; i < 50; i++) {
    json_object *row = NULL;
    if (lontar_query_one(worker->database, "SELECT %(n)s::text AS n, %(list)s::text AS list", worker->parameters, &row,
                         NULL) == LONTAR_OK &&
        strcmp(json_object_get_string(row), "{ \"n\": \"1234567890123\", \"list\": \"[ 1, 2.5, true ]\" }") == 0)
      worker->done++;
    json_object_put(row);
  }
  return NULL;
}

static void many_threads_share_few_connections_and_their_parameters(void)
{
  struct lontar_database *database = open_small(60000, 0);
  struct worker workers[THREADS];
  json_object *parameters = json_tokener_parse("{\"n\": 1234567890123, \"list\": [1, 2.5, true]}");
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){.database = database, .parameters = parameters};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++) {
    (void)pthread_join(workers[i].thread, NULL);
    CU_ASSERT_EQUAL(workers[i].done, 50);
  }
  struct lontar_numbers numbers;
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.busy, 0);
  CU_ASSERT_EQUAL(numbers.open, numbers.opened);
  CU_ASSERT_TRUE(numbers.open <= HOLDERS);
  lontar_close(database);
  json_object_put(parameters);
}

CASES(lender, before, NULL, CASE(threads_are_served_in_order_of_asking), CASE(who_cannot_be_served_is_told_in_time),
      CASE(a_crowd_is_turned_away_at_once), CASE(a_health_check_keeps_its_deadline_while_no_connection_is_to_be_had),
      CASE(many_threads_share_few_connections_and_their_parameters));
