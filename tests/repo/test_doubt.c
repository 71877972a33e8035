/* A commit whose wait for a standby was ended is told as one that may be lost, by liblontar and by lontarctl. */
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lontar/lontar.h>

#include "base/clock.h"
#include "repo.h"

#define DATABASE "doubt_test"
#define FRESH "doubt_fresh"
#define WAITING " FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

enum { WAIT = 20000000, PAUSE_US = 5000 };

static struct lontar_database *database;
static struct lontar_failure failure;
static PGconn *admin; /* waits for no standby, as the server's synchronous_commit is off and ours is raised */
static char out[REPO_TEXT_SIZE];

static void ignore(void *unused, const PGresult *result)
{
  (void)unused;
  (void)result;
}

/* Whether a commit waits, whose wait is ended. */
static bool commit_waits(PGconn *probe)
{
  bool waits = false;
  CU_ASSERT_EQUAL(PQsendQuery(probe, "SELECT pg_logical_emit_message(true, 'test', '')"), 1);
  while (!waits && PQconsumeInput(probe) && PQisBusy(probe)) {
    (void)usleep(PAUSE_US);
    waits = strcmp(repo_value(admin, "SELECT count(pg_cancel_backend(pid))" WAITING), "1") == 0;
  }
  for (PGresult *result; (result = PQgetResult(probe));)
    PQclear(result);
  return waits;
}

/* Whoever waits for a standby waits for ever, as soon as a process of the server has read the setting. */
static void await_nobody(void)
{
  PGconn *probe = repo_connect(DATABASE);
  int64_t end = clock_steady() + WAIT;
  PQsetNoticeReceiver(probe, ignore, NULL);
  repo_execute(admin, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  repo_execute(admin, "SELECT pg_reload_conf()");
  repo_execute(probe, "SET synchronous_commit = on");
  bool waits = commit_waits(probe);
  while (!waits && clock_steady() < end)
    waits = commit_waits(probe);
  CU_ASSERT_TRUE(waits);
  PQfinish(probe);
}

static void await_nobody_no_more(void)
{
  repo_execute(admin, "ALTER SYSTEM RESET synchronous_standby_names");
  repo_execute(admin, "SELECT pg_reload_conf()");
}

static int before(void)
{
  char url[REPO_URL_SIZE];
  repo_create_database(DATABASE);
  repo_url(DATABASE, "postgres", url);
  admin = repo_connect(DATABASE);
  PQsetNoticeReceiver(admin, ignore, NULL);
  return repo_lontarctl(DATABASE, "migrate", out) || lontar_open(url, NULL, &database, &failure) != LONTAR_OK;
}

static int after(void)
{
  await_nobody_no_more();
  lontar_close(database);
  PQfinish(admin);
  return 0;
}

/* An administrator who ends the first wait of somebody. */
struct ender {
  pthread_t thread;
  const char *function;
};

static void *ender_run(void *argument)
{
  const struct ender *ender = argument;
  char sql[256];
  bool ended = false;
  PGconn *connection = repo_connect(DATABASE);
  int64_t end = clock_steady() + WAIT;
  (void)snprintf(sql, sizeof sql, "SELECT %s(pid)" WAITING, ender->function);
  while (!ended && clock_steady() < end) {
    PGresult *result = PQexec(connection, sql);
    ended = PQntuples(result) > 0;
    PQclear(result);
    (void)usleep(PAUSE_US);
  }
  PQfinish(connection);
  return ended ? NULL : argument;
}

static void end_wait(struct ender *ender, const char *function)
{
  ender->function = function;
  await_nobody();
  CU_ASSERT_EQUAL_FATAL(pthread_create(&ender->thread, NULL, ender_run, ender), 0);
}

static void join(struct ender *ender)
{
  void *missed = NULL;
  (void)pthread_join(ender->thread, &missed);
  CU_ASSERT_PTR_NULL(missed);
  await_nobody_no_more();
}

static void check_count(const char *what, const char *expected)
{
  char sql[256];
  (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", what);
  CU_ASSERT_STRING_EQUAL(repo_value(admin, sql), expected);
}

#define INSERT(code) "INSERT INTO subjects (grade, name, code) VALUES (10, 'Tes', '" code "')"

static enum lontar_error by_execute(const char *code)
{
  int64_t count = -1;
  json_object *parameters = json_object_new_object();
  (void)json_object_object_add(parameters, "code", json_object_new_string(code));
  enum lontar_error error = lontar_execute(
      database, "INSERT INTO subjects (grade, name, code) VALUES (10, 'Tes', %(code)s)", parameters, &count, &failure);
  json_object_put(parameters);
  CU_ASSERT_EQUAL(count, error == LONTAR_OK ? 1 : -1);
  return error;
}

static enum lontar_error by_transaction(const char *code)
{
  char sql[256];
  (void)snprintf(sql, sizeof sql, INSERT("%s"), code);
  const struct lontar_statement two[] = {{"SELECT count(*) FROM subjects", NULL}, {sql, NULL}};
  return lontar_transaction(database, two, 2, &failure);
}

static enum lontar_error by_repository(const char *code)
{
  json_object *answer = NULL;
  json_object *subject = json_tokener_parse("{\"grade\": 10, \"name\": \"Tes\"}");
  (void)json_object_object_add(subject, "code", json_object_new_string(code));
  enum lontar_error error = lontar_repository_subject_create(database, subject, &answer, &failure);
  CU_ASSERT_EQUAL(answer != NULL, error == LONTAR_OK);
  json_object_put(answer);
  json_object_put(subject);
  return error;
}

static const struct {
  const char *name;
  enum lontar_error (*write)(const char *code);
} ways[] = {{"execute", by_execute}, {"transaction", by_transaction}, {"repository", by_repository}};

enum { WAYS = sizeof ways / sizeof ways[0] };

/* Each write is done, once; nobody is told that it was, nor invited to repeat it. */
static void check_doubt(const char *function, const char *sqlstate, const char *words)
{
  for (size_t i = 0; i < WAYS; i++) {
    struct ender ender;
    repo_execute(admin, "DELETE FROM subjects");
    end_wait(&ender, function);
    enum lontar_error error = ways[i].write("KIM");
    join(&ender);
    if (error != LONTAR_DEADLINE)
      printf("\n    %s: %s %s\n", ways[i].name, lontar_error_code(error), failure.message);
    CU_ASSERT_EQUAL(error, LONTAR_DEADLINE);
    CU_ASSERT_EQUAL(failure.error, LONTAR_DEADLINE);
    CU_ASSERT_FALSE(failure.retriable);
    CU_ASSERT_STRING_EQUAL(failure.sqlstate, sqlstate);
    CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, words));
    CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, "might not have been replicated to the standby"));
    check_count("subjects", "1");
    CU_ASSERT_EQUAL(ways[i].write("FIS"), LONTAR_OK);
  }
}

/* And the connection is as good as before. */
static void a_cancelled_wait_is_told(void)
{
  struct lontar_numbers then, now;
  lontar_numbers(database, &then);
  check_doubt("pg_cancel_backend", "01000", "canceling wait for synchronous replication");
  lontar_numbers(database, &now);
  CU_ASSERT_EQUAL(now.opened, then.opened);
}

static void a_terminated_wait_is_told(void)
{
  check_doubt("pg_terminate_backend", "57P01", "canceling the wait for synchronous replication and terminating");
}

/* The first part of two. What a part before it deleted is told. */
static void a_deletion_in_parts_tells_it(void)
{
  for (int confirmed = 0; confirmed < 2; confirmed++) {
    struct ender ender;
    json_object *answer = NULL;
    repo_execute(admin, "DELETE FROM users; INSERT INTO users (id, username, password_hash, role)"
                        " VALUES (7, 'budi', 'x', 'siswa'); INSERT INTO sessions (user_id, token, expires_at)"
                        " SELECT 7, n, now() + interval '1 day' FROM generate_series(1, 1500) n");
    repo_execute(admin, confirmed ? "CREATE FUNCTION lazy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                                    " PERFORM set_config('synchronous_commit', 'local', true) FROM sessions"
                                    " HAVING count(*) > 500; RETURN NULL; END $$; CREATE TRIGGER lazy BEFORE DELETE ON"
                                    " sessions EXECUTE FUNCTION lazy()"
                                  : "SELECT 1");
    json_object *input = json_tokener_parse("{\"user_id\": 7}");
    end_wait(&ender, "pg_cancel_backend");
    CU_ASSERT_EQUAL(lontar_repository_session_delete_all(database, input, confirmed ? NULL : &answer, &failure),
                    LONTAR_DEADLINE);
    join(&ender);
    CU_ASSERT_EQUAL(strstr(failure.message, "1000 records are deleted, call again") != NULL, confirmed);
    check_count("sessions", confirmed ? "0" : "500");
    json_object_put(answer);
    json_object_put(input);
  }
  repo_execute(admin, "DROP FUNCTION lazy() CASCADE");
}

#define FUNCTION                                                                                                       \
  "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'canceling wait for synchronous"  \
  " replication'; RETURN NEW; END $$; "

/* Whatever it says, and when: within the statement, or in the commit. */
static void a_triggers_warning_is_nobodys_doubt(void)
{
  static const char *const triggers[] = {
      FUNCTION "CREATE TRIGGER warn BEFORE INSERT ON subjects FOR EACH ROW EXECUTE FUNCTION warn()",
      FUNCTION "CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON subjects DEFERRABLE INITIALLY DEFERRED"
               " FOR EACH ROW EXECUTE FUNCTION warn()"};
  for (size_t i = 0; i < sizeof triggers / sizeof triggers[0]; i++) {
    repo_execute(admin, "DELETE FROM subjects");
    repo_execute(admin, triggers[i]);
    for (size_t k = 0; k < WAYS; k++)
      CU_ASSERT_EQUAL(ways[k].write(ways[k].name), LONTAR_OK);
    check_count("subjects", "3");
    repo_execute(admin, "DROP FUNCTION warn() CASCADE");
  }
}

/* No success is printed; the user is there. */
static void lontarctl_says_what_may_be_lost(void)
{
  static const char *const commands[] = {"user add siti --role guru <<X\nrahasia\nX\n",
                                         "user passwd siti <<X\nrahasia2\nX\n"};
  static const char *const functions[] = {"pg_cancel_backend", "pg_terminate_backend"};
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    repo_execute(admin, "DELETE FROM users");
    for (size_t k = 0; k < sizeof commands / sizeof commands[0]; k++) {
      struct ender ender;
      end_wait(&ender, functions[i]);
      CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, commands[k], out), 1);
      join(&ender);
      CU_ASSERT_PTR_NULL(strstr(out, "the user siti"));
      CU_ASSERT_PTR_NOT_NULL(strstr(out, "might not have been replicated to the standby"));
    }
    check_count("users WHERE username = 'siti'", "1");
  }
}

static void a_migration_says_what_may_be_lost(void)
{
  struct ender ender;
  repo_create_database(FRESH);
  end_wait(&ender, "pg_cancel_backend");
  CU_ASSERT_EQUAL(repo_lontarctl(FRESH, "migrate", out), 1);
  join(&ender);
  CU_ASSERT_PTR_NULL(strstr(out, ") is done"));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "might not have been replicated to the standby"));
  CU_ASSERT_EQUAL(repo_lontarctl(FRESH, "migrate", out), 0);
}

CASES(doubt, before, after, CASE(a_cancelled_wait_is_told), CASE(a_terminated_wait_is_told),
      CASE(a_deletion_in_parts_tells_it), CASE(a_triggers_warning_is_nobodys_doubt),
      CASE(lontarctl_says_what_may_be_lost), CASE(a_migration_says_what_may_be_lost));
