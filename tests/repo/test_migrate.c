/* lontarctl migrate on a fresh database: what it makes, that it may run again, and what it refuses. */
#include <stdio.h>
#include <string.h>

#include "repo.h"

#define DATABASE "migrate_test"

static char out[REPO_TEXT_SIZE];

/* All that a migration could change, as one text. */
static const char CATALOG[] =
    "SELECT md5(coalesce(string_agg(x::text, '' ORDER BY x::text), '')) FROM (SELECT c.relname, c.relkind::text,"
    " a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE c.relnamespace = 'public'::regnamespace) x";

static int before(void)
{
  repo_create_database(DATABASE);
  PGconn *connection = repo_connect(DATABASE);
  PQclear(PQexec(connection, "CREATE ROLE lontar_daemon LOGIN; "));
  PQfinish(connection);
  return 0;
}

static void dry_run_changes_nothing(void)
{
  PGconn *connection = repo_connect(DATABASE);
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --dry-run --grant lontar_daemon", out), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "would be run"));
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT count(*) FROM pg_class"
                                                " WHERE relnamespace = 'public'::regnamespace"),
                         "0");
  PQfinish(connection);
}

static void a_fresh_database_gets_its_tables(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --grant lontar_daemon", out), 0);
  PGconn *connection = repo_connect(DATABASE);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class"
                                                " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"),
                         "books,chat_history,lontar_migrations,sessions,subjects,users");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT count(*) FROM pg_proc WHERE proname = 'lontar_tick'"), "0");
  PQfinish(connection);
}

static void the_second_run_is_harmless(void)
{
  char catalog[64];
  PGconn *connection = repo_connect(DATABASE);
  (void)snprintf(catalog, sizeof catalog, "%s", repo_value(connection, CATALOG));
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --grant lontar_daemon", out), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "up to date"));
  CU_ASSERT_STRING_EQUAL(repo_value(connection, CATALOG), catalog);
  PQfinish(connection);
}

static void the_daemons_role_cannot_change_the_schema(void)
{
  static const char *const refused[] = {
      "CREATE TABLE mine (id int)",
      "ALTER TABLE users ADD COLUMN mine int",
      "DROP TABLE books",
      "TRUNCATE users",
      "DELETE FROM lontar_migrations",
      "CREATE INDEX mine ON users (role)",
      "ALTER TABLE sessions DISABLE TRIGGER ALL",
  };
  char url[REPO_URL_SIZE];
  repo_url(DATABASE, "lontar_daemon", url);
  PGconn *connection = PQconnectdb(url);
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
    CU_ASSERT_STRING_EQUAL(repo_value(connection, refused[i]), "ERROR 42501");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "INSERT INTO subjects (grade, name, code) VALUES (10, 'A', 'A')"
                                                " RETURNING id"),
                         "1");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "DELETE FROM subjects RETURNING code"), "A");
  PQfinish(connection);
}

static void a_role_with_too_many_rights_is_refused(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --grant postgres", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "superuser"));
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --grant nobody_here", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "no database role nobody_here"));
}

static void a_public_schema_open_to_all_is_closed(void)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "GRANT CREATE ON SCHEMA public TO PUBLIC");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate --grant lontar_daemon", out), 0);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT has_schema_privilege('lontar_daemon', 'public', 'CREATE')"),
                         "f");
  PQfinish(connection);
}

/* Only PostgreSQL 15 gives the schema to the database's owner. */
static void a_public_schema_of_another_owner_is_not_called_closed(void)
{
  char url[REPO_URL_SIZE];
  repo_create_database("migrate_owned");
  PGconn *connection = repo_connect("migrate_owned");
  PQclear(PQexec(connection, "CREATE ROLE lontar_owner LOGIN"));
  repo_execute(connection, "ALTER DATABASE migrate_owned OWNER TO lontar_owner");
  repo_execute(connection, "ALTER SCHEMA public OWNER TO postgres; GRANT CREATE ON SCHEMA public TO PUBLIC");
  repo_url("migrate_owned", "lontar_owner", url);
  CU_ASSERT_EQUAL(repo_lontarctl_url(url, "migrate --grant lontar_daemon", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "could still create tables in the schema public"));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "ALTER SCHEMA public OWNER TO \"lontar_owner\""));
  CU_ASSERT_PTR_NULL(strstr(out, "is granted the records"));
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT has_table_privilege('lontar_daemon', 'users', 'SELECT')"), "f");
  repo_execute(connection, "ALTER SCHEMA public OWNER TO lontar_owner");
  CU_ASSERT_EQUAL(repo_lontarctl_url(url, "migrate --grant lontar_daemon", out), 0);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT has_schema_privilege('lontar_daemon', 'public', 'CREATE')"),
                         "f");
  PQfinish(connection);
}

/* PostgreSQL only warns that nothing was granted. */
static void rights_that_were_not_given_are_not_called_granted(void)
{
  char url[REPO_URL_SIZE];
  PGconn *connection = repo_connect(DATABASE);
  PQclear(PQexec(connection, "CREATE ROLE lontar_helper LOGIN"));
  PQclear(PQexec(connection, "CREATE ROLE lontar_other LOGIN"));
  repo_execute(connection, "GRANT ALL ON ALL TABLES IN SCHEMA public TO lontar_helper; GRANT ALL ON SCHEMA public TO"
                           " lontar_helper; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO lontar_helper;"
                           " GRANT ALL ON FUNCTION lontar_deletion(text, bigint) TO lontar_helper");
  repo_url(DATABASE, "lontar_helper", url);
  CU_ASSERT_EQUAL(repo_lontarctl_url(url, "migrate --grant lontar_other", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "did not get its rights on users, sessions, subjects, books, chat_history"));
  CU_ASSERT_PTR_NULL(strstr(out, "is granted the records"));
  repo_execute(connection, "DROP OWNED BY lontar_helper; DROP ROLE lontar_helper; DROP ROLE lontar_other");
  PQfinish(connection);
}

static void a_changed_migration_is_an_error(void)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "BEGIN; UPDATE lontar_migrations SET checksum = 'x' || checksum; COMMIT");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "was another one"));
  repo_execute(connection, "UPDATE lontar_migrations SET checksum = substr(checksum, 2)");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 0);
  PQfinish(connection);
}

/* What the text of a migration was when this database ran it, and what that did wrong. */
static void a_former_text_is_the_same_migration(void)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "DELETE FROM lontar_migrations WHERE number > 1; UPDATE lontar_migrations SET checksum ="
                           " 'd1d60e35a51cd050f4af2b392fc75a7f072ece066b5e998bada3c706193f4ff0';"
                           "ALTER TABLE sessions ALTER expires_at SET DEFAULT now()");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "the default of sessions.expires_at was now()"));
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid ="
                                                " 'sessions'::regclass AND adnum = 4"),
                         "(now() + '24:00:00'::interval)");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "up to date"));
  repo_execute(connection, "ALTER TABLE sessions ALTER expires_at DROP DEFAULT");
  PQfinish(connection);
}

static void another_encoding_is_refused(void)
{
  static const char *const encodings[] = {"SQL_ASCII", "LATIN1"};
  for (int i = 0; i < 2; i++) {
    char sql[128];
    PGconn *connection = repo_connect("postgres");
    PQclear(PQexec(connection, "DROP DATABASE IF EXISTS migrate_encoding"));
    (void)snprintf(sql, sizeof sql, "CREATE DATABASE migrate_encoding ENCODING '%s' LOCALE 'C' TEMPLATE template0",
                   encodings[i]);
    repo_execute(connection, sql);
    PQfinish(connection);
    for (int dry = 0; dry < 2; dry++) {
      CU_ASSERT_EQUAL(repo_lontarctl("migrate_encoding", dry ? "migrate --dry-run" : "migrate", out), 1);
      CU_ASSERT_PTR_NOT_NULL(strstr(out, encodings[i]));
      CU_ASSERT_PTR_NOT_NULL(strstr(out, "createdb -E UTF8 -T template0"));
    }
    connection = repo_connect("migrate_encoding");
    CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT count(*) FROM pg_class"
                                                  " WHERE relnamespace = 'public'::regnamespace"),
                           "0");
    PQfinish(connection);
  }
}

static void a_newer_database_is_an_error(void)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "INSERT INTO lontar_migrations (number, name, checksum) VALUES (999, 'future', '')");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "migrate", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "newer than this program"));
  repo_execute(connection, "DELETE FROM lontar_migrations WHERE number = 999");
  PQfinish(connection);
}

static void tables_of_something_else_are_refused_unchanged(void)
{
  char catalog[64];
  repo_create_database("migrate_foreign");
  PGconn *connection = repo_connect("migrate_foreign");
  repo_execute(connection, "CREATE TABLE users (id int PRIMARY KEY, email text); CREATE TABLE subjects (id int)");
  (void)snprintf(catalog, sizeof catalog, "%s", repo_value(connection, CATALOG));
  CU_ASSERT_EQUAL(repo_lontarctl("migrate_foreign", "migrate", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "no NexusAI database"));
  CU_ASSERT_STRING_EQUAL(repo_value(connection, CATALOG), catalog);
  PQfinish(connection);
}

CASES(migrate, before, NULL, CASE(dry_run_changes_nothing), CASE(a_fresh_database_gets_its_tables),
      CASE(the_second_run_is_harmless), CASE(the_daemons_role_cannot_change_the_schema),
      CASE(a_role_with_too_many_rights_is_refused), CASE(a_public_schema_open_to_all_is_closed),
      CASE(a_public_schema_of_another_owner_is_not_called_closed),
      CASE(rights_that_were_not_given_are_not_called_granted), CASE(a_changed_migration_is_an_error),
      CASE(a_former_text_is_the_same_migration), CASE(another_encoding_is_refused), CASE(a_newer_database_is_an_error),
      CASE(tables_of_something_else_are_refused_unchanged));
