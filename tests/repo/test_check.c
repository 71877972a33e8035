/* lontarctl check: what it finds in a migrated database, and that what it says to do helps. */
#include <stdio.h>
#include <string.h>

#include "repo.h"

#define DATABASE "check_test"

static char out[REPO_TEXT_SIZE];
static char daemon_url[REPO_URL_SIZE];

static int before(void)
{
  repo_create_database(DATABASE);
  PGconn *connection = repo_connect(DATABASE);
  PQclear(PQexec(connection, "CREATE ROLE check_daemon LOGIN"));
  PQfinish(connection);
  repo_url(DATABASE, "check_daemon", daemon_url);
  return repo_lontarctl(DATABASE, "migrate --grant check_daemon", out);
}

static void run(const char *sql)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, sql);
  PQfinish(connection);
}

/* Both roles find it, a dry run too; and it is gone after `mend`. */
static void check_finds(const char *harm, const char *words, const char *mend)
{
  run(harm);
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "check", out), 1);
  if (!strstr(out, words))
    printf("\n    want: %s\n    got:  %s\n", words, out);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, words));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "1 things must be mended"));
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --dry-run", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, words));
  run(mend);
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "check", out), 0);
}

static void a_good_database_is_good(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "check", out), 0);
  CU_ASSERT_STRING_EQUAL(out, "all is well with the database\n");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "check", out), 0);
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "check now", out), 2);
}

static void sequences_are_looked_at(void)
{
  run("INSERT INTO subjects (grade, name, code) VALUES (10, 'A', 'A'), (10, 'B', 'B')");
  check_finds("SELECT setval('subjects_id_seq', 1)", "SELECT setval('subjects_id_seq', (SELECT max(id) FROM subjects))",
              "SELECT setval('subjects_id_seq', (SELECT max(id) FROM subjects))");
  check_finds("SELECT setval('subjects_id_seq', 1, false)", "is at 0, behind the largest id 2",
              "SELECT setval('subjects_id_seq', (SELECT max(id) FROM subjects))");
  check_finds("SELECT setval('users_id_seq', 1717986919)", "users_id_seq of the table users has used up 80 %",
              "SELECT setval('users_id_seq', 1717986916)");
  check_finds("SELECT setval('users_id_seq', 2147483647)", "is at its end (2147483647)",
              "SELECT setval('users_id_seq', 1)");
  check_finds("ALTER SEQUENCE chat_history_id_seq MAXVALUE 10; SELECT setval('chat_history_id_seq', 9)",
              "chat_history_id_seq of the table chat_history has used up 90 %",
              "ALTER SEQUENCE chat_history_id_seq NO MAXVALUE RESTART");
}

static void what_the_daemon_needs_is_looked_at(void)
{
  run("REVOKE INSERT, UPDATE ON books FROM check_daemon");
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "check", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "the role check_daemon lacks the right to INSERT, UPDATE in the table books"));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "lontarctl migrate --grant check_daemon"));
  run("REVOKE USAGE, SELECT ON SEQUENCE books_id_seq FROM check_daemon");
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "check", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "may not take numbers from the sequence books_id_seq"));
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --grant check_daemon", out), 0);
  check_finds("ALTER TABLE sessions DISABLE TRIGGER lontar_hash_token",
              "lontar_hash_token of the table sessions is gone",
              "ALTER TABLE sessions ENABLE TRIGGER lontar_hash_token");
  check_finds("ALTER TABLE chat_history SET UNLOGGED", "the table chat_history is unlogged",
              "ALTER TABLE chat_history SET LOGGED");
  check_finds("ALTER TABLE users RENAME full_name TO nama", "the table users has no column full_name",
              "ALTER TABLE users RENAME nama TO full_name");
  check_finds("ALTER TABLE books ADD pages integer NOT NULL", "the column pages of the table books must have a value",
              "ALTER TABLE books DROP pages");
}

static void migrations_that_are_missing_are_told(void)
{
  run("CREATE TABLE kept AS SELECT * FROM lontar_migrations; DELETE FROM lontar_migrations WHERE number > 1");
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "check", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "the database has 1 of"));
  run("INSERT INTO lontar_migrations SELECT * FROM kept WHERE number > 1; DROP TABLE kept");
}

static void foreign_tables_are_told_only(void)
{
  run("CREATE TABLE marks (user_id integer REFERENCES users (id), mark integer)");
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "check", out), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "note: rows of marks keep rows of users from being deleted"));
  run("DROP TABLE marks");
}

/* Lontar sets them itself, except behind a pooler. */
static void settings_of_a_role_are_looked_at(void)
{
  run("ALTER ROLE check_daemon SET exit_on_error = on; ALTER ROLE check_daemon SET search_path = elsewhere");
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "check", out), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "note: exit_on_error is on for the role check_daemon"));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "note: search_path is elsewhere"));
  FILE *file = fopen("/tmp/lontar-check-test.conf", "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  fputs("prepared_statements = off\n", file);
  (void)fclose(file);
  CU_ASSERT_EQUAL(repo_lontarctl_url(daemon_url, "-f /tmp/lontar-check-test.conf check", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "ALTER ROLE check_daemon SET exit_on_error = 'off'"));
  (void)remove("/tmp/lontar-check-test.conf");
  run("ALTER ROLE check_daemon RESET ALL");
  check_finds("ALTER DATABASE " DATABASE " SET default_transaction_read_only = on",
              "default_transaction_read_only is on",
              "SET TRANSACTION READ WRITE; ALTER DATABASE " DATABASE " RESET ALL");
}

CASES(check, before, NULL, CASE(a_good_database_is_good), CASE(sequences_are_looked_at),
      CASE(what_the_daemon_needs_is_looked_at), CASE(migrations_that_are_missing_are_told),
      CASE(foreign_tables_are_told_only), CASE(settings_of_a_role_are_looked_at));
