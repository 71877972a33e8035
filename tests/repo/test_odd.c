/* Old databases that differ from the original: each is adopted whole and works, or refused with a word and untouched.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lontar/lontar.h>

#include "repo.h"

#define DATABASE "odd_test"

enum { SUM_SIZE = 64, TABLES = 5 };

#define ODD_CHAT                                                                                                       \
  "user_id integer REFERENCES users (id) ON DELETE CASCADE, subject_id integer REFERENCES subjects (id) ON DELETE"     \
  " SET NULL, question text NOT NULL, response text NOT NULL, confidence double precision, created_at timestamp"       \
  " DEFAULT CURRENT_TIMESTAMP"

static const struct odd {
  const char *name;
  const char *words; /* NULL: adopted */
  const char *sql;
} odds[] = {
#define ODD(name, words, sql) {#name, words, sql},
#include "odd.def"
#undef ODD
};

/* Every row, in a form that adopting does not change. */
static const struct {
  const char *table;
  const char *row;
} tables[TABLES] = {
    {"users", "id, username, password_hash, role, full_name, created_at::timestamp, updated_at::timestamp"},
    {"sessions", "id, user_id, CASE WHEN token ~ '^sha256:' THEN token ELSE 'sha256:'"
                 " || encode(sha256(convert_to(token, 'UTF8')), 'hex') END, expires_at::timestamp,"
                 " created_at::timestamp"},
    {"subjects", "id, grade, name, code, created_at::timestamp"},
    {"books", "id, subject_id, title, filename, vkp_version, chunk_count, created_at::timestamp"},
    {"chat_history", "id, user_id, subject_id, question, response, confidence, created_at::timestamp"},
};

static char out[REPO_TEXT_SIZE];

static void sum_tables(char ret_sums[TABLES][SUM_SIZE])
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "SET TimeZone = 'Asia/Jakarta'");
  for (int i = 0; i < TABLES; i++) {
    char sql[512];
    (void)snprintf(sql, sizeof sql, "SELECT count(*) || md5(string_agg(ROW(%s)::text, '|' ORDER BY id)) FROM %s",
                   tables[i].row, tables[i].table);
    (void)snprintf(ret_sums[i], SUM_SIZE, "%s", repo_value(connection, sql));
  }
  PQfinish(connection);
}

/* The whole database as one number; newer versions of pg_dump write a random word. */
static void sum_dump(char ret_sum[SUM_SIZE])
{
  char command[REPO_URL_SIZE + 128];
  char url[REPO_URL_SIZE];
  repo_url(DATABASE, "postgres", url);
  (void)snprintf(command, sizeof command, "pg_dump '%s' | grep -v '^.\\(un\\)\\?restrict ' | sha256sum", url);
  FILE *pipe = popen(command, "r");
  if (!pipe || !fgets(ret_sum, SUM_SIZE, pipe))
    CU_FAIL("pg_dump does not run");
  if (pipe)
    (void)pclose(pipe);
}

static void load(const struct odd *odd)
{
  repo_create_database(DATABASE);
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "ALTER DATABASE " DATABASE " SET TimeZone = 'Asia/Jakarta'");
  repo_execute(connection, "SET TimeZone = 'Asia/Jakarta'; SET client_min_messages = warning");
  repo_load(connection, "odd.sql");
  repo_execute(connection, odd->sql);
  PQfinish(connection);
}

typedef enum lontar_error repository_call(struct lontar_database *database, struct json_object *input,
                                          struct json_object **ret, struct lontar_failure *failure);

/* The id of what the operation made, 0 after a failure. */
static int64_t run(struct lontar_database *database, repository_call *call, json_object *input)
{
  struct lontar_failure failure;
  json_object *answer = NULL;
  const enum lontar_error error = call(database, input, &answer, &failure);
  CU_ASSERT_EQUAL(error, LONTAR_OK);
  if (error != LONTAR_OK)
    printf("\n    %s\n", failure.message);
  const int64_t id = error == LONTAR_OK ? json_object_get_int64(json_object_object_get(answer, "id")) : 0;
  json_object_put(answer);
  json_object_put(input);
  return id;
}

static json_object *with_id(const char *json, const char *name, int64_t id)
{
  json_object *input = json_tokener_parse(json);
  json_object_object_add(input, name, json_object_new_int64(id));
  return input;
}

static void everything_works(void)
{
  struct lontar_failure failure;
  struct lontar_database *database = NULL;
  char url[REPO_URL_SIZE];
  repo_url(DATABASE, "postgres", url);
  CU_ASSERT_EQUAL_FATAL(lontar_open(url, NULL, &database, &failure), LONTAR_OK);
  json_object *user = json_tokener_parse("{\"username\": \"odd.one\", \"password\": \"rahasia\", \"role\": \"siswa\"}");
  const int64_t user_id = run(database, lontar_repository_user_create, user);
  json_object *subject = json_tokener_parse("{\"grade\": 12, \"name\": \"Odd\", \"code\": \"ODD-12\"}");
  const int64_t subject_id = run(database, lontar_repository_subject_create, subject);
  run(database, lontar_repository_session_create, with_id("{}", "user_id", user_id));
  run(database, lontar_repository_session_list, with_id("{}", "user_id", user_id));
  json_object *chat = with_id("{\"question\": \"Apa?\", \"response\": \"Ini.\"}", "user_id", user_id);
  json_object_object_add(chat, "subject_id", json_object_new_int64(subject_id));
  run(database, lontar_repository_chat_create, chat);
  run(database, lontar_repository_chat_list_recent, json_object_new_object());
  run(database, lontar_repository_chat_list_by_user, with_id("{}", "user_id", user_id));
  const int64_t book_id =
      run(database, lontar_repository_book_create, with_id("{\"title\": \"Buku\"}", "subject_id", subject_id));
  run(database, lontar_repository_book_delete, with_id("{}", "id", book_id));
  run(database, lontar_repository_session_delete_all, with_id("{}", "user_id", user_id));
  PGconn *connection = repo_connect(DATABASE); /* chats may keep their user by an old foreign key */
  repo_execute(connection, "DELETE FROM chat_history WHERE question = 'Apa?'");
  PQfinish(connection);
  run(database, lontar_repository_user_delete, with_id("{}", "id", user_id));
  run(database, lontar_repository_subject_delete, with_id("{}", "id", subject_id));
  lontar_close(database);
}

static bool is_adopted(const struct odd *odd)
{
  char before[TABLES][SUM_SIZE], after[TABLES][SUM_SIZE];
  const unsigned failures = CU_get_number_of_failures();
  load(odd);
  sum_tables(before);
  const int status = repo_lontarctl(DATABASE, "migrate", out);
  CU_ASSERT_EQUAL(status, 0);
  if (status != 0)
    return false;
  everything_works();
  sum_tables(after);
  for (int i = 0; i < TABLES; i++)
    if (strncmp(before[i], "ERROR", 5) != 0)
      CU_ASSERT_STRING_EQUAL(before[i], after[i]);
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 0);
  return CU_get_number_of_failures() == failures;
}

static bool is_refused(const struct odd *odd)
{
  char before[SUM_SIZE], after[SUM_SIZE];
  const unsigned failures = CU_get_number_of_failures();
  load(odd);
  sum_dump(before);
  char url[REPO_URL_SIZE];
  const bool owned = strcmp(odd->name, "owned_by_another") == 0;
  repo_url(DATABASE, owned ? "odd_owner" : "postgres", url);
  CU_ASSERT_EQUAL(repo_lontarctl_url(url, "migrate", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, odd->words));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "nothing was changed"));
  sum_dump(after);
  CU_ASSERT_STRING_EQUAL(before, after);
  return CU_get_number_of_failures() == failures;
}

static int before(void)
{
  PGconn *connection = repo_connect("postgres");
  PQclear(PQexec(connection, "CREATE ROLE odd_stranger"));
  PQclear(PQexec(connection, "CREATE ROLE odd_owner LOGIN"));
  PQfinish(connection);
  return 0;
}

static void each_is_adopted_whole_or_refused_untouched(void)
{
  const char *only = getenv("LONTAR_TEST_ODD");
  for (size_t i = 0; i < sizeof odds / sizeof odds[0]; i++) {
    if (only && !strstr(only, odds[i].name))
      continue;
    const bool good = odds[i].words ? is_refused(&odds[i]) : is_adopted(&odds[i]);
    if (!good || only)
      printf("\n    %s: %s\n%s", odds[i].name, odds[i].words ? odds[i].words : "adopted", out);
  }
}

static void check_value(const char *sql, const char *expected)
{
  PGconn *connection = repo_connect(DATABASE);
  const char *value = repo_value(connection, sql);
  if (strcmp(value, expected) != 0)
    printf("\n    %s\n    got:  %s\n    want: %s\n", sql, value, expected);
  CU_ASSERT_STRING_EQUAL(value, expected);
  PQfinish(connection);
}

/* By the old application, whose sessions have the server's zone, and by Lontar's, which have none. */
static void defaults_keep_their_meaning(void)
{
  load(&odds[0]);
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "its session code must ask Lontar"));
  static const char *const zones[] = {"UTC", "Asia/Jakarta", "America/New_York"};
  for (int i = 0; i < 3; i++) {
    char sql[512];
    (void)snprintf(
        sql, sizeof sql,
        "SET TimeZone = '%s'; INSERT INTO sessions (user_id, token, expires_at) VALUES (1, 'zone%d', DEFAULT)"
        " RETURNING expires_at = now() + interval '24 hours'",
        zones[i], i);
    check_value(sql, "t");
    (void)snprintf(sql, sizeof sql,
                   "SET TimeZone = '%s'; INSERT INTO subjects (grade, name, code) VALUES (10, 'x', 'zone%d')"
                   " RETURNING created_at AT TIME ZONE 'Asia/Jakarta'",
                   zones[i], i);
    check_value(sql, "2020-01-01 00:00:00");
    (void)snprintf(sql, sizeof sql,
                   "SET TimeZone = '%s'; INSERT INTO books (title) VALUES ('x') RETURNING created_at = now()",
                   zones[i]);
    check_value(sql, "t");
  }
  check_value("INSERT INTO users (username, password_hash, role) VALUES ('tanpa', 'x', 'siswa') RETURNING updated_at IS"
              " NULL AND created_at = now()",
              "t");
}

CASES(odd, before, NULL, CASE(each_is_adopted_whole_or_refused_untouched), CASE(defaults_keep_their_meaning));
