/* The adoption of an existing NexusAI database: nothing is lost, and its application goes on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repo.h"

#define DATABASE "adopt_test"

enum { TABLES = 8, CHECKSUM_SIZE = 64 };

/* Every row, in a form that adopting does not change: times as the old server wrote them, tokens as their hash. */
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
    {"topic_mastery", "t"},
    {"weak_areas", "t"},
    {"practice_questions", "t"},
};

static char checksums[TABLES][CHECKSUM_SIZE];
static char out[REPO_TEXT_SIZE];

static void table_checksum(PGconn *connection, int table, char ret_checksum[CHECKSUM_SIZE])
{
  char sql[512];
  (void)snprintf(sql, sizeof sql, "SELECT count(*) || md5(string_agg(ROW(%s)::text, '|' ORDER BY id)) FROM %s t",
                 tables[table].row, tables[table].table);
  (void)snprintf(ret_checksum, CHECKSUM_SIZE, "%s", repo_value(connection, sql));
}

static void all_rows_are_the_same(void)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "SET TimeZone = 'Asia/Jakarta'");
  for (int i = 0; i < TABLES; i++) {
    char checksum[CHECKSUM_SIZE];
    table_checksum(connection, i, checksum);
    CU_ASSERT_STRING_EQUAL(checksum, checksums[i]);
  }
  PQfinish(connection);
}

static int before(void)
{
  repo_load_existing(DATABASE);
  PGconn *connection = repo_connect(DATABASE);
  for (int i = 0; i < TABLES; i++)
    table_checksum(connection, i, checksums[i]);
  PQfinish(connection);
  return 0;
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

static void dry_run_tells_and_changes_nothing(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --dry-run", out), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "read as Asia/Jakarta"));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "chat_history: 119884 rows"));
  check_value("SELECT to_regclass('lontar_migrations') IS NULL", "t");
  check_value("SELECT count(*) FROM sessions WHERE token ~ '^sha256:'", "0");
}

static void an_unknown_zone_is_refused(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --time-zone Nowhere/Here", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "no time zone Nowhere/Here"));
}

static void every_row_is_there(void)
{
  /* The zone of the operator's own shell must not matter. */
  (void)setenv("PGTZ", "America/New_York", 1);
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 0);
  (void)unsetenv("PGTZ");
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "100000 of 119884 rows"));
  all_rows_are_the_same();
}

static void times_are_instants_of_the_old_servers_zone(void)
{
  check_value("SELECT (created_at AT TIME ZONE 'UTC')::text FROM users WHERE username = 'budi'", "2024-12-31 17:00:00");
  check_value("SELECT created_at IS NULL FROM users WHERE username = 'Budi'", "t");
  check_value("SELECT count(*) FROM users WHERE lower(username) = 'budi'", "3");
  check_value("SELECT expires_at = 'infinity' FROM sessions WHERE user_id = 3 AND created_at IS NULL", "t");
}

static void no_plain_token_is_left(void)
{
  check_value("SELECT count(*) FROM sessions WHERE token !~ '^sha256:[0-9a-f]{64}$'", "0");
  check_value("SELECT user_id FROM sessions WHERE token = 'sha256:' || encode(sha256('plain-token-1'), 'hex')", "1");
}

static void ids_of_chats_are_bigint_and_others_stay(void)
{
  check_value("SELECT string_agg(c.relname || ' ' || format_type(a.atttypid, NULL), ',' ORDER BY c.relname)"
              " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id'"
              " WHERE c.relname IN ('users', 'subjects', 'sessions', 'books', 'chat_history')",
              "books integer,chat_history bigint,sessions integer,subjects integer,users integer");
  check_value("SELECT data_type FROM pg_sequences WHERE sequencename = 'chat_history_id_seq'", "bigint");
  check_value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'", "9");
  check_value("SELECT col_description('chat_history'::regclass, 7)", "When it was asked");
}

/* The application's own SQL: columns in its order, its times without a zone, its tokens plain. */
static void the_old_application_goes_on(void)
{
  check_value("INSERT INTO users (username, password_hash, role, full_name) VALUES ('baru', repeat('0', 64), 'siswa',"
              " 'Baru') RETURNING id",
              "204");
  check_value("INSERT INTO sessions (user_id, token, expires_at) VALUES (204, 'plain-again', '2099-01-01 00:00:00')"
              " RETURNING expires_at AT TIME ZONE 'UTC'",
              "2098-12-31 17:00:00");
  check_value("UPDATE sessions SET token = 'another-token' WHERE user_id = 204 RETURNING token = 'sha256:'"
              " || encode(sha256('another-token'), 'hex')",
              "t");
  check_value("INSERT INTO chat_history (user_id, subject_id, question, response, confidence)"
              " VALUES (204, 1, 'Apa?', 'Ini', 0.5) RETURNING id",
              "120005");
  check_value("INSERT INTO topic_mastery (user_id, subject_id, topic) VALUES (204, 1, 'Baru') RETURNING mastery_level",
              "0");
  check_value("DELETE FROM users WHERE id = 204 RETURNING username", "baru");
  check_value("SELECT count(*) FROM topic_mastery WHERE user_id = 204", "0");
  all_rows_are_the_same();
}

static void the_second_run_is_harmless(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 0);
  all_rows_are_the_same();
}

static void a_named_zone_overrides(void)
{
  repo_load_existing("adopt_zone");
  CU_ASSERT_EQUAL(repo_lontarctl("adopt_zone", "migrate --time-zone asia/jayapura", out), 0);
  PGconn *connection = repo_connect("adopt_zone");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT (created_at AT TIME ZONE 'UTC')::text FROM users"
                                                " WHERE username = 'budi'"),
                         "2024-12-31 15:00:00");
  PQfinish(connection);
}

/* The zone of whoever migrates says nothing of the server's. */
static void a_zone_of_ones_own_role_is_not_the_servers(void)
{
  char url[REPO_URL_SIZE];
  repo_load_existing("adopt_role");
  PGconn *connection = repo_connect("adopt_role");
  PQclear(PQexec(connection, "CREATE ROLE adopt_traveller SUPERUSER LOGIN"));
  repo_execute(connection, "ALTER DATABASE adopt_role RESET timezone");
  repo_execute(connection, "ALTER ROLE adopt_traveller SET timezone = 'Asia/Tokyo'");
  PQfinish(connection);
  repo_url("adopt_role", "adopt_traveller", url);
  CU_ASSERT_EQUAL(repo_lontarctl_url(url, "migrate", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "its role sets a time zone"));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "--time-zone"));
}

CASES(adopt, before, NULL, CASE(dry_run_tells_and_changes_nothing), CASE(an_unknown_zone_is_refused),
      CASE(every_row_is_there), CASE(times_are_instants_of_the_old_servers_zone), CASE(no_plain_token_is_left),
      CASE(ids_of_chats_are_bigint_and_others_stay), CASE(the_old_application_goes_on),
      CASE(the_second_run_is_harmless), CASE(a_named_zone_overrides), CASE(a_zone_of_ones_own_role_is_not_the_servers));
