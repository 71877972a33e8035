/* Successors that die, or that cannot serve: what their predecessors do costs nobody an answer. */
#include <signal.h>
#include <stdio.h>

#include "system/check.h"
#include "system/crowd.h"
#include "system/renewal.h"
#include "system/stack.h"
#include "system/system.h"

enum {
  CONNECTIONS = 32,
  KILLS = 12,
  CHILDREN_MAX = 16,
  LIMIT_SECONDS = 120,
  WAITING_SECONDS = 2,
  PATIENCE_SECONDS = 5
};

static struct crowd crowd;

/* ---- Killed, a little later each time: before it is ready, while connections come to it, when it serves ---- */

static pid_t known[CHILDREN_MAX];
static size_t known_count;
static int kills;
static int delay;    /* turns that the next victim has left; -1 while there is none */
static double since; /* when the last recycling was asked for */

static bool is_known(pid_t pid)
{
  for (size_t i = 0; i < known_count; i++)
    if (known[i] == pid)
      return true;
  return false;
}

static pid_t newcomer(void)
{
  pid_t children[CHILDREN_MAX];
  const size_t count = stack_children(children, CHILDREN_MAX);
  for (size_t i = 0; i < count; i++)
    if (!is_known(children[i]))
      return children[i];
  return 0;
}

static void choose_victim(void)
{
  known_count = stack_children(known, CHILDREN_MAX);
  delay = kills;
  since = stack_clock();
  renewal_begin(SIGHUP);
}

/* A successor that began just when it was asked for is new already and nobody follows it, so fewer may come than the
 * figures make one wait for. */
static bool has_settled(void)
{
  return stack_clock() - since > PATIENCE_SECONDS || renewal_has_ended();
}

static void kill_newcomers(void)
{
  if (delay >= 0 && stack_clock() - since <= PATIENCE_SECONDS) {
    const pid_t victim = newcomer();
    if (victim != 0 && delay-- == 0)
      kills += kill(victim, SIGKILL) == 0;
  } else if (has_settled()) {
    crowd.enough = kills == KILLS;
    if (!crowd.enough)
      choose_victim();
  }
}

static void a_killed_successor_loses_no_chat(void)
{
  const long long before = crowd_newest();
  delay = -1;
  crowd = (struct crowd){.connections = CONNECTIONS, .seconds = LIMIT_SECONDS, .turn = kill_newcomers};
  crowd_run(&crowd);
  CHECK(crowd.enough, "only %d successors were killed", kills);
  CHECK(crowd.lost == 0, "%zu requests without an answer", crowd.lost);
  CHECK(crowd.refused == crowd.unavailable, "%zu refused otherwise than with 503", crowd.refused - crowd.unavailable);
  CHECK(crowd.refused <= CONNECTIONS * KILLS, "%zu refused by %d deaths", crowd.refused, KILLS);
  crowd_check_ledger("while successors are killed", &crowd, before);
  printf("%zu answered, %zu refused for %d kills ", crowd.answered, crowd.refused, kills);
}

/* ---- Without a database of its own ---- */

/* None is on its way or leaving: there are the workers and the prober. */
static bool nobody_is_changing(void)
{
  pid_t children[CHILDREN_MAX];
  return stack_children(children, CHILDREN_MAX) == (size_t)stack_metric("lontar_workers") + 1;
}

static void a_successor_without_a_database_waits(void)
{
  CHECK(stack_wait(nobody_is_changing, LIMIT_SECONDS), "the successors before are still on their way");
  const long long before = stack_metric(RENEWAL_RECYCLES);
  stack_set("database_url", "host=/nonexistent dbname=none");
  stack_signal(SIGHUP);
  crowd = (struct crowd){.connections = CONNECTIONS, .seconds = WAITING_SECONDS};
  crowd_run(&crowd);
  crowd_check("while successors wait", &crowd);
  (void)check_number("workers followed", stack_metric(RENEWAL_RECYCLES), before);
  stack_set("database_url", need_environment("LONTAR_DAEMON_URL"));
  renewal_run(SIGHUP);
}

CU_TestInfo suite_successor[] = {{"a killed successor loses no chat", a_killed_successor_loses_no_chat},
                                 {"a successor without a database waits", a_successor_without_a_database_waits},
                                 CU_TEST_INFO_NULL};
