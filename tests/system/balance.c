/* How nginx's connections are spread over two workers: after a crash, beside a worker that is stopped, while all are
 * asked. */
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/fastcgi.h"
#include "system/renewal.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum {
  WORKERS = 2,
  CONNECTIONS = 200, /* of ours, without nginx */
  CLIENTS = 64,
  CROWD_SECONDS = 6,
  PATIENCE_SECONDS = 20,
  CHILDREN_MAX = 16,
  NAME_SIZE = 128
};

#define KILL_AFTER 1.0
#define KILL_FOR 0.6
#define LAST_FAILURE_AFTER 0.5
#define SHARE_AFTER 3.0
#define STOPPED_SECONDS 2.0
#define SLOWEST_ROUND 1.0

static long long of_worker(const char *name, int worker)
{
  char label[NAME_SIZE];
  ANSWER answer = get("/metrics", NULL);
  (void)snprintf(label, sizeof label, "\n%s{worker=\"%d\"} ", name, worker);
  const char *at = answer.status == 200 ? strstr(answer.body, label) : NULL;
  return at == NULL ? -1 : strtoll(at + strlen(label), NULL, 10);
}

static void count_connections(long long out[WORKERS])
{
  for (int i = 0; i < WORKERS; i++)
    out[i] = of_worker("lontar_connections", i);
}

/* They differ by a quarter of their mean at most, a few connections of nginx's aside. */
static bool are_balanced(void)
{
  long long counts[WORKERS];
  count_connections(counts);
  return counts[0] > 0 && counts[1] > 0 && llabs(counts[0] - counts[1]) * 8 <= counts[0] + counts[1] + 8;
}

static bool all_serve(void)
{
  return stack_metric("lontar_workers_alive") == WORKERS && stack_metric("lontar_workers") == WORKERS;
}

static pid_t pid_of(int worker)
{
  json_object *status = stack_status(), *workers, *entry, *pid;
  need(status != NULL && json_object_object_get_ex(status, "workers", &workers), "status.json cannot be read");
  entry = json_object_array_get_idx(workers, (size_t)worker);
  need(entry != NULL && json_object_object_get_ex(entry, "pid", &pid), "status.json names no worker");
  const pid_t result = (pid_t)json_object_get_int(pid);
  json_object_put(status);
  return result;
}

/* ---- A crowd through nginx ---- */

static struct crowd crowd;
static double begun;
static double killed;      /* the first time */
static long long deaths;   /* of workers */
static size_t failed_soon; /* what failed until a moment after the last kill */
static long long counts_later[WORKERS];
static pid_t first[CHILDREN_MAX]; /* lontard's children until then */
static size_t first_count;

static void kill_first(void)
{
  if (stack_clock() < begun + KILL_AFTER)
    return;
  first_count = stack_children(first, CHILDREN_MAX);
  need(kill(pid_of(0), SIGKILL) == 0, "the worker cannot be killed");
  killed = stack_clock();
}

static bool was_first(pid_t pid)
{
  bool found = false;
  for (size_t i = 0; i < first_count; i++)
    found = found || first[i] == pid;
  return found;
}

/* Its place then stays empty for some tenths of a second, in which nginx goes to the other with all it has. */
static void kill_followers(void)
{
  pid_t now[CHILDREN_MAX];
  const size_t count = stack_children(now, CHILDREN_MAX);
  for (size_t i = 0; i < count; i++)
    if (!was_first(now[i]))
      (void)kill(now[i], SIGKILL);
}

static void kill_and_count(void)
{
  if (killed == 0) {
    kill_first();
    return;
  }
  const double since = stack_clock() - killed;
  if (since < KILL_FOR)
    kill_followers();
  if (since < KILL_FOR + LAST_FAILURE_AFTER)
    failed_soon = crowd.refused + crowd.lost;
  if (counts_later[0] == 0 && since > SHARE_AFTER)
    count_connections(counts_later);
}

static void a_new_worker_gets_its_share(void)
{
  need(stack_wait(all_serve, PATIENCE_SECONDS), "not all workers serve");
  crowd = (struct crowd){.connections = CLIENTS, .seconds = CROWD_SECONDS, .turn = kill_and_count};
  deaths = stack_metric("lontar_worker_restarts_total");
  begun = stack_clock();
  crowd_run(&crowd);
  deaths = stack_metric("lontar_worker_restarts_total") - deaths;
  const long long all = counts_later[0] + counts_later[1];
  const size_t failed = crowd.refused + crowd.lost;
  CHECK(6 * counts_later[0] >= all && all > 0, "%.0f s after the kill %lld of %lld connections", SHARE_AFTER,
        counts_later[0], all);
  CHECK(failed == failed_soon, "%zu failed when nobody was killed any more", failed - failed_soon);
  CHECK((long long)failed <= deaths * CLIENTS, "%zu failed by %lld deaths", failed, deaths);
  CHECK(of_worker("lontar_connections_given_total", 1) > 0, "none was given");
  printf("%lld and %lld connections, %zu of %zu requests failed by %lld deaths ", counts_later[0], counts_later[1],
         failed, crowd.requests, deaths);
}

/* ---- Single connections ---- */

static int lines[CONNECTIONS];
static unsigned char question[FASTCGI_REQUEST_MAX];
static size_t question_length;

static void open_all(void)
{
  crowd_allow_files(CONNECTIONS);
  question_length = fastcgi_request("/health/live", NULL, question);
  for (int i = 0; i < CONNECTIONS; i++)
    lines[i] = fastcgi_connect();
}

static void close_all(void)
{
  for (int i = 0; i < CONNECTIONS; i++)
    close(lines[i]);
}

/* Seconds until all have their answers. */
static double ask_all(const char *label)
{
  const double asked = stack_clock();
  int answered = 0;
  for (int i = 0; i < CONNECTIONS; i++)
    (void)fastcgi_send(lines[i], question, question_length);
  for (int i = 0; i < CONNECTIONS; i++)
    answered += fastcgi_status(lines[i]) == 200;
  (void)check_number(label, answered, CONNECTIONS);
  return stack_clock() - asked;
}

/* It stops while the other looks whether it moves: what is given to it just then must come back. */
static void a_stopped_worker_keeps_nobody_waiting(void)
{
  double slowest = 0;
  need(stack_wait(all_serve, PATIENCE_SECONDS), "not all workers serve");
  const pid_t victim = pid_of(1);
  need(kill(victim, SIGSTOP) == 0, "the worker cannot be stopped");
  open_all();
  for (double end = stack_clock() + STOPPED_SECONDS; stack_clock() < end;) {
    const double took = ask_all("beside a stopped worker");
    slowest = took > slowest ? took : slowest;
  }
  CHECK(slowest < SLOWEST_ROUND, "%.3f s until all were answered", slowest);
  CHECK(kill(victim, SIGCONT) == 0, "it is gone, so long did this take");
  printf("slowest round %.0f ms ", slowest * 1000);
}

static bool ask_until_balanced(void)
{
  (void)ask_all("while connections change hands");
  return are_balanced();
}

static void who_had_none_gets_as_many(void)
{
  long long counts[WORKERS];
  const double from = stack_clock();
  CHECK(stack_wait(ask_until_balanced, PATIENCE_SECONDS), "not balanced in %d seconds", PATIENCE_SECONDS);
  count_connections(counts);
  printf("%lld and %lld connections after %.1f s ", counts[0], counts[1], stack_clock() - from);
}

static bool ask_until_renewed(void)
{
  (void)ask_all("during a reload");
  return renewal_has_ended();
}

static void they_stay_balanced_over_a_reload(void)
{
  renewal_begin(SIGHUP);
  CHECK(stack_wait(ask_until_renewed, PATIENCE_SECONDS), "not renewed in %d seconds", PATIENCE_SECONDS);
  CHECK(stack_wait(ask_until_balanced, PATIENCE_SECONDS), "not balanced in %d seconds", PATIENCE_SECONDS);
  close_all();
}

CU_TestInfo suite_balance[] = {{"a new worker gets its share", a_new_worker_gets_its_share},
                               {"a stopped worker keeps nobody waiting", a_stopped_worker_keeps_nobody_waiting},
                               {"who had none gets as many", who_had_none_gets_as_many},
                               {"they stay balanced over a reload", they_stay_balanced_over_a_reload},
                               CU_TEST_INFO_NULL};
