/* lontarctl status: a sentence, another for the prober, then the workers and what is supervised, read from the health
 * board.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "config/config.h"
#include "health/board.h"
#include "health/health.h"
#include "health/owner.h"
#include "health/publish.h"
#include "health/render.h"
#include "health/supervision.h"
#include "supervise/state.h"
#include "tools/command.h"

enum { STATUS_SIZE_MAX = 1 << 20 };

static int64_t age_seconds(const struct board_snapshot *snapshot, uint64_t steady)
{
  return steady == 0 ? 0 : clock_since(steady, snapshot->taken_steady) / 1000000;
}

static void print_worker(const struct board_snapshot *snapshot, uint64_t index)
{
  const struct board_slot *slot = &snapshot->layout.slots[index];
  printf("%6" PRIu64 " %8" PRIu64 " %8" PRId64 "s %8" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRIu64 " %5" PRIu64
         " %5" PRIu64 " %8" PRIu64 "\n",
         index, slot->pid, age_seconds(snapshot, slot->heartbeat), slot->connections, slot->requests, slot->answers_4xx,
         slot->answers_5xx, slot->pool.open, slot->pool.busy, slot->pool.waiting);
}

static void print_table(const struct board_snapshot *snapshot)
{
  printf("\n%6s %8s %9s %8s %10s %8s %8s %5s %5s %8s\n", "WORKER", "PID", "HEARTBEAT", "CLIENTS", "REQUESTS", "4XX",
         "5XX", "OPEN", "BUSY", "WAITING");
  for (uint64_t i = 0; i < snapshot->layout.head.workers && i < BOARD_WORKERS_MAX; i++)
    print_worker(snapshot, i);
}

static void write_sentences(const struct board_snapshot *snapshot, struct buffer *text)
{
  health_sentence(snapshot, text);
  buffer_append_text(text, "\n");
  health_prober_sentence(snapshot, text);
}

static void print_supervised(const struct board_supervisor *supervisor)
{
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, STATUS_SIZE_MAX);
  supervision_table(supervisor, clock_steady(), &text);
  if (text.length > 0)
    printf("\n%.*s", (int)text.length, text.data);
}

/* Prints the sentences and the tables, or all of it as JSON. */
static int status_print(const struct board_snapshot *snapshot, bool json)
{
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, STATUS_SIZE_MAX);
  if (json)
    render_status(snapshot, &text);
  else
    write_sentences(snapshot, &text);
  if (text.failed)
    return command_fail(NULL, "no memory is left");
  printf("%.*s\n", (int)text.length, text.data);
  if (!json) {
    print_table(snapshot);
    print_supervised(&snapshot->layout.supervisor);
  }
  return health_state(snapshot) == HEALTH_FAIL ? COMMAND_FAILED : COMMAND_DONE;
}

/* How both were when lontard was last there says nothing of the present. */
static void forget_conditions(struct board_supervisor *supervisor)
{
  for (int i = 0; i < BOARD_WARDS; i++) {
    supervisor->wards[i].condition = BOARD_CONDITION_UNKNOWN;
    supervisor->wards[i].since = supervisor->wards[i].due = 0;
  }
}

/* Without a lontard there is still what lontar-supervise keeps for itself. */
static int status_without_lontard(const char *run_dir, bool json, const char *damage)
{
  struct board_supervisor supervisor;
  if (!json && state_load(run_dir, &supervisor)) {
    forget_conditions(&supervisor);
    print_supervised(&supervisor);
  }
  if (damage != NULL)
    return command_fail(
        "A lontard that runs makes a new one within a second. If this stays: systemctl restart lontard.", "%s", damage);
  return command_fail("Start it: systemctl start lontard. If it was started, check run_dir in the configuration.",
                      "lontard is not running");
}

int command_status(const struct invocation *invocation, int argc, char **argv)
{
  bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json)
    return command_misuse("status takes --json or nothing");
  char path[512];
  char message[MESSAGE_SIZE];
  (void)snprintf(path, sizeof path, "%s/" BOARD_FILE, invocation->config->run_dir);
  CLEANUP_BOARD struct board *board = NULL;
  int error = board_open(path, false, &board, message, sizeof message);
  /* One that was killed leaves its board. */
  const bool gone = owner_of(invocation->config->run_dir) == 0;
  if (gone || error == LONTAR_NOT_FOUND || error == LONTAR_INVALID)
    return status_without_lontard(invocation->config->run_dir, json, error == LONTAR_INVALID && !gone ? message : NULL);
  if (error != LONTAR_OK)
    return command_fail(NULL, "%s", message);
  CLEANUP_FREE struct board_snapshot *snapshot = malloc(sizeof *snapshot);
  if (!snapshot)
    return command_fail(NULL, "no memory is left");
  publish_look(board, invocation->config->run_dir, snapshot);
  return status_print(snapshot, json);
}
