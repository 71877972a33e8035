/* The library deletes users and subjects to whom much belongs: in parts, and only if they may go in the end. */
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lontar/lontar.h>

#include "repo.h"
#include "repo/statement.h"

#define DATABASE "deletion_test"

enum { USER = 1, OTHER = 2, SUBJECT = 1 };

typedef enum lontar_error delete_call(struct lontar_database *database, struct json_object *input,
                                      struct json_object **ret, struct lontar_failure *failure);

static struct lontar_database *database;
static struct lontar_failure failure;
static PGconn *connection;

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  char url[REPO_URL_SIZE];
  repo_create_database(DATABASE);
  connection = repo_connect(DATABASE);
  repo_execute(connection, "DO $$ BEGIN CREATE ROLE deletion_daemon LOGIN; EXCEPTION WHEN duplicate_object THEN NULL;"
                           " END $$");
  int status = repo_lontarctl(DATABASE, "migrate --grant deletion_daemon", out);
  repo_url(DATABASE, "deletion_daemon", url);
  return status || lontar_open(url, NULL, &database, &failure) != LONTAR_OK;
}

static int after(void)
{
  PQfinish(connection);
  lontar_close(database);
  return 0;
}

/* A user and a subject to whom so much belongs, and another of each with three. */
static void make(int chats, int sessions, int books)
{
  char sql[2048];
  repo_execute(connection, "TRUNCATE users, sessions, subjects, books, chat_history CASCADE;"
                           "INSERT INTO users (id, username, password_hash, role) VALUES (1, 'besar', 'x', 'siswa'),"
                           " (2, 'lain', 'x', 'siswa');"
                           "INSERT INTO subjects (id, grade, name, code) VALUES (1, 10, 'Besar', 'B'),"
                           " (2, 10, 'Lain', 'L')");
  (void)snprintf(
      sql, sizeof sql,
      "INSERT INTO chat_history (user_id, subject_id, question, response, created_at)"
      " SELECT 1, 1, 'q', 'r', CASE n %% 3 WHEN 0 THEN NULL ELSE '2026-01-01'::timestamptz + n / 7 *"
      " interval '1 second' END FROM generate_series(1, %d) n;"
      "INSERT INTO chat_history (user_id, subject_id, question, response) SELECT 2, 2, 'q', 'r' FROM"
      " generate_series(1, 3) n;"
      "INSERT INTO sessions (user_id, token, expires_at) SELECT 1 + (n > %d)::integer, 'sha256:' || md5(n::text)"
      " || md5((-n)::text), '2099-01-01' FROM generate_series(1, %d + 3) n;"
      "INSERT INTO books (subject_id, title) SELECT 1 + (n > %d)::integer, 'Atom' FROM generate_series(1, %d + 3)"
      " n; ANALYZE",
      chats, sessions, sessions, books, books);
  repo_execute(connection, sql);
}

static void check(const char *sql, const char *wanted)
{
  const char *got = repo_value(connection, sql);
  if (strcmp(got, wanted) != 0)
    printf("\n    %s\n    got %s, want %s\n", sql, got, wanted);
  CU_ASSERT_STRING_EQUAL(got, wanted);
}

static enum lontar_error erase(delete_call *call, const char *text, int64_t *ret_number)
{
  struct json_object *input = json_tokener_parse(text);
  struct json_object *answer = NULL;
  enum lontar_error error = call(database, input, &answer, &failure);
  if (answer && ret_number) {
    struct json_object *number = json_object_object_get(answer, "count");
    *ret_number = json_object_get_int64(number ? number : json_object_object_get(answer, "id"));
  }
  json_object_put(answer);
  json_object_put(input);
  return error;
}

static void expect(enum lontar_error got, enum lontar_error wanted)
{
  if (got != wanted)
    printf("\n    got %s (%s), want %s\n", lontar_error_code(got), failure.message, lontar_error_code(wanted));
  CU_ASSERT_EQUAL(got, wanted);
}

static void any_amount_goes(void)
{
  static const int amounts[] = {0, 1, 399, 400, 401, 800, 999, 1000, 1001, 2000, 2001, 3456};
  for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++) {
    int64_t id = 0;
    make(amounts[i], amounts[i] / 2, amounts[i] / 2);
    expect(erase(lontar_repository_user_delete, "{\"id\": 1}", &id), LONTAR_OK);
    CU_ASSERT_EQUAL(id, USER);
    check("SELECT count(*) FROM users", "1");
    check("SELECT count(*) FROM chat_history", "3");
    check("SELECT count(*) FROM sessions", "3");
    expect(erase(lontar_repository_user_delete, "{\"id\": 1}", NULL), LONTAR_NOT_FOUND);
    make(amounts[i], amounts[i] / 2, amounts[i] / 2);
    expect(erase(lontar_repository_subject_delete, "{\"id\": 1}", &id), LONTAR_OK);
    check("SELECT count(*) FROM subjects", "1");
    check("SELECT count(*) FROM books", "3");
    check("SELECT count(*) FROM chat_history WHERE subject_id = 2", "3");
    char left[32];
    (void)snprintf(left, sizeof left, "%d", amounts[i]);
    check("SELECT count(*) FROM chat_history WHERE subject_id IS NULL AND user_id = 1", left);
  }
}

static void counts_are_told(void)
{
  int64_t count = 0;
  make(2500, 2500, 1);
  expect(erase(lontar_repository_session_delete_all, "{\"user_id\": 1}", &count), LONTAR_OK);
  CU_ASSERT_EQUAL(count, 2500);
  check("SELECT count(*) FROM sessions", "3");
  expect(erase(lontar_repository_session_delete_all, "{\"user_id\": 1}", &count), LONTAR_OK);
  CU_ASSERT_EQUAL(count, 0);
  make(10, 3000, 1);
  repo_execute(connection, "UPDATE sessions SET expires_at = '2001-01-01' WHERE user_id = 1");
  expect(erase(lontar_repository_session_delete_expired, "{}", &count), LONTAR_OK);
  CU_ASSERT_EQUAL(count, 3000);
  repo_execute(connection, "UPDATE chat_history SET created_at = '2001-01-01' WHERE user_id = 1 AND id % 2 = 0");
  expect(erase(lontar_repository_chat_delete_old, "{\"older_than_days\": 3650}", &count), LONTAR_OK);
  CU_ASSERT_EQUAL(count, 5);
  /* A place and a limit are the library's own. */
  expect(erase(lontar_repository_session_delete_all, "{\"user_id\": 1, \"limit\": 1}", NULL), LONTAR_INVALID);
  expect(erase(lontar_repository_session_delete_all, "{\"user_id\": 1, \"after\": \"1\"}", NULL), LONTAR_INVALID);
  expect(erase(lontar_repository_chat_delete_old, "{\"older_than_days\": 1, \"cursor_id\": 1}", NULL), LONTAR_INVALID);
}

/* Tables that do not let the record go; each is dropped again. The first word of what remains is its name. */
static const struct {
  delete_call *call;
  const char *make;
  const char *name; /* "": PostgreSQL alone finds out */
} referrers[] = {
    {lontar_repository_user_delete, "CREATE TABLE notes (u integer REFERENCES users); INSERT INTO notes VALUES (1)",
     "notes"},
    {lontar_repository_user_delete,
     "CREATE TABLE notes (u integer REFERENCES users ON DELETE RESTRICT); INSERT INTO notes VALUES (1)", "notes"},
    {lontar_repository_user_delete,
     "CREATE TABLE notes (u integer NOT NULL REFERENCES users ON DELETE SET NULL); INSERT INTO notes VALUES (1)",
     "notes"},
    {lontar_repository_user_delete,
     "CREATE TABLE notes (u integer REFERENCES users DEFERRABLE INITIALLY DEFERRED); INSERT INTO notes VALUES (1)",
     "notes"},
    {lontar_repository_user_delete,
     "CREATE TABLE notes (c bigint REFERENCES chat_history); INSERT INTO notes SELECT max(id) FROM chat_history WHERE"
     " user_id = 1",
     "notes"},
    {lontar_repository_user_delete,
     "CREATE TABLE notes (name varchar REFERENCES users (username)); INSERT INTO notes VALUES ('besar')", "notes"},
    {lontar_repository_user_delete,
     "CREATE TABLE essays (id integer PRIMARY KEY, u integer REFERENCES users ON DELETE CASCADE); CREATE TABLE notes"
     " (e integer REFERENCES essays); INSERT INTO essays VALUES (5, 1); INSERT INTO notes VALUES (5)",
     "notes"},
    {lontar_repository_user_delete,
     "CREATE SCHEMA closed; CREATE TABLE closed.notes (u integer REFERENCES users); INSERT INTO closed.notes VALUES "
     "(1)",
     "notes"},
    {lontar_repository_subject_delete,
     "CREATE TABLE notes (s integer REFERENCES subjects); INSERT INTO notes VALUES (1)", "notes"},
    {lontar_repository_subject_delete,
     "CREATE TABLE notes (b integer REFERENCES books); INSERT INTO notes SELECT min(id) FROM books", "notes"},
    {lontar_repository_user_delete,
     "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$; CREATE TRIGGER keep BEFORE"
     " DELETE ON users FOR EACH ROW EXECUTE FUNCTION no()",
     ""},
    {lontar_repository_user_delete,
     "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; CREATE TRIGGER keep BEFORE"
     " DELETE ON users FOR EACH ROW EXECUTE FUNCTION no()",
     ""},
    {lontar_repository_user_delete,
     "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id % 1700 = 0 THEN RAISE 'no'; END IF;"
     " RETURN OLD; END $$; CREATE TRIGGER keep BEFORE DELETE ON chat_history FOR EACH ROW EXECUTE FUNCTION no()",
     ""},
    {lontar_repository_user_delete, "CREATE RULE keep AS ON DELETE TO users DO INSTEAD NOTHING", ""},
};

static const char DROP_SQL[] = "DROP TABLE IF EXISTS notes, essays; DROP SCHEMA IF EXISTS closed CASCADE;"
                               "DROP FUNCTION IF EXISTS no CASCADE; DROP RULE IF EXISTS keep ON users";

static void what_may_not_go_keeps_everything(void)
{
  for (size_t i = 0; i < sizeof referrers / sizeof referrers[0]; i++) {
    for (int amount = 3; amount < 2500; amount += 2400) {
      char left[32];
      make(amount, amount, amount);
      repo_execute(connection, "ALTER SEQUENCE chat_history_id_seq RESTART");
      repo_execute(connection, DROP_SQL);
      repo_execute(connection, referrers[i].make);
      enum lontar_error error = erase(referrers[i].call, "{\"id\": 1}", NULL);
      bool sure = amount > 1000 && *referrers[i].name;
      if (error == LONTAR_OK && amount == 3 && strstr(referrers[i].make, "chat_history FOR"))
        continue; /* its trigger keeps later ones only */
      if (error == LONTAR_OK || (sure && (error != LONTAR_REFERENCED || !strstr(failure.message, referrers[i].name))))
        printf("\n    %s, %d: %s (%s)\n", referrers[i].make, amount, lontar_error_code(error), failure.message);
      CU_ASSERT_NOT_EQUAL(error, LONTAR_OK);
      CU_ASSERT_TRUE(!sure || (error == LONTAR_REFERENCED && strstr(failure.message, referrers[i].name)));
      (void)snprintf(left, sizeof left, "%d", amount);
      check("SELECT count(*) FROM chat_history WHERE user_id = 1 AND subject_id = 1", left);
      check("SELECT count(*) FROM sessions WHERE user_id = 1", left);
      check("SELECT count(*) FROM books WHERE subject_id = 1", left);
      check("SELECT count(*) FROM users", "2");
    }
  }
  repo_execute(connection, DROP_SQL);
}

/* Tables that look like those above, but let it go. */
static void what_may_go_goes(void)
{
  static const char *const harmless[] = {
      "CREATE TABLE notes (u integer REFERENCES users); INSERT INTO notes VALUES (2)",
      "CREATE TABLE notes (c bigint REFERENCES chat_history); INSERT INTO notes SELECT max(id) FROM chat_history WHERE"
      " user_id = 2",
      "CREATE TABLE notes (u integer REFERENCES users ON DELETE SET NULL); INSERT INTO notes VALUES (1)",
      "CREATE TABLE notes (u integer REFERENCES users ON DELETE CASCADE); INSERT INTO notes VALUES (1)",
      "CREATE TABLE notes (u integer REFERENCES users ON DELETE CASCADE, c bigint REFERENCES chat_history);"
      "INSERT INTO notes SELECT 1, max(id) FROM chat_history WHERE user_id = 1",
      "CREATE TABLE notes (id bigint); CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO"
      " public.notes VALUES (OLD.id); RETURN NULL; END $$; GRANT INSERT ON notes TO PUBLIC;"
      "CREATE TRIGGER told AFTER DELETE ON chat_history FOR EACH ROW EXECUTE FUNCTION no()",
      "ALTER TABLE chat_history DROP CONSTRAINT chat_history_user_id_fkey, ADD FOREIGN KEY (user_id) REFERENCES users"
      " ON DELETE SET NULL",
      "ALTER TABLE chat_history DROP CONSTRAINT chat_history_user_id_fkey",
  };
  for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
    make(2500, 10, 10);
    repo_execute(connection, DROP_SQL);
    repo_execute(connection, harmless[i]);
    expect(erase(lontar_repository_user_delete, "{\"id\": 1}", NULL), LONTAR_OK);
    check("SELECT count(*) FROM users", "1");
    check("SELECT count(*) FROM chat_history WHERE user_id = 2", "3");
    /* The last two keep the chats, as one statement would. */
    check("SELECT count(*) FROM chat_history WHERE user_id IS DISTINCT FROM 2", i < 6 ? "0" : "2500");
  }
  repo_execute(connection, DROP_SQL);
  repo_execute(connection, "TRUNCATE chat_history; ALTER TABLE chat_history ADD CONSTRAINT chat_history_user_id_fkey"
                           " FOREIGN KEY (user_id) REFERENCES users ON DELETE CASCADE");
}

static void *erase_besides(void *data)
{
  struct lontar_failure own;
  struct json_object *input = json_tokener_parse("{\"id\": 1}");
  *(enum lontar_error *)data = lontar_repository_user_delete(database, input, NULL, &own);
  json_object_put(input);
  return NULL;
}

/* Several at once, while chats are saved: each ends well or finds nothing, and nothing is left. */
static void several_at_once_end_well(void)
{
  enum { THREADS = 4 };
  pthread_t threads[THREADS];
  enum lontar_error errors[THREADS];
  int done = 0;
  make(20000, 3000, 1);
  for (int i = 0; i < THREADS; i++)
    CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, erase_besides, &errors[i]), 0);
  for (int i = 0; i < 200; i++)
    (void)repo_value(connection, "INSERT INTO chat_history (user_id, subject_id, question, response)"
                                 " SELECT 1, 1, 'q', 'r' FROM users WHERE id = 1");
  for (int i = 0; i < THREADS; i++) {
    (void)pthread_join(threads[i], NULL);
    done += errors[i] == LONTAR_OK;
    if (errors[i] != LONTAR_OK && errors[i] != LONTAR_NOT_FOUND)
      printf("\n    %s\n", lontar_error_code(errors[i]));
    CU_ASSERT_TRUE(errors[i] == LONTAR_OK || errors[i] == LONTAR_NOT_FOUND);
  }
  CU_ASSERT_TRUE(done >= 1);
  check("SELECT count(*) FROM users WHERE id = 1", "0");
  check("SELECT count(*) FROM chat_history WHERE user_id = 1", "0");
}

/* Pages that a part of a thousand reads, from a place on. */
static int64_t part_pages(const char *place)
{
  char sql[512];
  (void)snprintf(sql, sizeof sql, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE part (1000, %s, 1)", place);
  struct json_object *plans = json_tokener_parse(repo_value(connection, sql));
  struct json_object *plan = plans ? json_object_object_get(json_object_array_get_idx(plans, 0), "Plan") : NULL;
  CU_ASSERT_PTR_NOT_NULL_FATAL(plan);
  int64_t pages = json_object_get_int64(json_object_object_get(plan, "Shared Hit Blocks")) +
                  json_object_get_int64(json_object_object_get(plan, "Shared Read Blocks"));
  json_object_put(plans);
  return pages;
}

/* What a part reads does not grow with what the parts before it deleted, also while a backup keeps that from being
 * cleared away. */
static void parts_pass_nothing_dead(void)
{
  static char sql[2048];
  char place[128] = "'-infinity', -1";
  int64_t first = 0;
  make(20000, 1, 1);
  PGconn *backup = repo_connect(DATABASE);
  repo_execute(backup, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM users");
  repo_execute(connection, "SET plan_cache_mode = force_generic_plan");
  (void)snprintf(sql, sizeof sql, "PREPARE part (bigint, timestamptz, bigint, bigint) AS %s",
                 statement_rows[STATEMENT_chat_delete_by_user].sql);
  repo_execute(connection, sql);
  for (int part = 0; part < 20; part++) {
    char next[128];
    (void)snprintf(next, sizeof next, "%s",
                   repo_value(connection, "SELECT format('%L, %s', coalesce(created_at, '-infinity'), id) FROM"
                                          " chat_history WHERE user_id = 1 ORDER BY coalesce(created_at, '-infinity'),"
                                          " id OFFSET 999 LIMIT 1"));
    int64_t pages = part_pages(place);
    if (part == 1)
      first = pages;
    CU_ASSERT_TRUE(part < 2 || pages < first + first / 4);
    (void)snprintf(place, sizeof place, "%s", next);
  }
  check("SELECT count(*) FROM chat_history WHERE user_id = 1", "0");
  PQfinish(backup);
}

CASES(deletion, before, after, CASE(any_amount_goes), CASE(counts_are_told), CASE(what_may_not_go_keeps_everything),
      CASE(what_may_go_goes), CASE(several_at_once_end_well), CASE(parts_pass_nothing_dead));
