/* A commit whose wait for a standby an administrator ends: it may be lost with the server, so that it is no success. */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CROWD = 40, CHATS = 2500, PROBES = 200, POLL_MS = 5 };

#define CANCEL "pg_cancel_backend"
#define TERMINATE "pg_terminate_backend"

/* A table of the waits that were ended, so that each is ended once: a second cancel would hit the next statement. */
#define END(function)                                                                                                  \
  "WITH now AS (INSERT INTO ended SELECT pid, xact_start FROM pg_stat_activity WHERE usename = 'lontar_daemon' AND"    \
  " wait_event = 'SyncRep' AND xact_start IS NOT NULL AND (pid, xact_start) NOT IN (SELECT * FROM ended)"              \
  " RETURNING pid) SELECT count(" function "(pid)) FROM now"

static long long ended;

static void end_waits(const char *function)
{
  ended += strtoll(sql(strcmp(function, CANCEL) == 0 ? END(CANCEL) : END(TERMINATE), NULL), NULL, 10);
}

/* Runs them at once, while each wait is ended. */
static void run(struct transfer *transfers, int count, const char *function)
{
  CURLM *multi = curl_multi_init();
  int running = 1;
  need(multi != NULL, "libcurl has no memory");
  for (int i = 0; i < count; i++)
    (void)curl_multi_add_handle(multi, transfers[i].curl);
  while (curl_multi_perform(multi, &running) == CURLM_OK && running > 0) {
    (void)curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    end_waits(function);
  }
  for (int i = 0; i < count; i++) {
    transfer_finish(&transfers[i]);
    (void)curl_multi_remove_handle(multi, transfers[i].curl);
  }
  (void)curl_multi_cleanup(multi);
}

/* One request; the caller frees the transfer, which holds the answer. */
static struct transfer run_one(const char *method, const char *path, const char *body, const char *function)
{
  struct transfer transfer;
  transfer_prepare(&transfer, method, path, world.service, body);
  if (body)
    transfer_once(&transfer, body);
  run(&transfer, 1, function);
  return transfer;
}

#define CHAT(question) "{\"user_id\": <siswa>, \"question\": \"" question "\", \"response\": \"r\"}"

/* Also at the program's end, however that comes: who is left would wait for ever. */
static void await_nobody_no_more(void)
{
  PGconn *connection = PQconnectdb("");
  PQclear(PQexec(connection, "ALTER SYSTEM RESET synchronous_standby_names"));
  PQclear(PQexec(connection, "SELECT pg_reload_conf()"));
  PQfinish(connection);
}

/* Whoever waits for a standby waits for ever, as soon as a process of the server has read the setting. The tests' own
 * connection does not wait: the server's synchronous_commit is off, and only lontard raises its own. */
static void await_nobody(void)
{
  static bool registered;
  TEXT body = expand(CHAT("probe"));
  if (!registered)
    registered = atexit(await_nobody_no_more) == 0;
  (void)sql("CREATE TEMPORARY TABLE IF NOT EXISTS ended (pid integer, began timestamptz)", NULL);
  (void)sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", NULL);
  (void)sql("SELECT pg_reload_conf()", NULL);
  ended = 0;
  for (int i = 0; i < PROBES && ended == 0; i++) {
    struct transfer transfer = run_one("POST", "~/chats", body, CANCEL);
    transfer_free(&transfer);
  }
  CHECK(ended == 1, "no commit waits for a standby");
}

static long long chats_of(const char *question)
{
  return strtoll(sql("SELECT count(*) FROM chat_history WHERE question = $1", question, NULL), NULL, 10);
}

static int lines_of(const char *log, const char *words)
{
  int count = 0;
  while ((log = strstr(log, words)) != NULL) {
    count++;
    log += strlen(words);
  }
  return count;
}

/* Every kind of write, each told in one line of the log, and over a connection that is as good as before. */
static void a_cancelled_wait_is_no_success(void)
{
  static const struct {
    const char *method, *path, *body;
  } writes[] = {
      {"POST", "~/chats", CHAT("rahasiapenanda")},
      {"POST", "~/subjects", "{\"grade\": 10, \"name\": \"rahasiapenanda\", \"code\": \"<name>\"}"},
      {"PATCH", "~/subjects/<subject>", "{\"name\": \"rahasiapenanda\"}"},
      {"POST", "~/auth/login", "{\"username\": \"<siswa.name>\", \"password\": \"" WORLD_PASSWORD "\"}"},
      {"POST", "~/users", "{\"username\": \"<name>\", \"password\": \"rahasiapenanda\", \"role\": \"siswa\"}"},
  };
  long long lost = stack_metric("lontar_pool_closed_lost_total");
  await_nobody();
  for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
    TEXT path = expand(writes[i].path);
    TEXT body = expand(writes[i].body);
    long begin = stack_log_end();
    struct transfer transfer = run_one(writes[i].method, path, body, CANCEL);
    (void)check_problem(path, &transfer.answer, 504, "deadline");
    const char *log = stack_log_since(begin);
    (void)check_number("lines of the log", lines_of(log, "canceling wait for synchronous replication"), 1);
    CHECK(strstr(log, "rahasiapenanda") == NULL, "the log holds what was sent: %s", log);
    transfer_free(&transfer);
  }
  await_nobody_no_more();
  (void)check_number("connections that were lost", stack_metric("lontar_pool_closed_lost_total"), lost);
  (void)check_number("the chat is there", chats_of("rahasiapenanda"), 1);
}

static void a_terminated_wait_is_no_success(void)
{
  TEXT body = expand(CHAT("diakhiri"));
  await_nobody();
  long begin = stack_log_end();
  struct transfer transfer = run_one("POST", "~/chats", body, TERMINATE);
  await_nobody_no_more();
  (void)check_problem("POST", &transfer.answer, 504, "deadline");
  (void)check_number("lines of the log", lines_of(stack_log_since(begin), "canceling the wait for synchronous"), 1);
  (void)check_number("the chat is there", chats_of("diakhiri"), 1);
  transfer_free(&transfer);
}

/* Chats that share a commit share its doubt, and none is sent again. */
static void a_crowd_is_told(void)
{
  struct transfer transfers[CROWD];
  TEXT body = expand(CHAT("ramai"));
  await_nobody();
  for (int i = 0; i < CROWD; i++) {
    transfer_prepare(&transfers[i], "POST", "~/chats", world.service, body);
    transfer_once(&transfers[i], body);
  }
  ended = 0;
  run(transfers, CROWD, CANCEL);
  await_nobody_no_more();
  for (int i = 0; i < CROWD; i++) {
    (void)check_problem("one of many", &transfers[i].answer, 504, "deadline");
    transfer_free(&transfers[i]);
  }
  CHECK(ended < CROWD, "no chats shared a commit: %lld", ended);
  (void)check_number("chats that are there", chats_of("ramai"), CROWD);
}

/* The record stays, with less. */
static void a_deletion_in_parts_is_told(void)
{
  struct person person = world_person("siswa");
  (void)sql_number("INSERT INTO chat_history (user_id, question, response)"
                   " SELECT $1, 'bagian', 'r' FROM generate_series(1, 2500)",
                   person.id);
  TEXT path = document("~/users/%lld", person.id);
  await_nobody();
  struct transfer transfer = run_one("DELETE", path, NULL, CANCEL);
  await_nobody_no_more();
  (void)check_problem("DELETE", &transfer.answer, 504, "deadline");
  (void)check_number("chats left", chats_of("bagian"), CHATS - 1000);
  transfer_free(&transfer);
  ANSWER again = erase(path, world.service);
  (void)check_status("DELETE again", &again, 204);
  (void)check_number("chats left then", chats_of("bagian"), 0);
}

#define FUNCTION                                                                                                       \
  "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'canceling wait for synchronous"  \
  " replication'; RETURN NEW; END $$; "

/* Whatever it says, and when: within the statement, or in the commit. */
static void a_triggers_warning_is_nobodys_doubt(void)
{
  static const char *const triggers[] = {
      FUNCTION "CREATE TRIGGER warn BEFORE INSERT ON chat_history FOR EACH ROW EXECUTE FUNCTION warn()",
      FUNCTION "CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON chat_history DEFERRABLE INITIALLY DEFERRED"
               " FOR EACH ROW EXECUTE FUNCTION warn()"};
  TEXT body = expand(CHAT("pemicu"));
  long begin = stack_log_end();
  for (size_t i = 0; i < sizeof triggers / sizeof triggers[0]; i++) {
    sql_script(triggers[i]);
    ANSWER answer = post("~/chats", world.service, body);
    (void)check_status("a trigger warns", &answer, 201);
    sql_script("DROP FUNCTION warn() CASCADE");
  }
  (void)check_number("lines of the log", lines_of(stack_log_since(begin), "canceling wait"), 0);
}

CU_TestInfo suite_doubt[] = {{"a cancelled wait is no success", a_cancelled_wait_is_no_success},
                             {"a terminated wait is no success", a_terminated_wait_is_no_success},
                             {"a crowd is told", a_crowd_is_told},
                             {"a deletion in parts is told", a_deletion_in_parts_is_told},
                             {"a trigger's warning is nobody's doubt", a_triggers_warning_is_nobodys_doubt},
                             CU_TEST_INFO_NULL};
