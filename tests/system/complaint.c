/* Health says no better than what requests got, and why: rights, schema, a read-only server, a standby, locks, faults,
 * descriptors. */
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CROWD = 700, WORKERS_MAX = 16, SPARE = 2, DIRECTORY_SIZE = 64, POLL_MS = 20 };

/* What is told, and how soon, in seconds: by what requests met at once, by the prober's next look within two. */
static const double AT_ONCE = 0.3;
static const double SOON = 2.5;
static const double AGAIN = 2.5;

#define CHAT "{\"user_id\": <siswa>, \"question\": \"Apa?\", \"response\": \"Itu.\"}"
#define LOGIN "{\"username\": \"<siswa.name>\", \"password\": \"" WORLD_PASSWORD "\"}"

/* ---- What health says ---- */

static const char *wanted_status, *wanted_words;

static bool says_what_is_wanted(void)
{
  ANSWER answer = get("/health", NULL);
  return strcmp(answer_text(&answer, "status"), wanted_status) == 0 &&
         strstr(answer_text(&answer, "output"), wanted_words) != NULL;
}

static void check_health(const char *label, const char *status, const char *words, double seconds)
{
  wanted_status = status;
  wanted_words = words;
  const bool good = stack_wait(says_what_is_wanted, seconds);
  ANSWER answer = get("/health", NULL);
  CHECK(good, "%s: want %s \"%s\" within %.1f s, got %s", label, status, words, seconds, answer.body);
}

static void check_well(const char *label)
{
  check_health(label, "pass", "All is well", AGAIN);
}

static void save(const char *label, long status)
{
  TEXT body = expand(CHAT);
  ANSWER answer = post("~/chats", world.service, body);
  (void)check_status(label, &answer, status);
}

static void log_in(const char *label, long status)
{
  TEXT body = expand(LOGIN);
  ANSWER answer = post("~/auth/login", NULL, body);
  (void)check_status(label, &answer, status);
}

static int lines_of(const char *log, const char *words)
{
  int count = 0;
  for (; (log = strstr(log, words)) != NULL; log += strlen(words))
    count++;
  return count;
}

/* ---- A request that hangs, while health is asked ---- */

static void begin_save(CURLM *multi, struct transfer *transfer)
{
  TEXT body = expand(CHAT);
  int running;
  transfer_prepare(transfer, "POST", "~/chats", world.service, body);
  transfer_once(transfer, body);
  (void)curl_multi_add_handle(multi, transfer->curl);
  for (int i = 0; i < 10; i++) {
    (void)curl_multi_perform(multi, &running);
    (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
  }
}

static void end_save(CURLM *multi, struct transfer *transfer)
{
  int running = 1;
  while (curl_multi_perform(multi, &running) == CURLM_OK && running > 0)
    (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
  (void)curl_multi_remove_handle(multi, transfer->curl);
  transfer_finish(transfer);
}

/* ---- The tests ---- */

static void rights_that_are_missing_are_named(void)
{
  long begin = stack_log_end();
  check_well("before");
  sql_script("REVOKE INSERT ON sessions FROM lontar_daemon");
  log_in("without the right to make sessions", 500);
  /* In whose words depends on who was first, the login or the prober. */
  check_health("at once", "warn", "right", AT_ONCE);
  check_health("by the prober", "warn", "lacks the right to INSERT on sessions: run lontarctl migrate --grant", SOON);
  ANSWER ready = get("/health/ready", NULL);
  (void)check_status("all else is served", &ready, 200);
  sql_script("GRANT INSERT ON sessions TO lontar_daemon");
  check_well("after the grant, without a request");
  log_in("afterwards", 200);
  const char *log = stack_log_since(begin);
  (void)check_number("the prober's lines", lines_of(log, "lacks the right to INSERT on sessions"), 1);
  CHECK(strstr(log, "permission denied for table sessions") != NULL, "the log has no words: %s", log);
}

/* What no question touches. */
static void rights_of_a_sequence_stay_told(void)
{
  sql_script("REVOKE USAGE ON SEQUENCE subjects_id_seq FROM lontar_daemon");
  TEXT body = expand("{\"grade\": 10, \"name\": \"Kimia\", \"code\": \"<name>\"}");
  for (int i = 0; i < 2; i++) {
    ANSWER answer = post("~/subjects", world.service, body);
    (void)check_status("without the sequence", &answer, 500);
    check_health("at once", "warn", "rights", AT_ONCE);
    (void)usleep(1500000);
  }
  check_health("the prober finds nothing, and is not believed", "warn", "rights", 0);
  sql_script("GRANT USAGE ON SEQUENCE subjects_id_seq TO lontar_daemon");
  ANSWER answer = post("~/subjects", world.service, body);
  (void)check_status("with it", &answer, 201);
  check_well("after a success");
}

static void a_function_without_a_right_has_words_in_the_log(void)
{
  long begin = stack_log_end();
  sql_script("REVOKE EXECUTE ON FUNCTION lontar_token_hash(text) FROM PUBLIC");
  log_in("a trigger that may not call", 500);
  check_health("at once", "warn", "lontard's log says which", AT_ONCE);
  sql_script("GRANT EXECUTE ON FUNCTION lontar_token_hash(text) TO PUBLIC");
  log_in("afterwards", 200);
  check_well("afterwards");
  const char *log = stack_log_since(begin);
  CHECK(strstr(log, "permission denied for function lontar_token_hash") != NULL, "the log has no words: %s", log);
}

#define NO_SCHEMA "the schema is missing or older than this lontard: run lontarctl migrate"

static void check_one_answer(const char *label, const char *log)
{
  CHECK(lines_of(log, " prober database is unavailable: " NO_SCHEMA) == 1, "%s: want one line of the prober: %s", label,
        log);
  CHECK(lines_of(log, "database is available") == 0, "%s: the log takes it back: %s", label, log);
  CHECK(lines_of(log, "misses the database") == 0, "%s: workers and prober differ: %s", label, log);
}

/* It is nobody's fault that a restart would mend. */
static void check_not_gone(void)
{
  json_object *status = stack_status();
  json_object *prober = NULL, *gone = NULL;
  CHECK(json_object_object_get_ex(status, "prober", &prober) &&
            json_object_object_get_ex(prober, "server_gone", &gone) && !json_object_get_boolean(gone),
        "the server counts as gone: %s", json_object_to_json_string(status));
  json_object_put(status);
}

static void away_and_back(const char *label, const char *away, const char *back)
{
  long begin = stack_log_end();
  sql_script(away);
  check_health(label, "fail", NO_SCHEMA, SOON);
  (void)usleep(1500000);
  check_not_gone();
  check_one_answer(label, stack_log_since(begin));
  sql_script(back);
  check_well(label);
  log_in(label, 200);
}

static void a_schema_that_is_missing_is_named(void)
{
  away_and_back("a table is missing", "CREATE SCHEMA lain; ALTER TABLE users SET SCHEMA lain",
                "ALTER TABLE lain.users SET SCHEMA public; DROP SCHEMA lain");
  away_and_back("the schema is older", "ALTER FUNCTION lontar_deletion(text, bigint) RENAME TO lama",
                "ALTER FUNCTION lama(text, bigint) RENAME TO lontar_deletion");
}

static void make_read_only(const char *value)
{
  TEXT statement = document("ALTER SYSTEM SET default_transaction_read_only = %s", value);
  (void)sql("SET default_transaction_read_only = off", NULL);
  (void)sql(statement, NULL);
  (void)sql("SELECT pg_reload_conf()", NULL);
}

/* The worker that knows tells before its answer goes out. */
static void a_read_only_server_is_told_at_once(void)
{
  long status = 201;
  TEXT body = expand(CHAT);
  make_read_only("on");
  for (int i = 0; i < 200 && status == 201; i++) {
    ANSWER answer = post("~/chats", world.service, body);
    status = answer.status;
  }
  ANSWER health = get("/health", NULL);
  (void)check_number("a save", status, 503);
  CHECK(strstr(answer_text(&health, "output"), "takes no writes") != NULL, "after that 503 /health says %s",
        health.body);
  make_read_only("off");
  check_well("afterwards");
  save("afterwards", 201);
}

/* Also at the program's end, however that comes: who is left would wait for ever. */
static void await_nobody_no_more(void)
{
  PGconn *connection = PQconnectdb("");
  PQclear(PQexec(connection, "ALTER SYSTEM RESET synchronous_standby_names"));
  PQclear(PQexec(connection, "SELECT pg_reload_conf()"));
  PQfinish(connection);
}

static void a_standby_that_is_gone_is_named(void)
{
  struct transfer transfer;
  CURLM *multi = curl_multi_init();
  need(multi != NULL && atexit(await_nobody_no_more) == 0, "no memory");
  (void)sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", NULL);
  (void)sql("SELECT pg_reload_conf()", NULL);
  (void)usleep(200000);
  begin_save(multi, &transfer);
  check_health("while a save waits", "warn", "Writes wait for a synchronous standby", SOON);
  ANSWER ready = get("/health/ready", NULL);
  (void)check_status("reads are served", &ready, 200);
  await_nobody_no_more();
  end_save(multi, &transfer);
  (void)check_status("the save", &transfer.answer, 201);
  check_well("afterwards");
  transfer_free(&transfer);
  curl_multi_cleanup(multi);
}

/* Tables that are locked stop no question of the prober's. */
static void a_lock_is_named_and_stops_no_prober(void)
{
  struct transfer transfer;
  CURLM *multi = curl_multi_init();
  PGconn *locker = sql_connect();
  long begin = stack_log_end();
  need(multi != NULL, "no memory");
  PQclear(PQexec(locker, "BEGIN; LOCK TABLE users, sessions, subjects, books, chat_history IN ACCESS EXCLUSIVE MODE"));
  begin_save(multi, &transfer);
  check_health("while a save waits", "warn", "Requests wait for a lock", SOON);
  (void)usleep(1500000);
  PQclear(PQexec(locker, "ROLLBACK"));
  PQfinish(locker);
  end_save(multi, &transfer);
  (void)check_status("the save", &transfer.answer, 201);
  check_well("afterwards");
  CHECK(strstr(stack_log_since(begin), "unavailable") == NULL, "the database counted as away: %s",
        stack_log_since(begin));
  transfer_free(&transfer);
  curl_multi_cleanup(multi);
}

static void trigger(const char *body)
{
  TEXT script = document("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s END $$;"
                         "CREATE TRIGGER t BEFORE INSERT ON chat_history FOR EACH ROW EXECUTE FUNCTION f()",
                         body);
  sql_script(script);
}

/* Whatever the answer's number comes from. A full disk looks the same to a worker when a trigger says it. */
static void the_last_answer_of_a_statement_is_what_counts(void)
{
  static const struct {
    const char *body;
    long status;
    const char *words;
  } cases[] = {{"RAISE EXCEPTION USING ERRCODE = '53100';", 503, "disk of the database server is full"},
               {"RAISE EXCEPTION 'x';", 500, "lontard's log says which"},
               {"RETURN NULL;", 500, "lontard's log says which"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    trigger(cases[i].body);
    save(cases[i].body, cases[i].status);
    check_health(cases[i].body, "warn", cases[i].words, AT_ONCE);
    (void)usleep(1200000);
    check_health("it stays", "warn", cases[i].words, 0);
    sql_script("DROP FUNCTION f() CASCADE");
    save("without the trigger", 201);
    check_health("after a success", "pass", "All is well", AT_ONCE);
  }
}

/* ---- Descriptors: of more connections than nginx keeps ---- */

/* A limit below which so many numbers are free; there may be gaps. */
static rlim_t limit_with_spare(pid_t pid)
{
  char path[DIRECTORY_SIZE];
  rlim_t fd = 0;
  for (int free = 0; free < SPARE; fd++) {
    (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, (int)fd);
    free += faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
  }
  return fd;
}

/* Of all workers: the next connections are one too many. */
static void limit_files(bool limited)
{
  pid_t children[WORKERS_MAX];
  size_t count = stack_children(children, WORKERS_MAX);
  for (size_t i = 0; i < count; i++) {
    struct rlimit limit;
    need(prlimit(children[i], RLIMIT_NOFILE, NULL, &limit) == 0, "a worker's limits cannot be read");
    limit.rlim_cur = limited ? limit_with_spare(children[i]) : limit.rlim_max;
    need(prlimit(children[i], RLIMIT_NOFILE, &limit, NULL) == 0, "a worker's limits cannot be set");
  }
}

static bool status_tells_descriptors(void)
{
  json_object *status = stack_status();
  json_object *output = NULL;
  const bool told = json_object_object_get_ex(status, "output", &output) &&
                    strstr(json_object_get_string(output), "no descriptor left") != NULL;
  json_object_put(status);
  return told;
}

static void a_worker_without_descriptors_says_so(void)
{
  static struct transfer transfers[CROWD];
  CURLM *multi = curl_multi_init();
  PGconn *locker = sql_connect();
  long begin = stack_log_end();
  double until = stack_clock() + SOON;
  int running = 1;
  bool told = false;
  need(multi != NULL, "no memory");
  limit_files(true);
  PQclear(PQexec(locker, "BEGIN; LOCK TABLE chat_history IN ACCESS EXCLUSIVE MODE"));
  for (int i = 0; i < CROWD; i++) {
    transfer_prepare(&transfers[i], "GET", "~/chats/recent", world.admin.token, NULL);
    (void)curl_multi_add_handle(multi, transfers[i].curl);
  }
  while (curl_multi_perform(multi, &running) == CURLM_OK && !told && stack_clock() < until) {
    (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    told = status_tells_descriptors();
  }
  CHECK(told, "status.json does not tell that no descriptor is left");
  CHECK(strstr(stack_log_since(begin), "no descriptor is left for another connection open=") != NULL,
        "nor does the log: %s", stack_log_since(begin));
  limit_files(false);
  PQclear(PQexec(locker, "ROLLBACK"));
  PQfinish(locker);
  while (curl_multi_perform(multi, &running) == CURLM_OK && running > 0)
    (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
  for (int i = 0; i < CROWD; i++) {
    transfer_finish(&transfers[i]);
    (void)check_status("one of many", &transfers[i].answer, 200);
    (void)curl_multi_remove_handle(multi, transfers[i].curl);
    transfer_free(&transfers[i]);
  }
  curl_multi_cleanup(multi);
  check_health("afterwards", "pass", "All is well", SOON + AGAIN);
  CHECK(stack_metric("lontar_descriptors") > 0 && stack_metric("lontar_descriptors_limit") > 0, "no figures");
}

CU_TestInfo suite_complaint[] = {
    {"rights that are missing are named", rights_that_are_missing_are_named},
    {"rights of a sequence stay told", rights_of_a_sequence_stay_told},
    {"a function without a right has words in the log", a_function_without_a_right_has_words_in_the_log},
    {"a schema that is missing is named", a_schema_that_is_missing_is_named},
    {"a read-only server is told at once", a_read_only_server_is_told_at_once},
    {"a standby that is gone is named", a_standby_that_is_gone_is_named},
    {"a lock is named and stops no prober", a_lock_is_named_and_stops_no_prober},
    {"the last answer of a statement is what counts", the_last_answer_of_a_statement_is_what_counts},
    {"a worker without descriptors says so", a_worker_without_descriptors_says_so},
    CU_TEST_INFO_NULL};
