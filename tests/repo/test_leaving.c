/* The library's pool and connections that the server does not end: it never has more of them than the pool may have. */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lontar/lontar.h>

#include "base/clock.h"
#include "repo.h"

enum { THREADS = 8, SIZE = 2, OVERFLOW = 2, PLACES = SIZE + OVERFLOW, LOOK = 50000 };

/* For what a busy machine may take long for. */
#define PATIENCE (30 * CLOCK_SECOND)

/* Those of the library in this suite, by their application's name. */
#define BACKENDS "FROM pg_stat_activity WHERE application_name = 'leaving'"

static char url[REPO_URL_SIZE];
static struct lontar_failure failure;
static PGconn *admin;

static int before(void)
{
  repo_create_database("leaving_test");
  repo_url("leaving_test", "postgres", url);
  admin = repo_connect("leaving_test");
  repo_execute(admin, "CREATE TABLE saved (id bigserial PRIMARY KEY)");
  return 0;
}

static int after(void)
{
  PQfinish(admin);
  return 0;
}

static struct lontar_options options_small(void)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  options.pool_size = SIZE;
  options.pool_max_overflow = OVERFLOW;
  options.pool_timeout = 300;
  options.connect_timeout = 2000;
  options.statement_timeout = 100;
  options.application_name = "leaving";
  return options;
}

static int number(const char *text)
{
  return (int)strtol(text, NULL, 10);
}

static int backends(void)
{
  return number(repo_value(admin, "SELECT count(*) " BACKENDS));
}

/* Calls that many threads make, one after the other. */
struct crowd {
  struct lontar_database *database;
  bool (*call)(struct lontar_database *database);
  pthread_t threads[THREADS];
  atomic_bool ends;
  atomic_int good;
  atomic_int bad;
};

static bool save(struct lontar_database *database)
{
  return lontar_execute(database, "INSERT INTO saved DEFAULT VALUES", NULL, NULL, NULL) == LONTAR_OK;
}

/* Does not heed the pause after a failed attempt. */
static bool ask(struct lontar_database *database)
{
  return lontar_health_check(database, 1000);
}

static void *crowd_run(void *data)
{
  struct crowd *crowd = data;
  while (!atomic_load(&crowd->ends)) {
    bool good = crowd->call(crowd->database);
    atomic_fetch_add(good ? &crowd->good : &crowd->bad, 1);
    if (!good)
      (void)usleep(1000);
  }
  return NULL;
}

static void crowd_start(struct crowd *crowd, struct lontar_database *database,
                        bool (*call)(struct lontar_database *database))
{
  *crowd = (struct crowd){.database = database, .call = call};
  for (int i = 0; i < THREADS; i++)
    CU_ASSERT_EQUAL_FATAL(pthread_create(&crowd->threads[i], NULL, crowd_run, crowd), 0);
}

static void crowd_end(struct crowd *crowd)
{
  atomic_store(&crowd->ends, true);
  for (int i = 0; i < THREADS; i++)
    (void)pthread_join(crowd->threads[i], NULL);
}

/* The most that `count` gives, looked at each 50 ms. */
static int most_of(int (*count)(void), int64_t milliseconds)
{
  int most = 0;
  for (int64_t end = clock_steady() + milliseconds * CLOCK_MILLISECOND; clock_steady() < end;) {
    int now = count();
    most = now > most ? now : most;
    (void)usleep(LOOK);
  }
  return most;
}

/* The same until calls succeed again. */
static int most_until_good(struct crowd *crowd, int (*count)(void))
{
  int most = 0;
  atomic_store(&crowd->good, 0);
  for (int64_t end = clock_steady() + PATIENCE; clock_steady() < end && atomic_load(&crowd->good) == 0;) {
    int now = most_of(count, 1);
    most = now > most ? now : most;
  }
  CU_ASSERT_TRUE(atomic_load(&crowd->good) > 0);
  return most;
}

/* All places can be had again, and nothing is left behind. */
static void works_again(struct lontar_database *database)
{
  struct pg_conn *held[PLACES] = {NULL};
  struct lontar_numbers numbers = {.leaving = 1};
  int64_t end = clock_steady() + PATIENCE;
  while ((numbers.leaving > 0 || !ask(database)) && clock_steady() < end) {
    (void)usleep(10000);
    lontar_numbers(database, &numbers);
  }
  CU_ASSERT_EQUAL(numbers.leaving, 0);
  for (int i = 0; i < PLACES; i++)
    while (lontar_borrow(database, &held[i], &failure) != LONTAR_OK && clock_steady() < end)
      (void)usleep(10000);
  CU_ASSERT_TRUE(backends() <= PLACES + 1);
  for (int i = 0; i < PLACES; i++)
    lontar_return(database, held[i]);
  while (!save(database) && clock_steady() < end)
    (void)usleep(10000);
  CU_ASSERT_TRUE(clock_steady() < end);
}

static struct lontar_database *open_small(void)
{
  const struct lontar_options options = options_small();
  struct lontar_database *database = NULL;
  int64_t end = clock_steady() + PATIENCE;
  while (lontar_open(url, &options, &database, &failure) != LONTAR_OK && clock_steady() < end)
    (void)usleep(10000);
  CU_ASSERT_PTR_NOT_NULL_FATAL(database);
  return database;
}

static void standby_set(const char *name)
{
  char sql[128];
  (void)snprintf(sql, sizeof sql, "ALTER SYSTEM SET synchronous_standby_names = '%s'", name);
  repo_execute(admin, sql);
  repo_execute(admin, "SELECT pg_reload_conf()");
  for (int i = 0; i < 100 && strcmp(repo_value(admin, "SHOW synchronous_standby_names"), name) != 0; i++)
    (void)usleep(10000);
}

/* A commit that waits for a standby does not notice that its client is gone, and must not be told to stop waiting: then
 * it would count as replicated. */
static void commits_that_wait_for_a_standby_keep_their_places(void)
{
  struct lontar_database *database = open_small();
  struct crowd crowd;
  standby_set("nobody");
  crowd_start(&crowd, database, save);
  (void)usleep(200000); /* what had committed before */
  atomic_store(&crowd.good, 0);
  int then = number(repo_value(admin, "SELECT last_value FROM saved_id_seq"));
  int most = most_of(backends, 10000);
  CU_ASSERT_EQUAL(atomic_load(&crowd.good), 0);
  int begun = number(repo_value(admin, "SELECT last_value FROM saved_id_seq")) - then;
  CU_ASSERT_TRUE(begun > PLACES); /* places come back while it lasts */
  CU_ASSERT_TRUE(most > SIZE && most <= PLACES + 1);
  printf("[%d saves begun, at most %d backends in %d places] ", begun, most, PLACES);
  standby_set("");
  CU_ASSERT_TRUE(most_until_good(&crowd, backends) <= PLACES + 1);
  crowd_end(&crowd);
  works_again(database);
  lontar_close(database);
}

static bool is_of_library(pid_t pid)
{
  char path[64];
  char title[256] = "";
  (void)snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
  FILE *file = fopen(path, "r");
  const bool read = file != NULL && fgets(title, sizeof title, file) != NULL;
  if (file)
    (void)fclose(file);
  return read && strstr(title, "postgres: postgres leaving_test ") != NULL && pid != PQbackendPID(admin);
}

/* Signals those that are there, and counts them. Not by a statement: that may wait for one which was stopped while it
 * held a lock of the server's own. */
static int signal_backends(int signal)
{
  char path[96];
  int pid;
  int count = 0;
  (void)snprintf(path, sizeof path, "/proc/%s/task/%s/children", getenv("LONTAR_TEST_POSTGRES_PID"),
                 getenv("LONTAR_TEST_POSTGRES_PID"));
  FILE *file = fopen(path, "r");
  while (file && fscanf(file, "%d", &pid) == 1)
    if (is_of_library(pid) && kill(pid, signal) == 0)
      count++;
  if (file)
    (void)fclose(file);
  return count;
}

static int stop_backends(void)
{
  return signal_backends(SIGSTOP);
}

static void backends_that_do_not_move_keep_their_places(void)
{
  struct lontar_database *database = open_small();
  struct crowd crowd;
  crowd_start(&crowd, database, save);
  int most = most_of(stop_backends, 4000);
  CU_ASSERT_TRUE(most >= PLACES && most <= PLACES + 1);
  printf("[at most %d backends in %d places] ", most, PLACES);
  (void)signal_backends(SIGCONT);
  CU_ASSERT_TRUE(most_until_good(&crowd, backends) <= PLACES + 1);
  crowd_end(&crowd);
  works_again(database);
  lontar_close(database);
}

/* The server's ends of connections, those too that it has not accepted yet. */
static int sockets(void)
{
  char line[512];
  char path[256];
  int count = 0;
  FILE *file = fopen("/proc/net/unix", "r");
  (void)snprintf(path, sizeof path, " %s/.s.PGSQL.%s\n", getenv("PGHOST"), getenv("PGPORT"));
  while (file && fgets(line, sizeof line, file))
    count += strstr(line, path) != NULL;
  if (file)
    (void)fclose(file);
  return count;
}

/* What is given up while it connects is no backend yet, but will be one as soon as the server moves again. */
static void connects_that_were_given_up_keep_their_places(void)
{
  const pid_t server = (pid_t)number(getenv("LONTAR_TEST_POSTGRES_PID"));
  for (int i = 0; i < 1000 && sockets() > 2; i++) /* the one that listens, and our own */
    (void)usleep(10000);
  int others = sockets();
  struct lontar_database *database = open_small();
  struct crowd crowd;
  CU_ASSERT_TRUE(sockets() > others);
  CU_ASSERT_EQUAL_FATAL(kill(server, SIGSTOP), 0);
  repo_execute(admin, "SELECT pg_terminate_backend(pid) " BACKENDS);
  crowd_start(&crowd, database, ask);
  int most = most_of(sockets, 4000) - others;
  CU_ASSERT_EQUAL_FATAL(kill(server, SIGCONT), 0);
  CU_ASSERT_EQUAL(most, PLACES);
  printf("[at most %d connections in %d places] ", most, PLACES);
  CU_ASSERT_TRUE(most_until_good(&crowd, sockets) - others <= PLACES + 1);
  crowd_end(&crowd);
  works_again(database);
  lontar_close(database);
}

/* A socket that takes connections and never says a word. */
static int listen_silent(int *ret_port)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int silent = socket(AF_INET, SOCK_STREAM, 0);
  CU_ASSERT_EQUAL_FATAL(bind(silent, (struct sockaddr *)&address, length), 0);
  CU_ASSERT_EQUAL_FATAL(listen(silent, 16), 0);
  CU_ASSERT_EQUAL_FATAL(getsockname(silent, (struct sockaddr *)&address, &length), 0);
  *ret_port = ntohs(address.sin_port);
  return silent;
}

static void a_silent_server_does_not_keep_the_places_of_another(void)
{
  char both[REPO_URL_SIZE];
  struct lontar_options options = options_small();
  struct lontar_database *database = NULL;
  struct lontar_numbers numbers;
  int port;
  int silent = listen_silent(&port);
  options.pool_size = 1;
  options.pool_max_overflow = 0;
  options.connect_timeout = 4000;
  (void)snprintf(both, sizeof both, "dbname=leaving_test user=postgres host=127.0.0.1,%s port=%d,%s", getenv("PGHOST"),
                 port, getenv("PGPORT"));
  CU_ASSERT_EQUAL_FATAL(lontar_open(both, &options, &database, &failure), LONTAR_OK);
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.leaving, 1);
  CU_ASSERT_EQUAL(numbers.open, 1);
  (void)usleep(1000000); /* it has had its time */
  repo_execute(admin, "SELECT pg_terminate_backend(pid, 2000) " BACKENDS);
  int64_t start = clock_steady();
  CU_ASSERT_TRUE(ask(database)); /* the silent one is passed over: another connection would be one too many */
  CU_ASSERT_TRUE(clock_steady() - start < 1000 * CLOCK_MILLISECOND);
  (void)close(silent);
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.leaving, 0);
  lontar_close(database);
}

static void a_place_comes_back_when_the_server_has_ended_the_connection(void)
{
  struct lontar_options options = options_small();
  struct lontar_database *database = NULL;
  struct pg_conn *held = NULL;
  struct lontar_numbers numbers;
  options.pool_size = 1;
  options.pool_max_overflow = 0;
  options.pool_timeout = 3000;
  CU_ASSERT_EQUAL_FATAL(lontar_open(url, &options, &database, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held, &failure), LONTAR_OK);
  int backend = PQbackendPID(held);
  CU_ASSERT_EQUAL(PQsendQuery(held, "SELECT pg_sleep(5)"), 1);
  CU_ASSERT_EQUAL_FATAL(kill(backend, SIGSTOP), 0);
  lontar_return(database, held);
  CU_ASSERT_EQUAL(lontar_borrow(database, &held, &failure), LONTAR_BUSY);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, "open 0, busy 0, waiting 1, leaving 1"));
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.leaving, 1);
  CU_ASSERT_EQUAL(numbers.open, 0);
  CU_ASSERT_EQUAL_FATAL(kill(backend, SIGCONT), 0); /* it has been terminated meanwhile */
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &held, &failure), LONTAR_OK);
  CU_ASSERT_NOT_EQUAL(PQbackendPID(held), backend);
  lontar_return(database, held);
  lontar_close(database);
}

CASES(leaving, before, after, CASE(commits_that_wait_for_a_standby_keep_their_places),
      CASE(backends_that_do_not_move_keep_their_places), CASE(connects_that_were_given_up_keep_their_places),
      CASE(a_silent_server_does_not_keep_the_places_of_another),
      CASE(a_place_comes_back_when_the_server_has_ended_the_connection));
