/*
 * What the pool promises, seen from outside: with four workers, pool_size 4, pool_max_overflow 4 and pool_recycle 5s.
 * LONTAR_POOL_SECONDS is how long each load lasts (default 6).
 */
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum {
  CONNECTIONS = 32,
  SECONDS = 6,
  MOST = 8,       /* pool_size + pool_max_overflow */
  SPREAD_MS = 80, /* by their jitter of 500 they differ; without it no more than the looks do */
  WORKERS_MAX = 16,
  SERVERS_MAX = 512,
  QUEUE = 400, /* more than MOST connections take at once */
  LOOKS = 100,
  FILL_SECONDS = 3,
};

#define LOOK_SECONDS 0.02

/* A check of the connection, 1 s, may come before the statement, 5 s and 500 ms; the rest is for the clocks. */
#define STOPPED_LIMIT 6.8

#define OURS "application_name ~ '^lontard/[0-9]'"

static double begun;

static double seconds(void)
{
  const char *wanted = getenv("LONTAR_POOL_SECONDS");
  return wanted ? strtod(wanted, NULL) : SECONDS;
}

/* Of an answer about health, which may ask nobody; under a checker it runs many times slower. */
static double health_limit(void)
{
  return getenv("LONTARD_WRAPPER") ? 0.5 : 0.05;
}

static long long number(const char *statement)
{
  return strtoll(sql(statement, NULL), NULL, 10);
}

/* ---- Recycling ---- */

static double looked_at;

/* Each connection that PostgreSQL ever showed, and when it was last seen. */
static void look_at_lives(void)
{
  if (stack_clock() < looked_at + LOOK_SECONDS)
    return;
  (void)sql("INSERT INTO lives SELECT pid, backend_start, clock_timestamp() FROM pg_stat_activity WHERE " OURS
            " ON CONFLICT (pid, began) DO UPDATE SET seen = excluded.seen",
            NULL);
  looked_at = stack_clock();
}

/* Those that ended, and not because they were not needed. */
#define ENDED "FROM lives WHERE seen < (SELECT max(seen) FROM lives) AND seen - began > interval '4.2 s'"

static void old_connections_are_replaced_one_by_one(void)
{
  struct crowd crowd = {.connections = CONNECTIONS, .seconds = seconds() * 2, .turn = look_at_lives};
  (void)sql("CREATE TEMPORARY TABLE lives (pid int, began timestamptz, seen timestamptz, PRIMARY KEY (pid, began))",
            NULL);
  crowd_run(&crowd);
  crowd_check("while connections are recycled", &crowd);
  long long recycled = stack_metric("lontar_pool_closed_recycled_total");
  CHECK(recycled >= (long long)(seconds() * 2 / 5) * 2, "only %lld connections were replaced in %.0f s", recycled,
        seconds() * 2);
  long long spread =
      number("SELECT coalesce(extract(epoch FROM max(seen - began) - min(seen - began)) * 1000, 0)::int " ENDED);
  CHECK(spread >= SPREAD_MS, "connections lived equally long, within %lld ms: they are not spread", spread);
  printf("recycled %lld connections under %zu requests, their lives spread over %lld ms\n", recycled, crowd.answered,
         spread);
  (void)sql("DROP TABLE lives", NULL);
}

/* ---- Killed connections ---- */

static void terminate_each_second(void)
{
  static double next;
  if (stack_clock() < next)
    return;
  next = stack_clock() + 1;
  (void)sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE " OURS, NULL);
}

static void reads_outlive_their_connections(void)
{
  struct crowd crowd = {
      .connections = CONNECTIONS, .seconds = seconds(), .reads_only = true, .turn = terminate_each_second};
  crowd_run(&crowd);
  crowd_check("while all connections are ended each second", &crowd);
  printf("%zu reads under terminated connections, slowest %.0f ms\n", crowd.answered, crowd.slowest * 1000);
}

/* ---- The bound ---- */

static long long highest;

static void count_backends(void)
{
  static double next;
  if (stack_clock() < next)
    return;
  next = stack_clock() + 0.003;
  long long now = number("SELECT count(*) FROM pg_stat_activity WHERE " OURS);
  if (now > highest)
    highest = now;
}

static PGconn *locker;
static double unlock_at, lock_at;
static int kills;

/* Locks the table for a while, so that writes wait and overflow is leased; then kills a worker while it holds some. */
static void lock_and_kill(void)
{
  double now = stack_clock();
  pid_t workers[WORKERS_MAX];
  count_backends();
  if (unlock_at == 0 && now >= lock_at) {
    PQclear(PQexec(locker, "BEGIN; LOCK TABLE chat_history IN EXCLUSIVE MODE"));
    unlock_at = now + 0.7;
  } else if (unlock_at != 0 && now >= unlock_at) {
    size_t count = stack_children(workers, WORKERS_MAX);
    if (count > 0 && kill(workers[(size_t)kills % count], SIGKILL) == 0)
      kills++;
    unlock_at = 0;
    lock_at = now + 0.7;
    PQclear(PQexec(locker, "ROLLBACK"));
  }
}

static void never_more_connections_than_allowed(void)
{
  struct crowd crowd = {.connections = CONNECTIONS, .seconds = seconds(), .turn = lock_and_kill};
  locker = sql_connect();
  highest = 0;
  crowd_run(&crowd);
  PQfinish(locker);
  CHECK(kills > 1, "no worker was killed");
  CHECK(highest > 4, "no overflow was opened: %lld connections", highest);
  CHECK(highest <= MOST, "PostgreSQL saw %lld connections, want %d at most", highest, MOST);
  printf("at most %lld connections while %d workers were killed\n", highest, kills);
}

/* ---- Who leaves ---- */

#define SLEEPING "SELECT count(*) FROM pg_stat_activity WHERE " OURS " AND wait_event = 'PgSleep'"

static bool somebody_sleeps(void)
{
  return number(SLEEPING) > 0;
}

static bool nobody_sleeps(void)
{
  return number(SLEEPING) == 0;
}

/* A policy of the table's makes it slow; its statement_timeout is 5 s. */
static void a_read_without_a_client_is_cancelled(void)
{
  struct transfer transfer;
  int running;
  CURLM *multi = curl_multi_init();
  locker = sql_connect();
  PQclear(PQexec(locker, "CREATE POLICY slow ON subjects USING (pg_sleep(5) IS NOT NULL);"
                         " ALTER TABLE subjects ENABLE ROW LEVEL SECURITY"));
  transfer_prepare(&transfer, "GET", "~/subjects", world.siswa.token, NULL);
  curl_multi_add_handle(multi, transfer.curl);
  for (int i = 0; i < 100 && !somebody_sleeps(); i++) {
    curl_multi_perform(multi, &running);
    curl_multi_poll(multi, NULL, 0, 10, NULL);
  }
  CHECK(somebody_sleeps(), "no statement is slow");
  curl_multi_remove_handle(multi, transfer.curl);
  transfer_free(&transfer);
  curl_multi_cleanup(multi); /* closes the connection */
  double since = stack_clock();
  CHECK(stack_wait(nobody_sleeps, 2), "its statement still runs after 2 s");
  printf("cancelled %.0f ms after its client had left\n", (stack_clock() - since) * 1000);
  PQclear(PQexec(locker, "ALTER TABLE subjects DISABLE ROW LEVEL SECURITY; DROP POLICY slow ON subjects"));
  PQfinish(locker);
}

/* ---- Health while every connection is busy ---- */

static struct crowd queue;
static double filled_after;
static double slowest_look;

static bool is_exhausted(void)
{
  return stack_number("lontar_pool_busy") == MOST && stack_number("lontar_pool_open") == MOST &&
         stack_number("lontar_pool_waiting") > 0;
}

static void look_at_health(void)
{
  static const char *const paths[] = {"/health", "/health/live", "/health/ready", "/metrics"};
  for (size_t i = 0; i < LOOKS; i++) {
    const char *path = paths[i % (sizeof paths / sizeof paths[0])];
    const double began = stack_clock();
    ANSWER answer = get(path, NULL);
    const double took = stack_clock() - began;
    (void)check_status(path, &answer, 200);
    if (took > slowest_look)
      slowest_look = took;
  }
}

/* Within statement_timeout, so that everybody is still answered when the tables are free again. */
static void look_when_all_are_busy(void)
{
  if (locker == NULL || (!is_exhausted() && stack_clock() < begun + FILL_SECONDS))
    return;
  filled_after = stack_clock() - begun;
  look_at_health();
  CHECK(is_exhausted(), "the pool is not busy any more, or never was");
  PQfinish(locker);
  locker = NULL;
}

static void health_is_told_while_all_are_busy(void)
{
  queue = (struct crowd){.connections = QUEUE, .requests = QUEUE, .turn = look_when_all_are_busy};
  locker = sql_connect();
  PQclear(PQexec(locker, "BEGIN; LOCK TABLE sessions, subjects, chat_history IN ACCESS EXCLUSIVE MODE"));
  begun = stack_clock();
  crowd_run(&queue);
  crowd_check("after the tables were locked", &queue);
  CHECK(slowest_look <= health_limit(), "an answer took %.0f ms", slowest_look * 1000);
  printf("all busy after %.2f s; slowest of %d answers about health %.1f ms\n", filled_after, LOOKS,
         slowest_look * 1000);
}

/* ---- A server that hangs ---- */

static pid_t servers[SERVERS_MAX];
static size_t server_count;
static double slowest_health;
static bool stopped;

static void signal_servers(int signal)
{
  for (size_t i = 0; i < server_count; i++)
    (void)kill(servers[i], signal);
}

static void stop_for_a_while(void)
{
  double now = stack_clock();
  if (!stopped && now > begun + 1) {
    server_count = stack_servers(servers, SERVERS_MAX);
    signal_servers(SIGSTOP);
    stopped = true;
  }
  static double next;
  if (!stopped || now < next)
    return;
  next = now + 0.25;
  ANSWER answer = get("/health", NULL);
  double took = stack_clock() - now;
  CHECK(answer.status == 200 || answer.status == 503, "/health answers %ld while the server hangs", answer.status);
  if (took > slowest_health)
    slowest_health = took;
}

static bool reads_again(void)
{
  TEXT path = expand("~/subjects/<subject>");
  ANSWER answer = get(path, world.service);
  return answer.status == 200;
}

static void a_hanging_server_holds_nobody(void)
{
  struct crowd crowd = {.connections = CONNECTIONS, .seconds = seconds() + 2, .turn = stop_for_a_while};
  begun = stack_clock();
  crowd_run(&crowd);
  CHECK(crowd.lost == 0, "%zu requests without an answer", crowd.lost);
  CHECK(crowd.refused == 0 || crowd.status == 503 || crowd.status == 504, "refused with %ld", crowd.status);
  CHECK(crowd.slowest < STOPPED_LIMIT, "a request took %.2f s, want %.1f", crowd.slowest, STOPPED_LIMIT);
  CHECK(slowest_health < health_limit(), "/health took %.0f ms", slowest_health * 1000);
  double since = stack_clock();
  signal_servers(SIGCONT);
  CHECK(stack_wait(reads_again, 10), "no read was answered after SIGCONT");
  double took = stack_clock() - since;
  CHECK(took < 1, "the first read was answered %.2f s after SIGCONT", took);
  printf("server stopped: %zu answered, %zu refused, slowest %.2f s, /health %.1f ms; %.0f ms after SIGCONT\n",
         crowd.answered, crowd.refused, crowd.slowest, slowest_health * 1000, took * 1000);
}

/* Health before the kills: nginx keeps its connections, so a worker that replaces another may have none for long. */
CU_TestInfo suite_pool[] = {{"old connections are replaced one by one", old_connections_are_replaced_one_by_one},
                            {"reads outlive their connections", reads_outlive_their_connections},
                            {"health is told while all are busy", health_is_told_while_all_are_busy},
                            {"never more connections than allowed", never_more_connections_than_allowed},
                            {"a read without a client is cancelled", a_read_without_a_client_is_cancelled},
                            {"a hanging server holds nobody", a_hanging_server_holds_nobody},
                            CU_TEST_INFO_NULL};
