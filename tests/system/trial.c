/* Measures what faults cost. */
#include "system/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "system/check.h"
#include "system/faults.h"
#include "system/figures.h"
#include "system/ledger.h"
#include "system/parts.h"
#include "system/promise.h"
#include "system/stack.h"
#include "system/witness.h"

enum { KINDS_MAX = 64, LINE_SIZE = 4096, ENOUGH_CRASHES = 20 };

#define FIRST_503_LIMIT 0.1 /* of the first failed statement */
#define P99_503_LIMIT 0.02
#define FIRST_200_LIMIT 1.0 /* of the server's return */

static struct {
  const struct fault *fault; /* NULL between faults */
  double begun;
  double undone;
  double failed;      /* the first answer that was no success */
  double unavailable; /* the first 503 */
  double served;      /* the first success after the server's return */
  long log_at;        /* where lontard's log ended */
} trial;

/* Requests may be cut from the fault until nginx, all of it, has answered. */
static struct {
  double begun;
  bool killed;  /* not stopped */
  double whole; /* every process of nginx is there, and is another than the victim */
  double ended; /* a request that began then has its answer */
} gap;

static struct figures back[KINDS_MAX];
static struct figures kill_to_loss, kill_to_503, loss_to_503, failure_to_503;
static struct figures early_503, late_503, return_to_200, gaps;
static size_t cut;

/* ---- Between nginx's death and its next answer ---- */

static void open_gap(void)
{
  gap.begun = trial.begun;
  gap.killed = trial.fault->end == NULL;
  gap.whole = gap.ended = 0;
}

static void look_at_gap(void)
{
  const pid_t master = parts_nginx(), victim = fault_victim();
  const struct parts workers = parts_nginx_workers();
  bool whole = master != 0 && master != victim && workers.count > 0;
  for (size_t i = 0; i < workers.count; i++)
    whole = whole && workers.pids[i] != victim;
  if (whole)
    gap.whole = stack_clock();
}

static bool is_in_gap(const struct ledger_event *event)
{
  return gap.begun != 0 && event->ended >= gap.begun && (gap.ended == 0 || event->begun <= gap.ended);
}

static void close_gap(const struct ledger_event *event)
{
  if (gap.whole == 0 || gap.ended != 0 || event->begun < gap.whole || event->status == 0)
    return;
  gap.ended = event->ended;
  if (gap.killed)
    figures_add(&gaps, gap.ended - gap.begun);
}

/* ---- Each answer ---- */

static void watch_server(const struct ledger_event *event)
{
  if (trial.fault == NULL)
    return;
  if (!event->success && event->status != 0 && trial.failed == 0)
    trial.failed = event->ended;
  if (event->status == 503 && trial.unavailable == 0)
    trial.unavailable = event->ended;
  if (event->status == 503 && trial.fault->flags & FAULT_CRASH)
    figures_add(event->begun < trial.unavailable ? &early_503 : &late_503, event->ended - event->begun);
  const double returned = trial.fault->flags & FAULT_AWAY ? witness_returned() : 0;
  if (event->success && returned != 0 && trial.served == 0 && event->ended >= returned) {
    trial.served = event->ended;
    figures_add(&return_to_200, trial.served - returned);
    witness_rest();
  }
}

bool trial_watch(const struct ledger_event *event)
{
  watch_server(event);
  close_gap(event);
  const bool in_gap = event->cut && is_in_gap(event);
  const bool excused = promise_watch(event) || in_gap;
  cut += in_gap;
  if (!excused && !event->success && event->status != 503 && event->status != 504)
    printf("    %s: a %s was answered %ld (%s) after %.3f s, %.3f s after the fault\n",
           trial.fault ? trial.fault->name : "before", event->writes ? "POST" : "GET", event->status,
           event->why ? event->why : "whole", event->ended - event->begun, event->ended - trial.begun);
  return excused;
}

void trial_look(void)
{
  if (gap.begun != 0 && gap.whole == 0)
    look_at_gap();
}

/* ---- lontard's own word on the first failed statement ---- */

/* A log line's time, by stack_clock. */
static double time_of(const char *line)
{
  struct tm parts = {0};
  struct timespec wall;
  const char *rest = strptime(line, "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == NULL || *rest != '.')
    return 0;
  (void)clock_gettime(CLOCK_REALTIME, &wall);
  const double now = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9;
  return stack_clock() - (now - (double)timegm(&parts) - strtod(rest, NULL));
}

static long log_size(void)
{
  FILE *log = fopen(parts_path("log/lontard.log"), "re");
  need(log != NULL && fseek(log, 0, SEEK_END) == 0, "lontard's log cannot be read");
  const long size = ftell(log);
  fclose(log);
  return size;
}

static double earlier(double one, double other)
{
  return one == 0 || (other != 0 && other < one) ? other : one;
}

/* When the first connection was lost, and when the first statement failed for want of the server. */
static void read_log(double *ret_lost, double *ret_failed)
{
  char line[LINE_SIZE];
  double lost = 0, failed = 0;
  FILE *log = fopen(parts_path("log/lontard.log"), "re");
  need(log != NULL && fseek(log, trial.log_at, SEEK_SET) == 0, "lontard's log cannot be read");
  while (fgets(line, sizeof line, log)) {
    if (strstr(line, " lost a connection: "))
      lost = earlier(lost, time_of(line));
    if (strstr(line, " status=503 ") || strstr(line, " status=504 "))
      failed = earlier(failed, time_of(line));
  }
  fclose(log);
  *ret_lost = earlier(lost, failed);
  *ret_failed = failed;
}

static void note_crash(void)
{
  double lost, failed;
  read_log(&lost, &failed);
  lost = earlier(lost, trial.unavailable); /* it may be nginx who knows it first */
  failed = earlier(failed, trial.failed);
  figures_add(&kill_to_loss, lost - trial.begun);
  figures_add(&kill_to_503, trial.unavailable - trial.begun);
  figures_add(&loss_to_503, trial.unavailable - lost);
  figures_add(&failure_to_503, trial.unavailable - failed);
  if (trial.unavailable - failed > FIRST_503_LIMIT)
    printf("\n    after the kill: a connection lost %.3f s, a statement failed %.3f s, an answer %.3f s, the first 503 "
           "%.3f s",
           lost - trial.begun, failed - trial.begun, trial.failed - trial.begun, trial.unavailable - trial.begun);
}

/* ---- One fault ---- */

void trial_begin(const struct fault *fault)
{
  trial = (typeof(trial)){.fault = fault, .log_at = log_size()};
  if (fault->flags & FAULT_AWAY)
    witness_look();
  trial.begun = trial.undone = stack_clock();
  if (fault->flags & FAULT_NGINX)
    open_gap();
}

void trial_undone(void)
{
  if (trial.fault->end)
    trial.undone = stack_clock();
}

void trial_end(double well)
{
  const struct fault *fault = trial.fault;
  if (well != 0) {
    figures_add(&back[fault - faults], well - trial.undone);
    printf("\n    %-28s undone after %6.0f ms, serves %6.0f ms later", fault->name, (trial.undone - trial.begun) * 1000,
           (well - trial.undone) * 1000);
  }
  if (fault->flags & FAULT_CRASH && CHECK(trial.unavailable != 0, "%s: nobody got 503", fault->name))
    note_crash();
  if (fault->flags & FAULT_AWAY)
    CHECK(trial.served != 0, "%s: nobody has seen the server's return", fault->name);
  witness_rest();
  trial.fault = NULL;
}

/* ---- All of them ---- */

static void print_head(const char *title)
{
  printf("    %-36s %6s %8s %8s %8s %8s %8s\n", title, "count", "min", "p50", "p90", "p99", "max");
}

void trial_report(void)
{
  printf("\n");
  print_head("until everything serves again, ms");
  for (size_t i = 0; i < fault_count; i++)
    if (back[i].count > 0)
      figures_print(faults[i].name, &back[i]);
  print_head("postmaster killed, ms");
  figures_print("kill to first lost connection", &kill_to_loss);
  figures_print("kill to first 503", &kill_to_503);
  figures_print("first lost connection to first 503", &loss_to_503);
  figures_print("first failed statement to first 503", &failure_to_503);
  figures_print("503s to what was asked before that", &early_503);
  figures_print("503s to what was asked after", &late_503);
  print_head("PostgreSQL ended, ms");
  figures_print("its return to the first 200", &return_to_200);
  print_head("nginx killed, ms");
  figures_print("kill to its next answer", &gaps);
  printf("    %zu requests were cut meanwhile\n", cut);
  if (kill_to_503.count < ENOUGH_CRASHES) /* too few for a distribution */
    return;
  CHECK(figures_at(&failure_to_503, 1) <= FIRST_503_LIMIT, "a first 503 came too late");
  CHECK(figures_at(&late_503, 0.99) < P99_503_LIMIT, "the 503s are too slow");
  CHECK(figures_at(&return_to_200, 1) <= FIRST_200_LIMIT, "a first 200 came too late");
}
