/* What a role sets of itself changes nothing, whichever door is used. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include <lontar/lontar.h>

#include "base/buffer.h"
#include "repo.h"
#include "repo/presets.h"
#include "repo/statement.h"

#define DATABASE "presets_test"

/* All that presets.def is about, set as unhelpfully as it can be. */
static const char *const hostile[] = {
    "search_path = hostile, pg_catalog, public",
    "TimeZone = 'Asia/Kathmandu'",
    "DateStyle = 'German'",
    "IntervalStyle = 'sql_standard'",
    "bytea_output = 'escape'",
    "extra_float_digits = -15",
    "standard_conforming_strings = off",
    "quote_all_identifiers = on",
    "array_nulls = off",
    "transform_null_equals = on",
    "row_security = off",
    "check_function_bodies = off",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "synchronous_commit = off",
    "exit_on_error = on",
    "client_min_messages = 'error'",
    "statement_timeout = 60001",
    "lock_timeout = 60001",
    "idle_in_transaction_session_timeout = 60001",
    "idle_session_timeout = 60001", /* from PostgreSQL 14 */
    "transaction_timeout = 60001",  /* from PostgreSQL 17 */
};

static char out[REPO_TEXT_SIZE];
static char url[REPO_URL_SIZE];

static int before(void)
{
  repo_create_database(DATABASE);
  PGconn *connection = repo_connect(DATABASE);
  PQclear(PQexec(connection, "CREATE ROLE hostile LOGIN"));
  for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
    char sql[256];
    (void)snprintf(sql, sizeof sql, "ALTER ROLE hostile SET %s", hostile[i]);
    PQclear(PQexec(connection, sql)); /* an older server does not know the last ones */
  }
  const int failed = repo_lontarctl(DATABASE, "migrate --grant hostile", out);
  repo_execute(connection, "CREATE SCHEMA hostile AUTHORIZATION hostile; CREATE TABLE hostile.subjects (LIKE"
                           " public.subjects INCLUDING ALL); ALTER TABLE hostile.subjects OWNER TO hostile;"
                           "CREATE TABLE hostile.users (LIKE public.users INCLUDING ALL); ALTER TABLE hostile.users"
                           " OWNER TO hostile");
  PQfinish(connection);
  repo_url(DATABASE, "hostile", url);
  return failed;
}

static int after(void)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "ALTER ROLE hostile RESET ALL");
  PQfinish(connection);
  return 0;
}

static void check_settings(PGconn *connection)
{
  for (int i = 0; i < preset_count; i++) {
    char sql[256];
    (void)snprintf(sql, sizeof sql, "SELECT current_setting('%s')", presets[i].name);
    if (PQserverVersion(connection) / 10000 < presets[i].since)
      continue;
    const char *value = repo_value(connection, sql);
    if (strcmp(value, presets[i].value) != 0)
      printf("\n    %s is %s\n", presets[i].name, value);
    CU_ASSERT_STRING_EQUAL(value, presets[i].value);
  }
}

static void a_session_is_set_up_by_one_statement(void)
{
  const struct preset_limits limits = {1000, 2000, 3000};
  struct buffer sql;
  PGconn *connection = PQconnectdb(url);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SHOW search_path"), "hostile, pg_catalog, public");
  buffer_init(&sql, 16384);
  buffer_append_text(&sql, "SELECT ");
  presets_write(&sql, PQserverVersion(connection), &limits);
  buffer_append(&sql, "", 1);
  repo_execute(connection, sql.data);
  buffer_free(&sql);
  check_settings(connection);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SHOW statement_timeout"), "1s");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SHOW lock_timeout"), "2s");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SHOW idle_in_transaction_session_timeout"), "3s");
  PQfinish(connection);
}

/* A commit that a role waits more for than it must stays so. */
static void only_a_lazy_commit_is_raised(void)
{
  const struct preset_limits limits = {0};
  struct buffer sql;
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "SET synchronous_commit = remote_apply");
  buffer_init(&sql, 16384);
  buffer_append_text(&sql, "SELECT ");
  presets_write(&sql, PQserverVersion(connection), &limits);
  buffer_append(&sql, "", 1);
  repo_execute(connection, sql.data);
  buffer_free(&sql);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SHOW synchronous_commit"), "remote_apply");
  PQfinish(connection);
}

/* Of versions that cannot be tried here, what is new is left out. */
static void no_server_is_told_what_it_does_not_know(void)
{
  static const struct {
    int version;
    bool idle, transaction;
  } cases[] = {{120022, false, false},
               {130000, false, false},
               {140000, true, false},
               {160004, true, false},
               {170000, true, true}};
  const struct preset_limits limits = {0};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buffer sql;
    buffer_init(&sql, 16384);
    presets_write(&sql, cases[i].version, &limits);
    buffer_append(&sql, "", 1);
    CU_ASSERT_EQUAL(strstr(sql.data, "'idle_session_timeout'") != NULL, cases[i].idle);
    CU_ASSERT_EQUAL(strstr(sql.data, "'transaction_timeout'") != NULL, cases[i].transaction);
    buffer_free(&sql);
  }
}

static void the_librarys_records_land_in_public(void)
{
  struct lontar_failure failure;
  struct lontar_database *database = NULL;
  json_object *answer = NULL, *rows = NULL;
  json_object *subject = json_tokener_parse("{\"grade\": 10, \"name\": \"Jalur\", \"code\": \"JALUR\"}");
  CU_ASSERT_EQUAL_FATAL(lontar_open(url, NULL, &database, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_repository_subject_create(database, subject, &answer, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_query(database,
                               "SELECT current_setting('search_path') AS path, current_setting('TimeZone') AS"
                               " zone, current_setting('lock_timeout') AS lock",
                               NULL, &rows, &failure),
                  LONTAR_OK);
  json_object *row = json_object_array_get_idx(rows, 0);
  CU_ASSERT_STRING_EQUAL(json_object_get_string(json_object_object_get(row, "path")), "public, pg_temp");
  CU_ASSERT_STRING_EQUAL(json_object_get_string(json_object_object_get(row, "zone")), "UTC");
  CU_ASSERT_STRING_EQUAL(json_object_get_string(json_object_object_get(row, "lock")), "0");
  json_object_put(rows);
  json_object_put(answer);
  json_object_put(subject);
  lontar_close(database);
  PGconn *connection = repo_connect(DATABASE);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT count(*) FROM public.subjects"), "1");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT count(*) FROM hostile.subjects"), "0");
  PQfinish(connection);
}

static void lontarctls_records_land_in_public(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl_url(url, "user list", out), 0);
  CU_ASSERT_EQUAL(repo_lontarctl_url(url, "user add jalur --role siswa <<X\nrahasia\nX\n", out), 0);
  PGconn *connection = repo_connect(DATABASE);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT count(*) FROM public.users"), "1");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT count(*) FROM hostile.users"), "0");
  PQfinish(connection);
}

/* Without any preset, as behind a pooler: names say their schema. */
static void statements_need_no_search_path(void)
{
  PGconn *connection = PQconnectdb(url);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SET exit_on_error = off"), "");
  for (int i = 1; i < STATEMENT_COUNT; i++) {
    static const char *const names[] = {" users", " sessions", " subjects", " books", " chat_history"};
    for (size_t n = 0; n < sizeof names / sizeof names[0]; n++) {
      const char *found = strstr(statement_rows[i].sql, names[n]);
      CU_ASSERT_PTR_NULL(found);
      if (found)
        printf("\n    %s: …%s\n", statement_rows[i].name, found);
    }
  }
  PQfinish(connection);
}

CASES(presets, before, after, CASE(a_session_is_set_up_by_one_statement), CASE(only_a_lazy_commit_is_raised),
      CASE(no_server_is_told_what_it_does_not_know), CASE(the_librarys_records_land_in_public),
      CASE(lontarctls_records_land_in_public), CASE(statements_need_no_search_path));
