/* A snapshot as Prometheus text and as JSON. */
#include "health/render.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/complaint.h"
#include "health/primary.h"
#include "health/supervision.h"

/* One row a number of a slot: its name in the JSON document, how it is kept and shown. Its metric's name is made of
 * both, as lontar_requests_total. */
enum number_kind { GAUGE, COUNTER, SECONDS }; /* SECONDS: a gauge kept in microseconds */

static const struct number {
  const char *name;
  enum number_kind kind;
  size_t offset;
  const char *help;
} numbers[] = {
#define SLOT(field) offsetof(struct board_slot, field)
    {"connections", GAUGE, SLOT(connections), "Connections from nginx."},
    {"connections_given", COUNTER, SLOT(given), "Connections from nginx handed to workers that had fewer."},
    {"requests", COUNTER, SLOT(requests), "Finished requests."},
    {"answers_2xx", COUNTER, SLOT(answers_2xx), "Answers with a status below 400."},
    {"answers_4xx", COUNTER, SLOT(answers_4xx), "Answers with a status of 400 to 499."},
    {"answers_5xx", COUNTER, SLOT(answers_5xx), "Answers with a status of 500 and more."},
    {"answers_503", COUNTER, SLOT(answers_503), "Answers with status 503."},
    {"pool_open", GAUGE, SLOT(pool.open), "Database connections."},
    {"pool_idle", GAUGE, SLOT(pool.idle), "Database connections without work."},
    {"pool_busy", GAUGE, SLOT(pool.busy), "Database connections at work."},
    {"pool_overflow", GAUGE, SLOT(pool.overflow), "Database connections beyond pool_size."},
    {"pool_waiting", GAUGE, SLOT(pool.waiting), "Requests waiting for a connection."},
    {"pool_longest_wait", SECONDS, SLOT(pool.longest_wait), "Longest wait for a connection since the worker's start."},
    {"pool_opened", COUNTER, SLOT(pool.opened), "Database connections opened."},
    {"pool_closed_recycled", COUNTER, SLOT(pool.recycled), "Database connections closed because of their age."},
    {"pool_closed_idle", COUNTER, SLOT(pool.idled), "Database connections closed because nothing needed them."},
    {"pool_closed_retired", COUNTER, SLOT(pool.retired), "Database connections closed because their worker made way."},
    {"pool_closed_dismissed", COUNTER, SLOT(pool.dismissed), "Database connections that an administrator ended."},
    {"pool_closed_lost", COUNTER, SLOT(pool.lost), "Database connections that broke."},
    {"pool_closed_hung", COUNTER, SLOT(pool.hung), "Database connections given up because the server did not answer."},
    {"pool_failed", COUNTER, SLOT(pool.failed), "Database connections that failed to open."},
    {"descriptors", GAUGE, SLOT(descriptors), "Open descriptors."},
    {"descriptors_limit", GAUGE, SLOT(descriptors_limit), "How many there may be."},
#undef SLOT
};

enum { NUMBER_COUNT = sizeof numbers / sizeof numbers[0] };

static uint64_t number_of(const struct number *number, const struct board_slot *slot)
{
  return *(const uint64_t *)(const void *)((const char *)slot + number->offset);
}

static void append_seconds(struct buffer *buffer, uint64_t microseconds)
{
  buffer_append_format(buffer, "%" PRIu64 ".%06" PRIu64, microseconds / CLOCK_SECOND, microseconds % CLOCK_SECOND);
}

static void append_value(struct buffer *buffer, enum number_kind kind, uint64_t value)
{
  if (kind == SECONDS)
    append_seconds(buffer, value);
  else
    buffer_append_format(buffer, "%" PRIu64, value);
}

/* ---- Prometheus ---- */

static void metric_head(struct buffer *buffer, const char *name, const char *type, const char *help)
{
  buffer_append_format(buffer, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void metric(struct buffer *buffer, const char *name, const char *type, const char *help, uint64_t value)
{
  metric_head(buffer, name, type, help);
  buffer_append_format(buffer, "%s %" PRIu64 "\n", name, value);
}

static void metric_seconds(struct buffer *buffer, const char *name, const char *help, uint64_t microseconds)
{
  metric_head(buffer, name, "gauge", help);
  buffer_append_format(buffer, "%s ", name);
  append_seconds(buffer, microseconds);
  buffer_append_text(buffer, "\n");
}

static void metric_by_worker(const struct board_snapshot *snapshot, const struct number *number, struct buffer *buffer)
{
  static const char *const endings[] = {[GAUGE] = "", [COUNTER] = "_total", [SECONDS] = "_seconds"};
  char name[64];
  (void)snprintf(name, sizeof name, "lontar_%s%s", number->name, endings[number->kind]);
  metric_head(buffer, name, number->kind == COUNTER ? "counter" : "gauge", number->help);
  for (uint64_t i = 0; i < snapshot->layout.head.workers; i++) {
    buffer_append_format(buffer, "%s{worker=\"%" PRIu64 "\"} ", name, i);
    append_value(buffer, number->kind, number_of(number, &snapshot->layout.slots[i]));
    buffer_append_text(buffer, "\n");
  }
}

static void metric_latency(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const char *name = "lontar_request_duration_seconds";
  uint64_t below = 0, sum = 0;
  metric_head(buffer, name, "histogram", "Time from a request's arrival to the end of its answer.");
  for (int bucket = 0; bucket < BOARD_BUCKETS; bucket++) {
    for (uint64_t i = 0; i < snapshot->layout.head.workers; i++)
      below += snapshot->layout.slots[i].latency[bucket];
    buffer_append_format(buffer, "%s_bucket{le=\"", name);
    if (bucket < BOARD_BUCKETS - 1)
      append_seconds(buffer, UINT64_C(1) << bucket);
    else
      buffer_append_text(buffer, "+Inf");
    buffer_append_format(buffer, "\"} %" PRIu64 "\n", below);
  }
  for (uint64_t i = 0; i < snapshot->layout.head.workers; i++)
    sum += snapshot->layout.slots[i].latency_sum;
  buffer_append_format(buffer, "%s_sum ", name);
  append_seconds(buffer, sum);
  buffer_append_format(buffer, "\n%s_count %" PRIu64 "\n", name, below);
}

static void metric_troubles(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  metric_head(buffer, "lontar_trouble", "gauge", "1 while requests meet it, though lontard answers.");
  for (int i = TROUBLE_NONE + 1; i < TROUBLE_KINDS; i++)
    buffer_append_format(buffer, "lontar_trouble{of=\"%s\"} %d\n", complaint_name((enum trouble)i),
                         complaint_has(snapshot, (enum trouble)i));
}

void render_metrics(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const struct board_head *head = &snapshot->layout.head;
  metric(buffer, "lontar_up", "gauge", "1 while requests are answered, 0 while they get 503.",
         health_state(snapshot) != HEALTH_FAIL);
  metric(buffer, "lontar_database_up", "gauge", "1 while the database answers.",
         health_database(snapshot) == BOARD_DATABASE_UP);
  metric(buffer, "lontar_database_timeline", "gauge", "Timeline of the primary; each promotion begins a higher one.",
         snapshot->layout.prober.timeline);
  metric(buffer, "lontar_primary_alarm", "gauge", "1 while it is in doubt which server is the primary.",
         snapshot->layout.prober.alarm != BOARD_ALARM_NONE);
  metric(buffer, "lontar_prober_alive", "gauge", "1 while the prober has a fresh heartbeat.",
         board_prober_alive(snapshot));
  metric(buffer, "lontar_marker", "gauge", "1 while the marker stands, for which nginx answers 503.", snapshot->marked);
  metric_seconds(buffer, "lontar_start_time_seconds", "When the master began, since 1970.", head->started);
  metric(buffer, "lontar_workers", "gauge", "Workers that there should be.", head->workers);
  metric(buffer, "lontar_workers_alive", "gauge", "Workers with a fresh heartbeat.",
         (uint64_t)health_workers_alive(snapshot));
  metric(buffer, "lontar_worker_restarts_total", "counter", "Workers replaced after they died or hung.",
         head->restarts);
  metric(buffer, "lontar_reloads_total", "counter", "Configuration files taken over by SIGHUP.", head->reloads);
  metric(buffer, "lontar_worker_recycles_total", "counter", "Workers followed by a successor while they served.",
         head->recycles);
  for (int i = 0; i < NUMBER_COUNT; i++)
    metric_by_worker(snapshot, &numbers[i], buffer);
  metric_latency(snapshot, buffer);
  metric_troubles(snapshot, buffer);
  supervision_metrics(snapshot, buffer);
}

/* ---- JSON ---- */

static void json_stamp(struct buffer *buffer, const char *name, int64_t stamp)
{
  char text[CLOCK_RFC3339_SIZE];
  buffer_append_format(buffer, "\"%s\": ", name);
  if (stamp <= 0) {
    buffer_append_text(buffer, "null");
    return;
  }
  (void)clock_rfc3339(stamp, text);
  buffer_append_format(buffer, "\"%s\"", text);
}

static const char *database_word(uint64_t database)
{
  return database == BOARD_DATABASE_UP ? "up" : database == BOARD_DATABASE_DOWN ? "down" : "unknown";
}

static void json_totals(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  buffer_append_text(buffer, "\"totals\": {");
  for (int i = 0; i < NUMBER_COUNT; i++) {
    uint64_t total = 0;
    for (uint64_t worker = 0; worker < snapshot->layout.head.workers; worker++) {
      const uint64_t value = number_of(&numbers[i], &snapshot->layout.slots[worker]);
      total = numbers[i].kind != SECONDS ? total + value : value > total ? value : total;
    }
    buffer_append_format(buffer, "%s\"%s\": ", i > 0 ? ", " : "", numbers[i].name);
    append_value(buffer, numbers[i].kind, total);
  }
  buffer_append_text(buffer, "}");
}

/* A steady time of the board as a stamp; 0, which is never, stays. */
static int64_t stamp_of(const struct board_snapshot *snapshot, uint64_t steady)
{
  return steady == 0 ? 0 : clock_since((uint64_t)clock_since(steady, snapshot->taken_steady), snapshot->taken);
}

/* Of database_url's servers the one in use; null while that is not known. */
static void json_primary(const struct board_prober *prober, struct buffer *buffer)
{
  const char *alarm = primary_word(prober);
  buffer_append_text(buffer, ", \"primary\": ");
  if (prober->chosen == 0 || prober->system == 0)
    buffer_append_text(buffer, "null");
  else
    buffer_append_format(buffer, "{\"number\": %" PRIu64 ", \"system\": \"%" PRIu64 "\", \"timeline\": %" PRIu64 "}",
                         prober->chosen, prober->system, prober->timeline);
  if (alarm != NULL)
    buffer_append_format(buffer, ", \"primary_alarm\": \"%s\"", alarm);
  else
    buffer_append_text(buffer, ", \"primary_alarm\": null");
}

/* By name, each since when; null where only the prober knows of it. */
static void json_troubles(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const char *separator = "";
  buffer_append_text(buffer, "\"troubles\": {");
  for (int i = TROUBLE_NONE + 1; i < TROUBLE_KINDS; i++) {
    if (!complaint_has(snapshot, (enum trouble)i))
      continue;
    buffer_append_text(buffer, separator);
    json_stamp(buffer, complaint_name((enum trouble)i), stamp_of(snapshot, complaint_since(snapshot, (enum trouble)i)));
    separator = ", ";
  }
  buffer_append_text(buffer, "},\n ");
}

static void json_prober(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const struct board_prober *prober = &snapshot->layout.prober;
  buffer_append_format(buffer, "\"prober\": {\"pid\": %" PRIu64 ", \"alive\": %s, ", prober->pid,
                       board_prober_alive(snapshot) ? "true" : "false");
  json_stamp(buffer, "started_at", (int64_t)prober->started);
  buffer_append_text(buffer, ", ");
  json_stamp(buffer, "heartbeat_at", stamp_of(snapshot, prober->heartbeat));
  buffer_append_format(buffer, ",\n  \"database\": \"%s\", ", database_word(prober->database));
  json_stamp(buffer, "database_since", (int64_t)prober->database_since);
  buffer_append_format(buffer, ", \"reason\": \"%.*s\", \"server\": \"%.*s\", ", BOARD_TEXT(prober->reason),
                       BOARD_TEXT(prober->server));
  json_stamp(buffer, "next_probe_at", stamp_of(snapshot, prober->next_probe));
  json_primary(prober, buffer);
  buffer_append_format(buffer, ", \"server_gone\": %s, \"marker\": %s, \"wrong_encoding\": \"%.*s\"},\n ",
                       health_server_gone(snapshot) ? "true" : "false", snapshot->marked ? "true" : "false",
                       BOARD_TEXT(prober->encoding));
}

static void json_worker(const struct board_snapshot *snapshot, uint64_t index, struct buffer *buffer)
{
  const struct board_slot *slot = &snapshot->layout.slots[index];
  buffer_append_format(buffer, "{\"worker\": %" PRIu64 ", \"pid\": %" PRIu64 ", ", index, slot->pid);
  json_stamp(buffer, "started_at", (int64_t)slot->started);
  buffer_append_text(buffer, ", ");
  json_stamp(buffer, "heartbeat_at", stamp_of(snapshot, slot->heartbeat));
  buffer_append_format(buffer, ", \"database\": \"%s\", ", database_word(slot->database));
  json_stamp(buffer, "database_since", (int64_t)slot->database_since);
  for (int i = 0; i < NUMBER_COUNT; i++) {
    buffer_append_format(buffer, ", \"%s\": ", numbers[i].name);
    append_value(buffer, numbers[i].kind, number_of(&numbers[i], slot));
  }
  buffer_append_text(buffer, "}");
}

void render_status(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const struct board_head *head = &snapshot->layout.head;
  buffer_append_format(buffer, "{\"status\": \"%s\", \"output\": \"", health_word(health_state(snapshot)));
  health_sentence(snapshot, buffer);
  buffer_append_text(buffer, "\",\n ");
  json_stamp(buffer, "time", snapshot->taken);
  buffer_append_text(buffer, ", ");
  json_stamp(buffer, "expires_at", snapshot->taken + RENDER_STATUS_LIFE);
  buffer_append_format(buffer, ",\n \"boot_id\": \"%016" PRIx64 "%016" PRIx64 "\", \"master\": {\"pid\": %" PRIu64 ", ",
                       head->boot_id[0], head->boot_id[1], head->master_pid);
  json_stamp(buffer, "started_at", (int64_t)head->started);
  buffer_append_format(buffer, ", \"workers\": %" PRIu64 ", \"workers_alive\": %d, \"restarts\": %" PRIu64 ", ",
                       head->workers, health_workers_alive(snapshot), head->restarts);
  json_stamp(buffer, "last_restart_at", (int64_t)head->last_restart);
  buffer_append_format(buffer, ", \"reloads\": %" PRIu64 ", \"recycles\": %" PRIu64 "},\n \"database\": \"%s\",\n ",
                       head->reloads, head->recycles, database_word((uint64_t)health_database(snapshot)));
  json_troubles(snapshot, buffer);
  json_prober(snapshot, buffer);
  buffer_append_text(buffer, "\"supervisor\": ");
  supervision_json(snapshot, buffer);
  buffer_append_text(buffer, ",\n ");
  json_totals(snapshot, buffer);
  buffer_append_text(buffer, ",\n \"workers\": [");
  for (uint64_t i = 0; i < head->workers; i++) {
    buffer_append_text(buffer, i > 0 ? ",\n  " : "\n  ");
    json_worker(snapshot, i, buffer);
  }
  buffer_append_text(buffer, "]}\n");
}
