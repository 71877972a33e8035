/* Takes the primary away in three ways while its standby is promoted; tests/system/pair does it. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/ledger.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

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

CU_TestInfo suite_failover[] = {{"the primary stops", the_primary_stops},
                                {"the primary becomes read-only", the_primary_becomes_read_only},
                                {"the first host hangs", the_first_host_hangs},
                                CU_TEST_INFO_NULL};
