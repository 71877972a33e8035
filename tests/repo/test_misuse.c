/* What the calling program does wrong is told as its own fault, and harms nobody else. */
#include <json-c/json.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lontar/lontar.h>

#include "repo.h"

#define DATABASE "misuse_test"

static struct lontar_database *database;
static struct lontar_failure failure;
static PGconn *admin;
static char url[REPO_URL_SIZE];

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  repo_create_database(DATABASE);
  repo_url(DATABASE, "postgres", url);
  admin = repo_connect(DATABASE);
  return repo_lontarctl(DATABASE, "migrate", out) || lontar_open(url, NULL, &database, &failure) != LONTAR_OK;
}

static int after(void)
{
  lontar_close(database);
  PQfinish(admin);
  return 0;
}

static struct lontar_numbers numbers_now(void)
{
  struct lontar_numbers numbers;
  lontar_numbers(database, &numbers);
  return numbers;
}

static void check_misuse(const char *label, enum lontar_error error, const char *words)
{
  if (error != LONTAR_MISUSE || failure.retriable || !strstr(failure.message, words))
    printf("\n    %s: %s %s, not \"%s\"\n", label, lontar_error_code(error), failure.message, words);
  CU_ASSERT_EQUAL(error, LONTAR_MISUSE);
  CU_ASSERT_EQUAL(failure.error, LONTAR_MISUSE);
  CU_ASSERT_FALSE(failure.retriable);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, words));
}

static void check_value(const char *statement, const char *expected)
{
  json_object *row = NULL;
  CU_ASSERT_EQUAL(lontar_query_one(database, statement, NULL, &row, &failure), LONTAR_OK);
  const char *value = json_object_get_string(json_object_object_get(row, "v"));
  CU_ASSERT_STRING_EQUAL(value ? value : "", expected);
  json_object_put(row);
}

#define INSERT(code) "INSERT INTO subjects (grade, name, code) VALUES (10, 'T', '" code "')"

static void nothing_is_no_statement(void)
{
  static const char *const nothing[] = {
      "", ";", " ; ;\n", "-- a comment", "/* a /* b */ c */", "\t\r\n\f", "/**/;--", "-- %% COMMIT",
  };
  json_object *answer = NULL;
  const struct lontar_numbers then = numbers_now();
  for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
    const struct lontar_statement two[] = {{INSERT("nothing"), NULL}, {nothing[i], NULL}};
    check_misuse(nothing[i], lontar_query(database, nothing[i], NULL, &answer, &failure), "there is no statement");
    check_misuse(nothing[i], lontar_query_one(database, nothing[i], NULL, &answer, &failure), "there is no statement");
    check_misuse(nothing[i], lontar_execute(database, nothing[i], NULL, NULL, &failure), "there is no statement");
    check_misuse(nothing[i], lontar_transaction(database, two, 2, &failure), "there is no statement");
    check_misuse(nothing[i], lontar_transaction(database, two + 1, 1, &failure), "there is no statement");
  }
  CU_ASSERT_PTR_NULL(answer);
  check_value("SELECT count(*) AS v FROM subjects", "0");
  const struct lontar_numbers now = numbers_now();
  CU_ASSERT_EQUAL(now.opened, then.opened);
  CU_ASSERT_EQUAL(now.open, then.open);
}

static void a_transaction_is_not_ended_by_its_statements(void)
{
  static const char *const control[] = {
      "COMMIT",
      "commit and chain",
      "/* */ ;; Commit",
      "COMMIT -- now",
      "END",
      "ROLLBACK",
      "ROLLBACK AND CHAIN",
      "ROLLBACK WORK",
      "ABORT",
      "BEGIN",
      "BEGIN ISOLATION LEVEL SERIALIZABLE",
      "START TRANSACTION",
      "PREPARE TRANSACTION 'x'",
      "COMMIT PREPARED 'x'",
      "ROLLBACK PREPARED 'x'",
  };
  const struct lontar_numbers then = numbers_now();
  for (size_t i = 0; i < sizeof control / sizeof control[0]; i++) {
    const struct lontar_statement three[] = {{INSERT("one"), NULL}, {control[i], NULL}, {INSERT("two"), NULL}};
    check_misuse(control[i], lontar_transaction(database, three, 3, &failure), "the transaction that it is part of");
    check_misuse(control[i], lontar_transaction(database, three + 1, 1, &failure), "that it is part of");
    check_misuse(control[i], lontar_execute(database, control[i], NULL, NULL, &failure), "lontar_transaction");
  }
  check_misuse("SAVEPOINT", lontar_execute(database, "SAVEPOINT a", NULL, NULL, &failure), "lontar_transaction");
  check_value("SELECT count(*) AS v FROM subjects", "0");
  CU_ASSERT_EQUAL(numbers_now().opened, then.opened);
}

/* What the text does not show, the server forbids within a transaction, and undoes. */
static void a_transaction_is_not_ended_from_within(void)
{
  static const char *const ending[] = {
      "CALL ends()",     "DO $$ BEGIN COMMIT; END $$",           "DO $$ BEGIN ROLLBACK; END $$",
      "VACUUM subjects", "CREATE DATABASE within_a_transaction",
  };
  repo_execute(admin, "CREATE PROCEDURE ends() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$");
  for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
    const struct lontar_statement three[] = {{INSERT("one"), NULL}, {ending[i], NULL}, {INSERT("two"), NULL}};
    check_misuse(ending[i], lontar_transaction(database, three, 3, &failure), "");
    check_misuse(ending[i], lontar_transaction(database, three + 1, 1, &failure), "");
    check_value("SELECT count(*) AS v FROM subjects", "0");
  }
  CU_ASSERT_EQUAL(lontar_execute(database, "CALL ends()", NULL, NULL, &failure), LONTAR_OK); /* by itself it may */
  repo_execute(admin, "DROP PROCEDURE ends()");
}

/* That the server takes no writes at all would be an outage. */
static void a_transaction_that_may_only_read_is_no_outage(void)
{
  const struct lontar_statement two[] = {{"SET TRANSACTION READ ONLY", NULL}, {INSERT("read"), NULL}};
  const struct lontar_numbers then = numbers_now();
  check_misuse("READ ONLY", lontar_transaction(database, two, 2, &failure), "read-only transaction");
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "25006");
  check_value("SELECT count(*) AS v FROM subjects", "0");
  CU_ASSERT_EQUAL(numbers_now().opened, then.opened);
}

static void savepoints_and_local_settings_are_fine(void)
{
  const struct lontar_statement statements[] = {
      {"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", NULL},
      {"SET LOCAL work_mem = '5MB'", NULL},
      {INSERT("kept"), NULL},
      {"SAVEPOINT a", NULL},
      {INSERT("undone"), NULL},
      {"ROLLBACK TO SAVEPOINT a", NULL},
      {"ROLLBACK WORK TO a", NULL},
      {"RELEASE a", NULL},
      {"UPDATE subjects SET name = current_setting('transaction_isolation') || current_setting('work_mem')", NULL},
  };
  const struct lontar_numbers then = numbers_now();
  CU_ASSERT_EQUAL(lontar_transaction(database, statements, sizeof statements / sizeof statements[0], &failure),
                  LONTAR_OK);
  check_value("SELECT string_agg(code || name, ' ') AS v FROM subjects", "keptrepeatable read5MB");
  CU_ASSERT_EQUAL(numbers_now().opened, then.opened);
  CU_ASSERT_EQUAL(lontar_execute(database, "DELETE FROM subjects", NULL, NULL, &failure), LONTAR_OK);
}

/* A constraint that is checked at the end refuses the whole, and the connection stays good. */
static void what_the_commit_refuses_is_undone(void)
{
  const struct lontar_statement two[] = {{INSERT("deferred"), NULL}, {INSERT("deferred2"), NULL}};
  const struct lontar_numbers then = numbers_now();
  repo_execute(admin, "ALTER TABLE subjects ADD CONSTRAINT late UNIQUE (grade) DEFERRABLE INITIALLY DEFERRED");
  CU_ASSERT_EQUAL(lontar_transaction(database, two, 2, &failure), LONTAR_CONFLICT);
  CU_ASSERT_STRING_EQUAL(failure.constraint, "late");
  check_value("SELECT count(*) AS v FROM subjects", "0");
  CU_ASSERT_EQUAL(numbers_now().opened, then.opened);
  repo_execute(admin, "ALTER TABLE subjects DROP CONSTRAINT late");
}

/* Each is done for its statement and is nowhere afterwards. */
static void a_session_is_not_handed_on_changed(void)
{
  static const char *const changing[] = {
      "SET search_path = nowhere",
      "set session statement_timeout = 0",
      "SET ROLE pg_monitor",
      "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
      "LISTEN news",
      "PREPARE subjects AS SELECT 1",
      "CREATE TEMP TABLE subjects (code text)",
      "CREATE OR REPLACE TEMPORARY VIEW subjects AS SELECT 'x' AS code",
      "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
  };
  for (size_t i = 0; i < sizeof changing / sizeof changing[0]; i++) {
    const struct lontar_statement within[] = {{"SELECT 1", NULL}, {changing[i], NULL}};
    CU_ASSERT_EQUAL(lontar_execute(database, changing[i], NULL, NULL, &failure), LONTAR_OK);
    CU_ASSERT_EQUAL(lontar_transaction(database, within, 2, &failure), LONTAR_OK);
    check_value("SELECT concat_ws(' ', current_user, current_setting('statement_timeout'),"
                " current_setting('default_transaction_read_only'), (SELECT count(*) FROM pg_listening_channels()),"
                " (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors WHERE is_holdable),"
                " (SELECT count(*) FROM subjects), to_regclass('subjects')) AS v",
                "postgres 5s off 0 0 0 0 subjects");
  }
}

static void what_a_borrower_set_stays_set(void)
{
  PGconn *connection = NULL;
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &connection, &failure), LONTAR_OK);
  PQclear(PQexec(connection, "SET work_mem = '7MB'"));
  lontar_return(database, connection);
  check_value("SELECT current_setting('work_mem') AS v", "7MB");
  CU_ASSERT_EQUAL(lontar_execute(database, "RESET work_mem", NULL, NULL, &failure), LONTAR_OK);
}

/* Opens what cannot be opened; the word is in the message, the password never. */
static void check_url(const char *at, enum lontar_error error, bool retriable, const char *word)
{
  struct lontar_database *none = NULL;
  enum lontar_error got = lontar_open(at, NULL, &none, &failure);
  if (got != error || failure.retriable != retriable || !strstr(failure.message, word))
    printf("\n    %s: %s, retriable %d, %s\n", at, lontar_error_code(got), failure.retriable, failure.message);
  CU_ASSERT_EQUAL(got, error);
  CU_ASSERT_EQUAL(failure.error, error);
  CU_ASSERT_EQUAL(failure.retriable, retriable);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, word));
  CU_ASSERT_PTR_NULL(strstr(failure.message, "geh")); /* of the password: a message goes into logs */
  CU_ASSERT_PTR_NULL(strstr(failure.message, "eim"));
  CU_ASSERT_PTR_NULL(none);
  lontar_close(none);
}

static void a_malformed_url_is_misuse(void)
{
  check_url("postgresql://u:geh%eim@h/d", LONTAR_MISUSE, false, "percent-encoded");
  check_url("postgresql://u:geh@eim@h/d", LONTAR_MISUSE, false, "%40");
  check_url("postgresql://u:geh/eim@h/d", LONTAR_MISUSE, false, "%2F");
  check_url("postgresql://u:geheim@[::1/d", LONTAR_MISUSE, false, "libpq");
  check_url("postgresql:/u:geheim@h/d", LONTAR_MISUSE, false, "postgresql://");
  check_url("postgres//u:geheim@h/d", LONTAR_MISUSE, false, "postgresql://");
  check_url("mysql://u:geheim@h/d", LONTAR_MISUSE, false, "postgresql://");
  check_url("host=h password=geh eim", LONTAR_MISUSE, false, "libpq");
  check_url("host=h password='geheim", LONTAR_MISUSE, false, "unterminated");
  check_url("postgresql://u:geheim@h/d?sslmode=foo", LONTAR_MISUSE, false, "sslmode");
  check_url("postgresql://u:geheim@h/d?sslmod=require", LONTAR_MISUSE, false, "URI query parameter");
  check_url("host=h sslmode=geheim", LONTAR_MISUSE, false, "sslmode");
  check_url("host=h colour=geheim", LONTAR_MISUSE, false, "connection option");
  check_url("postgresql://h/d?target_session_attrs=foo", LONTAR_MISUSE, false, "target_session_attrs");
  check_url("postgresql://h/d?channel_binding=foo", LONTAR_MISUSE, false, "channel_binding");
  check_url("postgresql://h/d?gssencmode=foo", LONTAR_MISUSE, false, "gssencmode");
  check_url("postgresql://h:port/d", LONTAR_MISUSE, false, "port");
  check_url("postgresql://h:0/d", LONTAR_MISUSE, false, "port");
  check_url("postgresql://h:65536/d", LONTAR_MISUSE, false, "port");
  check_url("host=a,b port=1,2,3", LONTAR_MISUSE, false, "ports");
  check_url("host=a,b hostaddr=127.0.0.1", LONTAR_MISUSE, false, "addresses");
  check_url("service=not_there", LONTAR_MISUSE, false, "service");
}

/* Whether it is known that nobody knows the name: where no one can be asked, it may be known later. */
static bool is_unknown(const char *name)
{
  struct addrinfo *info = NULL;
  return getaddrinfo(name, NULL, NULL, &info) == EAI_NONAME;
}

static void a_server_that_refuses_is_named(void)
{
  char at[REPO_URL_SIZE];
  check_url("postgresql://u:geheim@127.0.0.1:1/d", LONTAR_UNAVAILABLE, true,
            "\"127.0.0.1\", port 1 failed: Connection refused");
  check_url("host=/nowhere port=1234 password=geheim", LONTAR_UNAVAILABLE, true, "/nowhere/.s.PGSQL.1234");
  check_url("postgresql://u:geh?eim@nobody.invalid/d", LONTAR_UNAVAILABLE, !is_unknown("nobody.invalid"),
            "nobody.invalid");
  repo_url("not_there", "postgres", at);
  check_url(at, LONTAR_UNAVAILABLE, false, "\"not_there\" does not exist");
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "3D000");
  repo_url(DATABASE, "nobody", at);
  check_url(at, LONTAR_UNAVAILABLE, false, "role \"nobody\" does not exist");
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "28000");
  repo_execute(admin, "CREATE ROLE nologin NOLOGIN");
  repo_url(DATABASE, "nologin", at);
  check_url(at, LONTAR_UNAVAILABLE, false, "not permitted to log in");
  repo_execute(admin, "CREATE ROLE full_up LOGIN CONNECTION LIMIT 0");
  repo_url(DATABASE, "full_up", at);
  check_url(at, LONTAR_UNAVAILABLE, true, "too many connections");
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "53300");
  repo_execute(admin, "DROP ROLE nologin; DROP ROLE full_up");
}

/* The checks of the child; how many failed. */
static int child_misused(struct pg_conn *lent)
{
  static const struct lontar_statement one[] = {{INSERT("child"), NULL}};
  json_object *user = json_tokener_parse("{\"id\": 1}");
  json_object *answer = NULL;
  struct pg_conn *connection = NULL;
  struct lontar_numbers numbers;
  int wrong = 0;
  wrong += lontar_query(database, "SELECT 1", NULL, &answer, &failure) != LONTAR_MISUSE || failure.retriable;
  wrong += lontar_query_one(database, "SELECT 1", NULL, &answer, &failure) != LONTAR_MISUSE;
  wrong += lontar_execute(database, INSERT("child"), NULL, NULL, &failure) != LONTAR_MISUSE;
  wrong += lontar_transaction(database, one, 1, &failure) != LONTAR_MISUSE;
  wrong += lontar_transaction(database, NULL, 0, &failure) != LONTAR_MISUSE;
  wrong += lontar_borrow(database, &connection, &failure) != LONTAR_MISUSE;
  wrong += lontar_repository_user_get(database, user, &answer, &failure) != LONTAR_MISUSE;
  wrong += lontar_health_check(database, 1000);
  lontar_numbers(database, &numbers);
  wrong += numbers.open != 0;
  lontar_return(database, lent);
  lontar_close(database);
  json_object_put(user);
  return wrong;
}

static void a_child_cannot_use_what_its_parent_opened(void)
{
  struct pg_conn *lent = NULL;
  int status = -1;
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &lent, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT 1", NULL, NULL, &failure), LONTAR_OK); /* over another one */
  PQclear(PQexec(lent, "BEGIN"));
  PQclear(PQexec(lent, INSERT("parent")));
  const struct lontar_numbers then = numbers_now();
  CU_ASSERT_TRUE(then.idle > 0);
  (void)fflush(stdout);
  pid_t child = fork();
  if (child == 0)
    _exit(child_misused(lent));
  CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
  CU_ASSERT_EQUAL(status, 0);
  PQclear(PQexec(lent, "COMMIT")); /* nobody rolled back, or said good-bye, over the parent's sockets */
  CU_ASSERT_EQUAL(PQstatus(lent), CONNECTION_OK);
  lontar_return(database, lent);
  check_value("SELECT string_agg(code, ' ') AS v FROM subjects", "parent");
  CU_ASSERT_EQUAL(numbers_now().opened, then.opened);
  CU_ASSERT_EQUAL(numbers_now().closed_lost, then.closed_lost);
  CU_ASSERT_EQUAL(lontar_execute(database, "DELETE FROM subjects", NULL, NULL, &failure), LONTAR_OK);
}

CASES(misuse, before, after, CASE(nothing_is_no_statement), CASE(a_transaction_is_not_ended_by_its_statements),
      CASE(a_transaction_is_not_ended_from_within), CASE(a_transaction_that_may_only_read_is_no_outage),
      CASE(savepoints_and_local_settings_are_fine), CASE(what_the_commit_refuses_is_undone),
      CASE(a_session_is_not_handed_on_changed), CASE(what_a_borrower_set_stays_set), CASE(a_malformed_url_is_misuse),
      CASE(a_server_that_refuses_is_named), CASE(a_child_cannot_use_what_its_parent_opened));
