/*
 * What holds a connection for long, and what may not suffer from it: commits that hang, dear reads, a locked table.
 * With two workers, pool_size 4, pool_max_overflow 4 and statement_timeout 1s.
 */
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { MOST = 8, SAVERS = 20, PAGES = 40, LOCKED = 20, WORKERS_MAX = 16 };

#define HANG_SECONDS 8.0
#define LOCK_SECONDS 5.0
#define CHEAP_LIMIT 1.5    /* of a cheap read beside all that, when processors are scarce, too */
#define LEAVE_SECONDS 15.0 /* half of shutdown_timeout */

static double slowest;
static size_t cheap;

/* A cheap read, ten times a second. */
static void read_beside(void)
{
  static double next;
  const double now = stack_clock();
  if (now < next)
    return;
  next = now + 0.1;
  ANSWER answer = get("~/subjects?limit=1", world.service);
  check_status("a cheap read beside it", &answer, 200);
  const double took = stack_clock() - now;
  slowest = took > slowest ? took : slowest;
  cheap++;
}

static void begin_reading(void)
{
  slowest = 0;
  cheap = 0;
}

static void check_reading(void)
{
  CHECK(cheap > 5, "only %zu cheap reads", cheap);
  CHECK(slowest < CHEAP_LIMIT, "a cheap read took %.2f s", slowest);
}

/* ---- Many requests of one kind ---- */

struct herd {
  const char *method;
  const char *path;
  const char *body;
  size_t count;
  double until; /* they are repeated so long; 0: once */
  void (*turn)(void);
  size_t good;
  size_t others[600]; /* by status */
};

static void start(CURLM *multi, const struct herd *herd, struct transfer *transfer)
{
  memset(transfer, 0, sizeof *transfer);
  transfer_prepare(transfer, herd->method, herd->path, world.service, herd->body);
  curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
  curl_multi_add_handle(multi, transfer->curl);
}

/* Takes note of those that have ended, and begins them again while there is time; how many run. */
static size_t collect(CURLM *multi, struct herd *herd)
{
  CURLMsg *message;
  int left;
  size_t ended = 0;
  while ((message = curl_multi_info_read(multi, &left)) != NULL) {
    struct transfer *transfer;
    if (message->msg != CURLMSG_DONE)
      continue;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    transfer_finish(transfer);
    const long status = transfer->answer.status;
    herd->good += status == 200 || status == 201;
    herd->others[status >= 0 && status < 600 ? status : 0]++;
    curl_multi_remove_handle(multi, transfer->curl);
    transfer_free(transfer);
    if (stack_clock() < herd->until)
      start(multi, herd, transfer);
    else
      ended++;
  }
  return ended;
}

static void run(struct herd *herd)
{
  CURLM *multi = curl_multi_init();
  struct transfer *transfers = calloc(herd->count, sizeof *transfers);
  size_t ended = 0;
  int running;
  for (size_t i = 0; i < herd->count; i++)
    start(multi, herd, &transfers[i]);
  while (ended < herd->count) {
    curl_multi_perform(multi, &running);
    ended += collect(multi, herd);
    if (herd->turn != NULL)
      herd->turn();
    curl_multi_poll(multi, NULL, 0, 10, NULL);
  }
  curl_multi_cleanup(multi);
  free(transfers);
}

/* ---- Commits that hang ---- */

static PGconn *superuser;
static long long highest;
static double kill_at;

static void command(const char *statement)
{
  PGresult *result = PQexec(superuser, statement);
  CHECK(PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK, "%s: %s", statement,
        PQerrorMessage(superuser));
  PQclear(result);
}

static void count_backends(void)
{
  PGresult *result = PQexec(superuser, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'lontar_daemon'");
  const long long now = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
  highest = now > highest ? now : highest;
  PQclear(result);
}

/* Workers die beside it, and their commits hang on. */
static void count_and_kill(void)
{
  pid_t workers[WORKERS_MAX];
  count_backends();
  read_beside();
  if (stack_clock() < kill_at)
    return;
  kill_at = stack_clock() + 3;
  const size_t count = stack_children(workers, WORKERS_MAX);
  if (count > 1)
    (void)kill(workers[count - 1], SIGKILL);
}

static bool saves(void)
{
  TEXT body = document("{\"user_id\": <siswa>, \"question\": \"q\", \"response\": \"r\"}");
  ANSWER answer = post("~/chats", world.service, body);
  return answer.status == 201;
}

static void commits_that_hang_keep_their_places_and_leave_one_to_reads(void)
{
  TEXT body = document("{\"user_id\": <siswa>, \"question\": \"q\", \"response\": \"r\"}");
  struct herd herd = {.method = "POST",
                      .path = "~/chats",
                      .body = body,
                      .count = SAVERS,
                      .until = stack_clock() + HANG_SECONDS,
                      .turn = count_and_kill};
  superuser = PQconnectdb(need_environment("LONTAR_TEST_DATABASE_ADMIN_URL"));
  command("ALTER SYSTEM SET synchronous_commit = on");
  command("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  command("SELECT pg_reload_conf()");
  command("SELECT pg_sleep(1)"); /* each backend hears of it by itself */
  herd.until = stack_clock() + HANG_SECONDS;
  highest = 0;
  kill_at = stack_clock() + 3;
  begin_reading();
  run(&herd);
  command("ALTER SYSTEM RESET synchronous_commit");
  command("ALTER SYSTEM RESET synchronous_standby_names");
  command("SELECT pg_reload_conf()");
  CHECK(herd.good == 0, "%zu saves were acknowledged without a standby", herd.good);
  CHECK(herd.others[504] > 0, "no save was given up");
  CHECK(highest > 4, "only %lld connections: nothing was full", highest);
  CHECK(highest <= MOST + 1, "PostgreSQL saw %lld connections, want %d and the prober's at most", highest, MOST);
  CHECK(stack_wait(saves, 5), "no save works 5 s after the standby is not wanted any more");
  printf("at most %lld connections; %zu saves got 504, %zu 503; slowest of %zu reads %.0f ms\n", highest,
         herd.others[504], herd.others[503], cheap, slowest * 1000);
  PQfinish(superuser);
}

/* ---- Backends that cannot end ---- */

static pid_t old[WORKERS_MAX];
static size_t old_count;

static void signal_backends(const PGresult *backends, int number)
{
  for (int i = 0; i < PQntuples(backends); i++)
    (void)kill((pid_t)strtol(PQgetvalue(backends, i, 0), NULL, 10), number);
}

static bool have_left(void)
{
  for (size_t i = 0; i < old_count; i++)
    if (kill(old[i], 0) == 0)
      return false;
  return true;
}

static void who_leaves_does_not_wait_for_a_backend_that_cannot_end(void)
{
  TEXT path = expand("~/subjects/<subject>");
  struct herd herd = {.method = "GET", .path = path, .count = MOST};
  superuser = PQconnectdb(need_environment("LONTAR_TEST_DATABASE_ADMIN_URL"));
  PGresult *backends = PQexec(superuser, "SELECT pid FROM pg_stat_activity WHERE usename = 'lontar_daemon'"
                                         " AND application_name NOT LIKE 'lontard/prober%'");
  CHECK(PQntuples(backends) > 0, "there is no backend to stop");
  old_count = stack_children(old, WORKERS_MAX);
  signal_backends(backends, SIGSTOP);
  run(&herd);
  CHECK(herd.good + herd.others[504] + herd.others[503] == MOST, "an answer is other than 200, 503 or 504");
  const double begun = stack_clock();
  stack_signal(SIGHUP);
  CHECK(stack_wait(have_left, LEAVE_SECONDS), "a worker waits for its backend");
  printf("%zu of %d reads got 504; the workers had left %.1f s after the reload ", herd.others[504], MOST,
         stack_clock() - begun);
  signal_backends(backends, SIGCONT);
  PQclear(backends);
  PQfinish(superuser);
  ANSWER answer = get(path, world.service);
  check_status("a read afterwards", &answer, 200);
}

/* ---- Dear reads ---- */

/* A policy of the table's makes each of these pages take 0.3 s; their sum is far beyond statement_timeout. */
static void dear_reads_wait_for_each_other_and_for_nobody_else(void)
{
  const long long user = world_person("siswa").id;
  char path[64];
  (void)world_chat(user, world.subject);
  (void)snprintf(path, sizeof path, "~/users/%lld/chats?limit=1", user);
  struct herd herd = {.method = "GET", .path = path, .count = PAGES, .turn = read_beside};
  const long long hung = stack_metric("lontar_pool_closed_hung_total");
  TEXT slow = document("CREATE POLICY slow ON chat_history USING (user_id <> %lld OR pg_sleep(0.3) IS NOT NULL);"
                       "ALTER TABLE chat_history ENABLE ROW LEVEL SECURITY",
                       user);
  sql_script(slow);
  begin_reading();
  run(&herd);
  sql_script("ALTER TABLE chat_history DISABLE ROW LEVEL SECURITY; DROP POLICY slow ON chat_history");
  CHECK(herd.good == PAGES, "%zu of %d dear reads were answered, %zu with 504, %zu with 503", herd.good, PAGES,
        herd.others[504], herd.others[503]);
  CHECK(stack_metric("lontar_pool_closed_hung_total") == hung, "a connection was given up");
  check_reading();
}

/* ---- A locked table ---- */

static PGconn *locker;
static double unlock_at;

static void read_and_unlock(void)
{
  read_beside();
  if (locker == NULL || stack_clock() < unlock_at)
    return;
  PQfinish(locker);
  locker = NULL;
}

static void who_waits_for_a_table_holds_up_nobody_else(void)
{
  TEXT path = expand("~/users/<siswa>");
  struct herd herd = {
      .method = "GET", .path = path, .count = LOCKED, .until = stack_clock() + LOCK_SECONDS, .turn = read_and_unlock};
  locker = sql_connect();
  PQclear(PQexec(locker, "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE"));
  unlock_at = stack_clock() + LOCK_SECONDS;
  begin_reading();
  run(&herd);
  PQfinish(locker);
  CHECK(herd.others[504] + herd.others[503] > 0, "nobody waited for the table");
  check_reading();
  ANSWER answer = get(herd.path, world.service);
  check_status("a read of it afterwards", &answer, 200);
}

CU_TestInfo suite_places[] = {
    {"commits that hang keep their places, and leave one to reads",
     commits_that_hang_keep_their_places_and_leave_one_to_reads},
    {"who leaves does not wait for a backend that cannot end", who_leaves_does_not_wait_for_a_backend_that_cannot_end},
    {"dear reads wait for each other and for nobody else", dear_reads_wait_for_each_other_and_for_nobody_else},
    {"who waits for a table holds up nobody else", who_waits_for_a_table_holds_up_nobody_else},
    CU_TEST_INFO_NULL};
