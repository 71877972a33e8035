/* What a board's snapshot means. */
#include "health/health.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/board.h"

static bool is_fresh(const struct board_snapshot *snapshot, uint64_t heartbeat)
{
  return heartbeat != 0 && snapshot->taken_steady - (int64_t)heartbeat <= HEALTH_HEARTBEAT_LIMIT;
}

static bool is_alive(const struct board_snapshot *snapshot, const struct board_slot *slot)
{
  return slot->pid != 0 && is_fresh(snapshot, slot->heartbeat);
}

int health_workers_alive(const struct board_snapshot *snapshot)
{
  int alive = 0;
  for (uint64_t i = 0; i < snapshot->layout.head.workers; i++)
    alive += is_alive(snapshot, &snapshot->layout.slots[i]);
  return alive;
}

enum board_database health_database(const struct board_snapshot *snapshot)
{
  enum board_database state = BOARD_DATABASE_UNKNOWN;
  for (uint64_t i = 0; i < snapshot->layout.head.workers; i++) {
    const struct board_slot *slot = &snapshot->layout.slots[i];
    if (!is_alive(snapshot, slot))
      continue;
    if (slot->database == BOARD_DATABASE_DOWN)
      return BOARD_DATABASE_DOWN;
    if (slot->database == BOARD_DATABASE_UP)
      state = BOARD_DATABASE_UP;
  }
  return state;
}

/* Since when the first of the workers that see the database down has seen it so. */
static int64_t down_since(const struct board_snapshot *snapshot)
{
  int64_t since = snapshot->taken;
  for (uint64_t i = 0; i < snapshot->layout.head.workers; i++) {
    const struct board_slot *slot = &snapshot->layout.slots[i];
    if (is_alive(snapshot, slot) && slot->database == BOARD_DATABASE_DOWN && (int64_t)slot->database_since < since)
      since = (int64_t)slot->database_since;
  }
  return since;
}

static uint64_t waiting(const struct board_snapshot *snapshot)
{
  uint64_t total = 0;
  for (uint64_t i = 0; i < snapshot->layout.head.workers; i++)
    total += snapshot->layout.slots[i].pool.waiting;
  return total;
}

enum health health_state(const struct board_snapshot *snapshot)
{
  const struct board_head *head = &snapshot->layout.head;
  const int alive = health_workers_alive(snapshot);
  if (!is_fresh(snapshot, head->heartbeat) || alive == 0 || health_database(snapshot) != BOARD_DATABASE_UP)
    return HEALTH_FAIL;
  return (uint64_t)alive < head->workers || waiting(snapshot) > 0 ? HEALTH_WARN : HEALTH_PASS;
}

const char *health_word(enum health health)
{
  static const char *const words[] = {[HEALTH_PASS] = "pass", [HEALTH_WARN] = "warn", [HEALTH_FAIL] = "fail"};
  return words[health];
}

void health_sentence(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const struct board_head *head = &snapshot->layout.head;
  const int alive = health_workers_alive(snapshot);
  const enum board_database database = health_database(snapshot);
  if (!is_fresh(snapshot, head->heartbeat))
    buffer_append_format(buffer, "The master has not moved for %" PRId64 " seconds: restart lontard.",
                         (snapshot->taken_steady - (int64_t)head->heartbeat) / CLOCK_SECOND);
  else if (alive == 0)
    buffer_append_text(buffer, "No worker is alive: lontard's log says why.");
  else if (database == BOARD_DATABASE_DOWN)
    buffer_append_format(buffer,
                         "The database has been unavailable for %" PRId64 " seconds: see whether PostgreSQL runs.",
                         (snapshot->taken - down_since(snapshot)) / CLOCK_SECOND);
  else if (database == BOARD_DATABASE_UNKNOWN)
    buffer_append_text(buffer, "The workers have just begun and are connecting to the database.");
  else if ((uint64_t)alive < head->workers)
    buffer_append_format(buffer, "%d of %" PRIu64 " workers are alive, the others are being replaced.", alive,
                         head->workers);
  else if (waiting(snapshot) > 0)
    buffer_append_format(buffer, "All is well, but %" PRIu64 " requests wait for a database connection.",
                         waiting(snapshot));
  else
    buffer_append_format(buffer, "All is well: %d workers, the database answers.", alive);
}
