/* Takes the primary away in three ways while its standby is promoted; tests/system/pair does it. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/ledger.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

/* So long may writes still go to the old primary. */
#define MOVE_AWAY 1.0

enum { QUIET = 1, RESUME = 10, COMMAND = 30, MOVE = 5, URL_SIZE = 512 };

static pid_t command;

static void start_command(const char *what, const char *first, const char *second)
{
  const char *program = need_environment("LONTAR_PAIR_COMMAND");
  command = fork();
  if (command == 0) {
    execl(program, program, what, first, second, (char *)NULL);
    _exit(127);
  }
  need(command > 0, "cannot fork");
}

static bool command_has_ended(void)
{
  int status = 0;
  if (waitpid(command, &status, WNOHANG) != command)
    return false;
  need(WIFEXITED(status) && WEXITSTATUS(status) == 0, "tests/system/pair failed");
  return true;
}

static void run_command(const char *what, const char *first, const char *second)
{
  start_command(what, first, second);
  CHECK(stack_wait(command_has_ended, COMMAND), "tests/system/pair takes too long");
}

static PGconn *connect_to(const char *server)
{
  char path[URL_SIZE];
  char url[URL_SIZE * 2];
  char port[16] = "";
  (void)snprintf(path, sizeof path, "%s/%s.port", need_environment("LONTAR_PAIR_DIR"), server);
  FILE *file = fopen(path, "re");
  need(file != NULL && fscanf(file, "%15s", port) == 1, "a port of the pair is not known");
  fclose(file);
  (void)snprintf(url, sizeof url, "host=127.0.0.1 port=%s target_session_attrs=any application_name=lontar-tests",
                 port);
  PGconn *connection = PQconnectdb(url);
  need(PQstatus(connection) == CONNECTION_OK, PQerrorMessage(connection));
  return connection;
}

static size_t written;

static bool writes_again(void)
{
  return ledger.writes > written;
}

/* Under load, from the first server to the second. */
static void change_over(const char *what, const char *first, const char *second)
{
  ledger_open();
  (void)ledger_run(NULL, QUIET);
  CHECK(ledger.writes > 0 && ledger.reads > 0, "nothing is answered before the primary goes");
  start_command(what, first, second);
  CHECK(ledger_run(command_has_ended, COMMAND), "tests/system/pair takes too long");
  double promoted = stack_clock();
  written = ledger.writes;
  CHECK(ledger_run(writes_again, RESUME), "no write succeeds %d s after the promotion", RESUME);
  (void)ledger_run(NULL, QUIET);
  ledger_close();
  PGconn *database = connect_to(second);
  ledger_check(what, database);
  PQfinish(database);
  printf("%s: no write for %.2f s, the first %.2f s after the promotion; writes %zu, 503 %zu, 504 %zu; reads %zu, 503 "
         "%zu, 504 %zu\n",
         what, ledger.pause, ledger.resumed - promoted, ledger.writes, ledger.writes_unavailable, ledger.writes_late,
         ledger.reads, ledger.reads_unavailable, ledger.reads_late);
}

static void the_primary_stops(void)
{
  change_over("fail", "one", "two");
  CHECK(ledger.reads_late == 0, "%zu reads got 504", ledger.reads_late);
}

static PGconn *old;

static bool nobody_is_left(void)
{
  PGresult *result = PQexec(old, "SELECT 1 FROM pg_stat_activity WHERE application_name ~ '^lontard/[0-9]'");
  bool nobody = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 0;
  PQclear(result);
  return nobody;
}

/* Who stays with the old primary reads what is out of date. */
static void the_primary_becomes_read_only(void)
{
  run_command("follow", "one", "two");
  change_over("demote", "two", "one");
  CHECK(ledger.reads_late == 0, "%zu reads got 504", ledger.reads_late);
  old = connect_to("two");
  CHECK(stack_wait(nobody_is_left, MOVE), "connections stay with the old primary");
  PQfinish(old);
}

/* The first host of the URL accepts connections and says nothing. */
static void the_first_host_hangs(void)
{
  run_command("follow", "two", "one");
  change_over("freeze", "one", "two");
}

static bool health_says(const char *words)
{
  ANSWER health = get("/health", NULL);
  return health.body != NULL && strstr(health.body, words) != NULL;
}

static bool warns_of_two(void)
{
  return health_says("{\"status\":\"warn\",") && health_says("Two servers of database_url take writes");
}

static bool is_well(void)
{
  return health_says("{\"status\":\"pass\",");
}

static bool refuses_the_older(void)
{
  ANSWER ready = get("/health/ready", NULL);
  return ready.status == 503 && health_says("{\"status\":\"fail\",") && health_says("is older");
}

static bool serves(void)
{
  ANSWER ready = get("/health/ready", NULL);
  return ready.status == 200;
}

/* What somebody wrote into a server of whom nobody here asked it. */
static long long count_chats(PGconn *database)
{
  PGresult *result = PQexec(database, "SELECT count(*) FROM chat_history");
  need(PQresultStatus(result) == PGRES_TUPLES_OK, PQerrorMessage(database));
  const long long count = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
  PQclear(result);
  return count;
}

/* The keeper of the old primary was killed, say: both take writes, and both are first in somebody's list. */
static void the_old_primary_lives_on(void)
{
  run_command("follow", "one", "two");
  CHECK(stack_wait(is_well, MOVE), "all is not well before the promotion");
  ledger_open();
  (void)ledger_run(NULL, QUIET);
  const double begun = stack_clock();
  start_command("split", "two", "one");
  CHECK(ledger_run(command_has_ended, COMMAND), "tests/system/pair takes too long");
  const double promoted = stack_clock();
  (void)ledger_run(NULL, MOVE_AWAY);
  old = connect_to("two");
  CHECK(nobody_is_left(), "connections stay with the old primary for more than a second");
  const long long before = count_chats(old);
  (void)ledger_run(NULL, 2 * QUIET);
  CHECK(ledger_serves(promoted + MOVE_AWAY), "not everybody is served after the promotion");
  ledger_close();
  (void)check_number("chats written to the old primary later", count_chats(old) - before, 0);
  CHECK(stack_wait(warns_of_two, QUIET), "health does not tell of two primaries");
  PQfinish(old);
  const size_t excused = ledger_excuse(begun, promoted + MOVE_AWAY);
  PGconn *database = connect_to("one");
  ledger_check("split", database);
  PQfinish(database);
  printf("split: %zu writes in the second of the promotion, no write for %.2f s; 503 %zu, 504 %zu\n", excused,
         ledger.pause, ledger.writes_unavailable, ledger.writes_late);
}

/* It may be there earlier than the newer one after a power failure, and lontard may know nothing but its record. */
static void an_older_primary_is_not_used(void)
{
  PGconn *old_one = connect_to("two");
  const long long before = count_chats(old_one);
  run_command("halt", "one", "");
  CHECK(stack_wait(refuses_the_older, MOVE), "health does not say that the older primary is not used");
  ANSWER answer = post("~/chats", world.siswa.token, "{\"question\": \"Ke mana?\", \"response\": \"Entah.\"}");
  (void)check_status("a chat while only the older primary is there", &answer, 503);
  (void)check_number("chats written to the older primary", count_chats(old_one) - before, 0);
  PQfinish(old_one);
  run_command("run", "one", "");
  CHECK(stack_wait(serves, MOVE), "the newer primary is not used when it is back");
  run_command("halt", "two", "");
  CHECK(stack_wait(is_well, MOVE), "all is not well when the older primary is gone");
}

CU_TestInfo suite_failover[] = {{"the primary stops", the_primary_stops},
                                {"the primary becomes read-only", the_primary_becomes_read_only},
                                {"the first host hangs", the_first_host_hangs},
                                {"the old primary lives on", the_old_primary_lives_on},
                                {"an older primary is not used", an_older_primary_is_not_used},
                                CU_TEST_INFO_NULL};
