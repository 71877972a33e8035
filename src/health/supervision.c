/* What lontar-supervise has written, in words and numbers. */
#include "health/supervision.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"

enum { SENTENCE_MAX = 512 };

static const struct name {
  const char *people;
  const char *scripts;
} names[BOARD_WARDS] = {
    [BOARD_WARD_LONTARD] = {"lontard", "lontard"},
    [BOARD_WARD_DATABASE] = {"PostgreSQL", "database"},
};

const char *supervision_name(enum board_ward_index ward)
{
  return names[ward].people;
}

const char *supervision_word(enum board_ward_index ward)
{
  return names[ward].scripts;
}

/* A stamp may be younger than `now` is: they were not taken at once. */
static int64_t seconds_between(uint64_t from, uint64_t until)
{
  return until > from ? (int64_t)((until - from) / CLOCK_SECOND) : 0;
}

static const char *plural(uint64_t count)
{
  return count == 1 ? "" : "s";
}

/* ---- Sentences ---- */

/* That its command ended well does not yet mean that it was restarted; that it is well then does. */
static void say_attempts(const struct board_ward *ward, const char *name, struct buffer *buffer)
{
  static const char *const ends[] = {[BOARD_RESTART_FAILED] = " (the last one failed)",
                                     [BOARD_RESTART_OVERDUE] = " (the last one ran over its time)",
                                     [BOARD_RESTART_LOST] = " (how the last one ended is not known)"};
  const bool known = ward->restart < sizeof ends / sizeof ends[0] && ends[ward->restart] != NULL;
  if (ward->condition == BOARD_CONDITION_WELL && !known)
    buffer_append_format(buffer, "%s was restarted %" PRIu64 " time%s", name, ward->attempts, plural(ward->attempts));
  else
    buffer_append_format(buffer, "A restart of %s was tried %" PRIu64 " time%s%s", name, ward->attempts,
                         plural(ward->attempts), known ? ends[ward->restart] : "");
}

static void say_escalated(const struct board_ward *ward, const char *name, uint64_t now, struct buffer *buffer)
{
  if (ward->attempts == 0)
    buffer_append_format(buffer, "Nothing is set to restart %s", name);
  else
    say_attempts(ward, name, buffer);
  if (ward->attempts > 0)
    buffer_append_text(buffer, ", and none is any more");
  if (ward->condition == BOARD_CONDITION_WELL)
    buffer_append_format(buffer, "; it has been well for %" PRId64 " seconds.", seconds_between(ward->since, now));
  else
    buffer_append_text(buffer, ": somebody must look.");
}

static void say_ill(const struct board_ward *ward, const char *name, uint64_t now, struct buffer *buffer)
{
  if (ward->attempts == 0 && ward->due == 0)
    return;
  if (ward->attempts == 0) {
    buffer_append_format(buffer, "%s is restarted in %" PRId64 " seconds if it stays so.", name,
                         seconds_between(now, ward->due));
    return;
  }
  say_attempts(ward, name, buffer);
  if (ward->due == 0)
    buffer_append_text(buffer, ", and none will be again.");
  else
    buffer_append_format(buffer, ", and the next one is in %" PRId64 " seconds if it stays so.",
                         seconds_between(now, ward->due));
}

void supervision_ward_sentence(const struct board_ward *ward, enum board_ward_index index, int64_t now,
                               struct buffer *buffer)
{
  const char *name = names[index].people;
  if (ward->restart == BOARD_RESTART_RUNNING)
    buffer_append_format(buffer, "%s is being restarted (attempt %" PRIu64 ").", name, ward->attempts);
  else if (ward->escalated != 0)
    say_escalated(ward, name, (uint64_t)now, buffer);
  else if (ward->condition == BOARD_CONDITION_ILL)
    say_ill(ward, name, (uint64_t)now, buffer);
  else if (ward->attempts > 0) {
    say_attempts(ward, name, buffer);
    buffer_append_format(buffer, ", last %" PRId64 " seconds ago.", seconds_between(ward->attempted, (uint64_t)now));
  }
}

void supervision_sentences(const struct board_supervisor *supervisor, int64_t now, struct buffer *buffer)
{
  const int64_t silent = clock_since(supervisor->heartbeat, now);
  if (supervisor->pid == 0)
    return;
  for (int i = 0; i < BOARD_WARDS; i++) {
    if (silent > SUPERVISION_LIMIT && supervisor->wards[i].escalated == 0)
      continue; /* nobody does what would be promised */
    CLEANUP(buffer_free) struct buffer sentence;
    buffer_init(&sentence, SENTENCE_MAX);
    supervision_ward_sentence(&supervisor->wards[i], (enum board_ward_index)i, now, &sentence);
    if (sentence.length > 0)
      buffer_append_format(buffer, " %.*s", (int)sentence.length, sentence.data);
  }
  if (silent > SUPERVISION_LIMIT)
    buffer_append_format(buffer, " lontar-supervise has not moved for %" PRId64 " seconds.", silent / CLOCK_SECOND);
}

/* ---- Words and the table ---- */

static const char *state_word(const struct board_ward *ward)
{
  static const char *const words[] = {[BOARD_CONDITION_WELL] = "well", [BOARD_CONDITION_ILL] = "ill"};
  if (ward->restart == BOARD_RESTART_RUNNING)
    return "restarting";
  if (ward->escalated != 0)
    return "escalated";
  return ward->condition == BOARD_CONDITION_WELL || ward->condition == BOARD_CONDITION_ILL ? words[ward->condition]
                                                                                           : "unknown";
}

static const char *restart_word(uint64_t restart)
{
  static const char *const words[] = {
      [BOARD_RESTART_NONE] = "none",     [BOARD_RESTART_RUNNING] = "running", [BOARD_RESTART_DONE] = "done",
      [BOARD_RESTART_FAILED] = "failed", [BOARD_RESTART_OVERDUE] = "overdue", [BOARD_RESTART_LOST] = "lost",
  };
  return restart < sizeof words / sizeof words[0] ? words[restart] : "none";
}

/* "12s" from `from` to `until`, "-" when there is no such moment. */
static void append_seconds(uint64_t moment, uint64_t from, uint64_t until, int width, struct buffer *buffer)
{
  char text[24] = "-";
  if (moment != 0)
    (void)snprintf(text, sizeof text, "%" PRId64 "s", seconds_between(from, until));
  buffer_append_format(buffer, " %*s", width, text);
}

void supervision_table(const struct board_supervisor *supervisor, int64_t now, struct buffer *buffer)
{
  if (supervisor->pid == 0)
    return;
  buffer_append_format(buffer, "%-10s %-10s %8s %8s %8s %8s %8s\n", "SUPERVISED", "STATE", "SINCE", "RESTARTS", "LAST",
                       "RESULT", "NEXT");
  for (int i = 0; i < BOARD_WARDS; i++) {
    const struct board_ward *ward = &supervisor->wards[i];
    buffer_append_format(buffer, "%-10s %-10s", names[i].people, state_word(ward));
    append_seconds(ward->since, ward->since, (uint64_t)now, 8, buffer);
    buffer_append_format(buffer, " %8" PRIu64, ward->attempts);
    append_seconds(ward->attempted, ward->attempted, (uint64_t)now, 8, buffer);
    buffer_append_format(buffer, " %8s", restart_word(ward->restart));
    append_seconds(ward->due, (uint64_t)now, ward->due, 8, buffer);
    buffer_append_text(buffer, "\n");
  }
}

/* ---- JSON ---- */

/* A steady stamp as the wall clock would have shown it. */
static void json_stamp(const struct board_snapshot *snapshot, const char *name, uint64_t steady, struct buffer *buffer)
{
  char text[CLOCK_RFC3339_SIZE];
  buffer_append_format(buffer, ", \"%s\": ", name);
  if (steady == 0) {
    buffer_append_text(buffer, "null");
    return;
  }
  (void)clock_rfc3339(clock_since((uint64_t)clock_since(steady, snapshot->taken_steady), snapshot->taken), text);
  buffer_append_format(buffer, "\"%s\"", text);
}

static void json_ward(const struct board_snapshot *snapshot, int index, struct buffer *buffer)
{
  const struct board_ward *ward = &snapshot->layout.supervisor.wards[index];
  buffer_append_format(buffer, ", \"%s\": {\"state\": \"%s\"", names[index].scripts, state_word(ward));
  json_stamp(snapshot, "since", ward->since, buffer);
  buffer_append_format(buffer, ", \"restarts\": %" PRIu64, ward->attempts);
  json_stamp(snapshot, "last_restart_at", ward->attempted, buffer);
  buffer_append_format(buffer, ", \"last_restart\": \"%s\"", restart_word(ward->restart));
  json_stamp(snapshot, "next_restart_at", ward->due, buffer);
  json_stamp(snapshot, "escalated_at", ward->escalated, buffer);
  buffer_append_text(buffer, "}");
}

void supervision_json(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const struct board_supervisor *supervisor = &snapshot->layout.supervisor;
  if (supervisor->pid == 0) {
    buffer_append_text(buffer, "null");
    return;
  }
  buffer_append_format(buffer, "{\"pid\": %" PRIu64, supervisor->pid);
  json_stamp(snapshot, "heartbeat_at", supervisor->heartbeat, buffer);
  for (int i = 0; i < BOARD_WARDS; i++)
    json_ward(snapshot, i, buffer);
  buffer_append_text(buffer, "}");
}

/* ---- Prometheus ---- */

void supervision_metrics(const struct board_snapshot *snapshot, struct buffer *buffer)
{
  const struct board_supervisor *supervisor = &snapshot->layout.supervisor;
  if (supervisor->pid == 0)
    return;
  buffer_append_text(buffer, "# HELP lontar_supervise_restarts Restarts since it was last well for long.\n"
                             "# TYPE lontar_supervise_restarts gauge\n");
  for (int i = 0; i < BOARD_WARDS; i++)
    buffer_append_format(buffer, "lontar_supervise_restarts{of=\"%s\"} %" PRIu64 "\n", names[i].scripts,
                         supervisor->wards[i].attempts);
  buffer_append_text(buffer, "# HELP lontar_supervise_escalated 1 when restarts were given up.\n"
                             "# TYPE lontar_supervise_escalated gauge\n");
  for (int i = 0; i < BOARD_WARDS; i++)
    buffer_append_format(buffer, "lontar_supervise_escalated{of=\"%s\"} %d\n", names[i].scripts,
                         supervisor->wards[i].escalated != 0);
}
