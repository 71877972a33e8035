/* The DatabaseManager's queries, transactions and borrowed connections. */
#include <json-c/json.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include <lontar/lontar.h>

#include "repo.h"

#define DATABASE "database_test"

static struct lontar_database *database;
static struct lontar_failure failure;

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  static char url[REPO_URL_SIZE];
  repo_create_database(DATABASE);
  repo_url(DATABASE, "postgres", url);
  return repo_lontarctl(DATABASE, "migrate", out) || lontar_open(url, NULL, &database, &failure) != LONTAR_OK;
}

static int after(void)
{
  lontar_close(database);
  return 0;
}

/* Runs a query with parameters written as JSON and compares its rows, written as JSON. */
static void check_query(const char *sql, const char *parameters, const char *expected)
{
  json_object *rows = NULL;
  json_object *object = parameters ? json_tokener_parse(parameters) : NULL;
  enum lontar_error error = lontar_query(database, sql, object, &rows, &failure);
  const char *text = rows ? json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN) : lontar_error_code(error);
  if (strcmp(text, expected) != 0)
    printf("\n    %s\n    got:  %s %s\n    want: %s\n", sql, text, failure.message, expected);
  CU_ASSERT_STRING_EQUAL(text, expected);
  json_object_put(rows);
  json_object_put(object);
}

static void values_travel_with_their_types(void)
{
  check_query("SELECT %(a)s::int AS a, %(b)s::text AS b, %(c)s::bool AS c, %(d)s::float8 AS d, %(e)s::text AS e,"
              " %(f)s::jsonb AS f",
              "{\"a\": 1, \"b\": \"it's %(x)s\", \"c\": true, \"d\": 0.5, \"e\": null, \"f\": {\"g\": [1]}}",
              "[{\"a\":1,\"b\":\"it's %(x)s\",\"c\":true,\"d\":0.5,\"e\":null,\"f\":{\"g\":[1]}}]");
  check_query("SELECT 'NaN'::float8 AS n, 10 %% 3 AS m, timestamptz '2026-01-02 03:04:05+07' AS t", NULL,
              "[{\"n\":\"NaN\",\"m\":1,\"t\":\"2026-01-01 20:04:05+00\"}]");
  check_query("SELECT 1 WHERE false", NULL, "[]");
}

/* The server itself says what each of them is, without our translation and with it. */
static void literals_say_what_they_said(void)
{
  static const char *const literals[] = {
      "'%(b)s %% 100% it''s'",  "E'\\'%(b)s\\\\ %%'",    "E'a'  -- it's\n '\\'%(b)s'",
      "e'\\x25\\u0025(b)s'",    "U&'\\0025(b)s %%'",     "N'%(b)s\\'",
      "$$%(b)s ' %% $a$ $$",    "$a$ $b$ %(b)s $$ '$a$", "'a' /* ' /* %(b)s */ % */ || '%%'",
      "'a' -- '%(b)s\n || '%'", "1::text || $$%(b)s$$",  "$\xc3\xa9$ %(b)s $ $\xc3\xa9$",
  };
  PGconn *connection = repo_connect(DATABASE);
  json_object *object = json_tokener_parse("{\"b\": 1}");
  for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
    char sql[256];
    json_object *row = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT %s AS a", literals[i]);
    const char *said = repo_value(connection, sql);
    (void)snprintf(sql, sizeof sql, "SELECT %s AS a, %%(b)s::int AS b", literals[i]);
    CU_ASSERT_EQUAL(lontar_query_one(database, sql, object, &row, &failure), LONTAR_OK);
    const char *says = json_object_get_string(json_object_object_get(row, "a"));
    CU_ASSERT_STRING_EQUAL(says ? says : "", said);
    CU_ASSERT_EQUAL(json_object_get_int(json_object_object_get(row, "b")), 1);
    json_object_put(row);
  }
  json_object_put(object);
  PQfinish(connection);
}

static void injection_is_only_a_text(void)
{
  check_query("SELECT count(*) AS n FROM users WHERE username = %(name)s", "{\"name\": \"' OR '1' = '1\"}",
              "[{\"n\":0}]");
}

static void what_is_missing_is_told_before_anything_is_sent(void)
{
  check_query("SELECT %(a)s, %(b)s", "{\"a\": 1}", "misuse");
  CU_ASSERT_STRING_EQUAL(failure.message, "there is no parameter b");
  check_query("SELECT %(a)s", NULL, "misuse");
  check_query("SELECT 50% ", NULL, "misuse");
  check_query("SELECT %(a)s::text", "{\"a\": \"x\\u0000y\"}", "invalid");
}

static void one_row_or_none(void)
{
  json_object *row = NULL;
  CU_ASSERT_EQUAL(lontar_query_one(database, "VALUES (1), (2)", NULL, &row, &failure), LONTAR_OK);
  CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN), "{\"column1\":1}");
  json_object_put(row);
  CU_ASSERT_EQUAL(lontar_query_one(database, "SELECT 1 WHERE false", NULL, &row, &failure), LONTAR_OK);
  CU_ASSERT_PTR_NULL(row);
}

static void writes_report_their_rows(void)
{
  int64_t count = -1;
  CU_ASSERT_EQUAL(lontar_execute(database,
                                 "INSERT INTO subjects (grade, name, code) VALUES (10, 'A', 'A'), (11, 'B', 'B')", NULL,
                                 &count, &failure),
                  LONTAR_OK);
  CU_ASSERT_EQUAL(count, 2);
  CU_ASSERT_EQUAL(lontar_execute(database, "DELETE FROM subjects", NULL, NULL, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_execute(database, "SET work_mem = '4MB'", NULL, &count, &failure), LONTAR_OK);
  CU_ASSERT_EQUAL(count, 0);
}

static void failures_carry_state_and_constraint(void)
{
  check_query("INSERT INTO subjects (grade, name, code) VALUES (9, 'A', 'A')", NULL, "invalid");
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "23514");
  CU_ASSERT_STRING_EQUAL(failure.constraint, "subjects_grade_check");
  CU_ASSERT_FALSE(failure.retriable);
  check_query("INSERT INTO books (subject_id, title) VALUES (99, 'A')", NULL, "bad_reference");
  check_query("SELEKT", NULL, "internal");
  check_query("COPY users TO STDOUT", NULL, "misuse");
  check_query("SELECT 1 AS a", NULL, "[{\"a\":1}]");
}

static void a_transaction_is_all_or_nothing(void)
{
  const char *insert = "INSERT INTO subjects (grade, name, code) VALUES (10, 'T', %(code)s)";
  json_object *one = json_tokener_parse("{\"code\": \"one\"}");
  json_object *two = json_tokener_parse("{\"code\": \"two\"}");
  const struct lontar_statement twice[] = {{insert, one}, {insert, two}, {insert, one}};
  CU_ASSERT_EQUAL(lontar_transaction(database, twice, 3, &failure), LONTAR_CONFLICT);
  CU_ASSERT_STRING_EQUAL(failure.constraint, "subjects_code_key");
  check_query("SELECT count(*) AS n FROM subjects", NULL, "[{\"n\":0}]");
  CU_ASSERT_EQUAL(lontar_transaction(database, twice, 2, &failure), LONTAR_OK);
  check_query("SELECT count(*) AS n FROM subjects", NULL, "[{\"n\":2}]");
  json_object_put(one);
  json_object_put(two);
}

/* Makes a function that fails with a conflict for the first so many calls, which a sequence counts beyond a rollback.
 */
static void conflicts_prepare(int count)
{
  char sql[512];
  PGconn *connection = repo_connect(DATABASE);
  (void)snprintf(sql, sizeof sql,
                 "DROP SEQUENCE IF EXISTS attempts; CREATE SEQUENCE attempts;"
                 "CREATE OR REPLACE FUNCTION conflict() RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
                 " IF nextval('attempts') <= %d THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; END $$",
                 count);
  repo_execute(connection, "SET client_min_messages = warning");
  repo_execute(connection, sql);
  PQfinish(connection);
}

static void a_conflict_is_tried_again(void)
{
  const struct lontar_statement statements[] = {
      {"INSERT INTO subjects (grade, name, code) VALUES (12, 'C', 'conflict')", NULL}, {"SELECT conflict()", NULL}};
  conflicts_prepare(3);
  CU_ASSERT_EQUAL(lontar_transaction(database, statements, 2, &failure), LONTAR_OK);
  check_query("SELECT last_value, count(*) AS n FROM attempts, subjects WHERE code = 'conflict' GROUP BY 1", NULL,
              "[{\"last_value\":4,\"n\":1}]");
  conflicts_prepare(100);
  CU_ASSERT_EQUAL(lontar_transaction(database, statements + 1, 1, &failure), LONTAR_RETRY);
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "40001");
  CU_ASSERT_TRUE(failure.retriable);
  check_query("SELECT last_value FROM attempts", NULL, "[{\"last_value\":4}]");
  CU_ASSERT_EQUAL(lontar_execute(database, "DELETE FROM subjects WHERE code = 'conflict'", NULL, NULL, &failure),
                  LONTAR_OK);
}

static void a_borrowed_connection_comes_back_clean(void)
{
  PGconn *connection = NULL;
  CU_ASSERT_EQUAL_FATAL(lontar_borrow(database, &connection, &failure), LONTAR_OK);
  PQclear(PQexec(connection, "BEGIN"));
  PQclear(PQexec(connection, "DELETE FROM subjects"));
  lontar_return(database, connection);
  check_query("SELECT count(*) AS n FROM subjects", NULL, "[{\"n\":2}]");
  struct lontar_numbers numbers;
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.busy, 0);
  CU_ASSERT_EQUAL(numbers.open, numbers.idle);
}

static void a_wrong_url_is_told_when_opening(void)
{
  struct lontar_database *none = NULL;
  CU_ASSERT_EQUAL(lontar_open("postgresql:///not_there", NULL, &none, &failure), LONTAR_UNAVAILABLE);
  CU_ASSERT_FALSE(failure.retriable);
  CU_ASSERT_STRING_EQUAL(failure.sqlstate, "3D000");
  CU_ASSERT_PTR_NULL(none);
  CU_ASSERT_EQUAL(lontar_open(NULL, NULL, &none, NULL), LONTAR_MISUSE);
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  options.pool_size = 0;
  CU_ASSERT_EQUAL(lontar_open("", &options, &none, NULL), LONTAR_MISUSE);
}

static void the_database_is_healthy(void)
{
  CU_ASSERT_TRUE(lontar_health_check(database, 1000));
}

CASES(database, before, after, CASE(values_travel_with_their_types), CASE(literals_say_what_they_said),
      CASE(injection_is_only_a_text), CASE(what_is_missing_is_told_before_anything_is_sent), CASE(one_row_or_none),
      CASE(writes_report_their_rows), CASE(failures_carry_state_and_constraint), CASE(a_transaction_is_all_or_nothing),
      CASE(a_conflict_is_tried_again), CASE(a_borrowed_connection_comes_back_clean),
      CASE(a_wrong_url_is_told_when_opening), CASE(the_database_is_healthy));
