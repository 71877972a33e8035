/* What a board's snapshot means. */
#include "health/health.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/board.h"
#include "health/complaint.h"
#include "health/primary.h"
#include "health/supervision.h"

int health_workers_alive(const struct board_snapshot *snapshot)
{
  int alive = 0;
  for (const struct board_slot *slot = NULL; (slot = board_next_alive(snapshot, slot)) != NULL;)
    alive++;
  return alive;
}

bool health_encoding_wrong(const struct board_snapshot *snapshot)
{
  return snapshot->layout.prober.encoding[0] != 0;
}

/* How many of the living workers find the database so. */
static int count_workers(const struct board_snapshot *snapshot, enum board_database state)
{
  int count = 0;
  for (const struct board_slot *slot = NULL; (slot = board_next_alive(snapshot, slot)) != NULL;)
    count += slot->database == (uint64_t)state;
  return count;
}

/* The prober's word; UNKNOWN when it is dead. */
static enum board_database prober_word(const struct board_snapshot *snapshot)
{
  return board_prober_alive(snapshot) ? (enum board_database)snapshot->layout.prober.database : BOARD_DATABASE_UNKNOWN;
}

enum board_database health_database(const struct board_snapshot *snapshot)
{
  const enum board_database word = prober_word(snapshot);
  const int up = count_workers(snapshot, BOARD_DATABASE_UP), down = count_workers(snapshot, BOARD_DATABASE_DOWN);
  if (word == BOARD_DATABASE_DOWN || (down > 0 && (up == 0 || word == BOARD_DATABASE_UNKNOWN)))
    return BOARD_DATABASE_DOWN;
  return up > 0 ? BOARD_DATABASE_UP : BOARD_DATABASE_UNKNOWN;
}

bool health_server_gone(const struct board_snapshot *snapshot)
{
  return prober_word(snapshot) == BOARD_DATABASE_DOWN && snapshot->layout.prober.refused == 0;
}

int health_connected(const struct board_snapshot *snapshot)
{
  int count = 0;
  for (const struct board_slot *slot = NULL; (slot = board_next_alive(snapshot, slot)) != NULL;)
    count += slot->database == BOARD_DATABASE_UP && slot->pool.open > 0;
  return count;
}

bool health_any_answered(const struct board_snapshot *snapshot, int64_t within)
{
  for (const struct board_slot *slot = NULL; (slot = board_next_alive(snapshot, slot)) != NULL;)
    if (clock_is_fresh(slot->answered, snapshot->taken_steady, within))
      return true;
  return false;
}

/* Since when the prober, or else the first of the workers that see the database down, has seen it so. */
static int64_t down_since(const struct board_snapshot *snapshot)
{
  int64_t since = snapshot->taken;
  if (prober_word(snapshot) == BOARD_DATABASE_DOWN)
    return (int64_t)snapshot->layout.prober.database_since;
  for (const struct board_slot *slot = NULL; (slot = board_next_alive(snapshot, slot)) != NULL;)
    if (slot->database == BOARD_DATABASE_DOWN && (int64_t)slot->database_since < since)
      since = (int64_t)slot->database_since;
  return since;
}

static int64_t seconds_since(const struct board_snapshot *snapshot, int64_t stamp)
{
  return clock_since((uint64_t)stamp, snapshot->taken) / CLOCK_SECOND;
}

static uint64_t waiting(const struct board_snapshot *snapshot)
{
  uint64_t total = 0;
  for (uint64_t i = 0; i < snapshot->layout.head.workers; i++)
    total += snapshot->layout.slots[i].pool.waiting;
  return total;
}

bool health_doubtful(const struct board_snapshot *snapshot)
{
  return health_encoding_wrong(snapshot) || complaint_any(snapshot) ||
         snapshot->layout.prober.alarm != BOARD_ALARM_NONE;
}

enum health health_state(const struct board_snapshot *snapshot)
{
  const struct board_head *head = &snapshot->layout.head;
  const int alive = health_workers_alive(snapshot);
  if (!board_beats(snapshot, head->heartbeat) || alive == 0 || health_database(snapshot) != BOARD_DATABASE_UP ||
      snapshot->marked)
    return HEALTH_FAIL;
  return (uint64_t)alive < head->workers || waiting(snapshot) > 0 || health_doubtful(snapshot) ? HEALTH_WARN
                                                                                               : HEALTH_PASS;
}

const char *health_word(enum health health)
{
  static const char *const words[] = {[HEALTH_PASS] = "pass", [HEALTH_WARN] = "warn", [HEALTH_FAIL] = "fail"};
  return words[health];
}

/* When only the workers fail, the server is there: they say what they miss, or their log does. */
static void append_missing(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const bool schema = complaint_has(snapshot, TROUBLE_SCHEMA), rights = complaint_has(snapshot, TROUBLE_RIGHTS);
  buffer_append_text(buffer, "PostgreSQL runs");
  if (schema || rights) {
    buffer_append_text(buffer, ".");
    complaint_sentence(snapshot, schema ? TROUBLE_SCHEMA : TROUBLE_RIGHTS, buffer);
  } else {
    buffer_append_text(buffer, ", and lontard's log says what is wrong.");
  }
}

static void append_down(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const enum board_database word = prober_word(snapshot);
  buffer_append_format(buffer, "The database has been unavailable for %" PRId64 " seconds: ",
                       seconds_since(snapshot, down_since(snapshot)));
  if (word == BOARD_DATABASE_DOWN)
    buffer_append_format(buffer, "%.*s.", BOARD_TEXT(snapshot->layout.prober.reason));
  else if (word == BOARD_DATABASE_UP)
    append_missing(snapshot, buffer);
  else
    buffer_append_text(buffer, "see whether PostgreSQL runs.");
}

static void state_sentence(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const struct board_head *head = &snapshot->layout.head;
  const int alive = health_workers_alive(snapshot);
  const enum board_database database = health_database(snapshot);
  if (!board_beats(snapshot, head->heartbeat))
    buffer_append_format(buffer, "The master has not moved for %" PRId64 " seconds: restart lontard.",
                         clock_since(head->heartbeat, snapshot->taken_steady) / CLOCK_SECOND);
  else if (alive == 0)
    buffer_append_text(buffer, "No worker is alive: lontard's log says why.");
  else if (database == BOARD_DATABASE_DOWN)
    append_down(snapshot, buffer);
  else if (database == BOARD_DATABASE_UNKNOWN)
    buffer_append_text(buffer, "The workers have just begun and are connecting to the database.");
  else if (snapshot->marked)
    buffer_append_text(buffer, "The database answers, but the marker stands, for which nginx answers 503: if that "
                               "lasts, lontard's log says why.");
  else if ((uint64_t)alive < head->workers)
    buffer_append_format(buffer, "%d of %" PRIu64 " workers are alive, the others are being replaced.", alive,
                         head->workers);
  else if (health_doubtful(snapshot))
    buffer_append_text(buffer, "The database answers, but not all is well.");
  else if (waiting(snapshot) > 0)
    buffer_append_format(buffer, "All is well, but %" PRIu64 " requests wait for a database connection.",
                         waiting(snapshot));
  else
    buffer_append_format(buffer, "All is well: %d workers, the database answers.", alive);
}

static int64_t milliseconds_until(const struct board_snapshot *snapshot, int64_t steady)
{
  const int64_t left = clock_since((uint64_t)snapshot->taken_steady, steady);
  return left > 0 ? left / CLOCK_MILLISECOND : 0;
}

void health_prober_sentence(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const struct board_prober *prober = &snapshot->layout.prober;
  const int64_t seconds = seconds_since(snapshot, (int64_t)prober->database_since);
  const char *marker = snapshot->marked ? "; the marker for nginx stands" : "";
  if (!board_prober_alive(snapshot))
    buffer_append_text(buffer, "No prober is alive: each worker looks for the database by itself.");
  else if (prober->database == BOARD_DATABASE_DOWN)
    buffer_append_format(buffer,
                         "The prober has had no database for %" PRId64 " seconds and asks again in %" PRId64 " ms%s.",
                         seconds, milliseconds_until(snapshot, (int64_t)prober->next_probe), marker);
  else if (prober->database == BOARD_DATABASE_UP)
    buffer_append_format(buffer, "The prober has had the database%s%.*s for %" PRId64 " seconds%s.",
                         prober->server[0] != 0 ? " at " : "", BOARD_TEXT(prober->server), seconds, marker);
  else
    buffer_append_format(buffer, "The prober has just begun%s.", marker);
}

static void encoding_sentence(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  if (health_encoding_wrong(snapshot))
    buffer_append_format(buffer,
                         " The encoding of the database is %.*s and must be UTF8: lontarctl check says what to do.",
                         BOARD_TEXT(snapshot->layout.prober.encoding));
}

void health_sentence(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  state_sentence(snapshot, buffer);
  if (health_state(snapshot) != HEALTH_FAIL)
    complaint_sentences(snapshot, buffer);
  encoding_sentence(snapshot, buffer);
  primary_sentence(&snapshot->layout.prober, buffer);
  supervision_sentences(&snapshot->layout.supervisor, snapshot->taken_steady, buffer);
}
