/* Successors that die, or that cannot serve: what their predecessors do costs nobody an answer. */
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/renewal.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

#define NOWHERE "host=/nonexistent dbname=none"

enum {
  CONNECTIONS = 32,
  KILLS = 12,
  CHILDREN_MAX = 16,
  LIMIT_SECONDS = 120,
  WAITING_SECONDS = 2,
  PATIENCE_SECONDS = 5,
  PATH_SIZE = 256,
  READS = 50,
  PAIRS = 15,
  READ_PAUSE_US = 50000
};

#define PAIR_GAP 0.01
#define PAIR_PAUSE 0.7

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
  renewal_run(SIGHUP); /* a place whose newcomers were killed pauses for seconds before it is renewed */
  CHECK(stack_wait(nobody_is_changing, LIMIT_SECONDS), "the successors before are still on their way");
  const long long before = stack_metric(RENEWAL_RECYCLES);
  stack_set("database_url", NOWHERE);
  stack_signal(SIGHUP);
  crowd = (struct crowd){.connections = CONNECTIONS, .seconds = WAITING_SECONDS};
  crowd_run(&crowd);
  crowd_check("while successors wait", &crowd);
  (void)check_number("workers followed", stack_metric(RENEWAL_RECYCLES), before);
  stack_set("database_url", need_environment("LONTAR_DAEMON_URL"));
  renewal_run(SIGHUP);
}

/* ---- While a configuration without a database is tried, whoever is replaced gets the one that the others have ---- */

static bool somebody_tries(void)
{
  pid_t children[CHILDREN_MAX];
  return stack_children(children, CHILDREN_MAX) > (size_t)stack_metric("lontar_workers") + 1;
}

static void begin_to_try(void)
{
  CHECK(stack_wait(nobody_is_changing, LIMIT_SECONDS), "the successors before are still on their way");
  stack_set("database_url", NOWHERE);
  stack_signal(SIGHUP);
  CHECK(stack_wait(somebody_tries, PATIENCE_SECONDS), "nobody tries the new configuration");
  (void)sleep(2); /* status.json may be a second old */
}

static void end_trying(void)
{
  stack_set("database_url", need_environment("LONTAR_DAEMON_URL"));
  renewal_run(SIGHUP);
}

/* From status.json: the prober's pid, or a worker's. */
static pid_t told_pid(const char *who, int index)
{
  json_object *status = stack_status(), *member = NULL, *pid = NULL;
  json_object_object_get_ex(status, who, &member);
  if (index >= 0)
    member = json_object_array_get_idx(member, (size_t)index);
  json_object_object_get_ex(member, "pid", &pid);
  const pid_t told = json_object_get_int(pid);
  json_object_put(status);
  return told;
}

static pid_t victims[CHILDREN_MAX];

static bool no_victim_is_left(void)
{
  for (int i = 0; i < CHILDREN_MAX; i++)
    if (victims[i] > 1 && kill(victims[i], 0) == 0)
      return false;
  return true;
}

/* Long enough for a marker to come, and for a worker to miss its database. */
static void check_reads(const char *label)
{
  for (int i = 0; i < READS; i++) {
    ANSWER answer = get("~/subjects", world.siswa.token);
    (void)check_status(label, &answer, 200);
    (void)usleep(READ_PAUSE_US);
  }
  CHECK(!stack_marked(), "%s: the marker stands", label);
}

static void choose_victims(void)
{
  for (int i = 0; i < CHILDREN_MAX; i++)
    victims[i] = i < stack_metric("lontar_workers") ? told_pid("workers", i) : 0;
}

static void who_dies_meanwhile_is_replaced_as_before(void)
{
  begin_to_try();
  need(kill(told_pid("prober", -1), SIGKILL) == 0, "there is no prober");
  check_reads("after the prober's death");
  choose_victims();
  for (int i = 0; victims[i] != 0; i++)
    need(kill(victims[i], SIGKILL) == 0, "there is no worker");
  CHECK(stack_wait(no_victim_is_left, PATIENCE_SECONDS), "the workers do not die");
  (void)sleep(1);
  check_reads("after all workers' death");
  end_trying();
}

static void a_new_board_goes_to_workers_as_before(void)
{
  char board[PATH_SIZE];
  (void)snprintf(board, sizeof board, "%s/board", need_environment("LONTAR_RUN_DIR"));
  begin_to_try();
  choose_victims();
  need(unlink(board) == 0, "the board cannot be removed");
  CHECK(stack_wait(no_victim_is_left, LIMIT_SECONDS), "workers with the old board are not followed");
  check_reads("with a new board");
  end_trying();
}

static void weary_ones_are_followed_as_before(void)
{
  stack_set("max_requests", "50");
  renewal_run(SIGHUP);
  begin_to_try();
  const long long before = stack_metric(RENEWAL_RECYCLES);
  crowd = (struct crowd){.connections = CONNECTIONS, .seconds = WAITING_SECONDS};
  crowd_run(&crowd);
  crowd_check("while weary workers are followed", &crowd);
  CHECK(stack_metric(RENEWAL_RECYCLES) > before, "nobody was followed");
  stack_set("max_requests", NULL);
  end_trying();
}

static int pairs;
static bool is_good; /* the last one that was read */

/* The bad one comes a little later each time, the next good one when all has settled. */
static void reload_good_and_bad(void)
{
  if (stack_clock() - since < (is_good ? pairs * PAIR_GAP : PAIR_PAUSE))
    return;
  crowd.enough = !is_good && pairs == PAIRS;
  if (crowd.enough)
    return;
  is_good = !is_good;
  pairs += is_good;
  since = stack_clock();
  stack_set("database_url", is_good ? need_environment("LONTAR_DAEMON_URL") : NOWHERE);
  stack_signal(SIGHUP);
}

static void the_last_of_two_reloads_is_tried(void)
{
  crowd = (struct crowd){.connections = CONNECTIONS, .seconds = LIMIT_SECONDS, .turn = reload_good_and_bad};
  crowd_run(&crowd);
  crowd_check("while good and bad configurations follow each other", &crowd);
  check_reads("after the last bad one");
  end_trying();
}

CU_TestInfo suite_successor[] = {{"a killed successor loses no chat", a_killed_successor_loses_no_chat},
                                 {"a successor without a database waits", a_successor_without_a_database_waits},
                                 {"who dies meanwhile is replaced as before", who_dies_meanwhile_is_replaced_as_before},
                                 {"a new board goes to workers as before", a_new_board_goes_to_workers_as_before},
                                 {"weary ones are followed as before", weary_ones_are_followed_as_before},
                                 {"the last of two reloads is tried", the_last_of_two_reloads_is_tried},
                                 CU_TEST_INFO_NULL};
