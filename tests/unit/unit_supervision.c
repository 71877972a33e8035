/* Tests of health/supervision: what is said of lontar-supervise's work. */
#include <json-c/json.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/supervision.h"
#include "unit.h"

#define AT(seconds) ((seconds)*CLOCK_SECOND)

static void expect(const struct board_supervisor *supervisor, const char *text)
{
  struct buffer buffer;
  buffer_init(&buffer, 4096);
  supervision_sentences(supervisor, AT(1000), &buffer);
  UNIT_TEXT(buffer.data == NULL ? "" : buffer.data, buffer.length, text);
  buffer_free(&buffer);
}

static void each_state_has_its_sentence(void)
{
  static const struct {
    struct board_ward ward;
    const char *sentence;
  } cases[] = {
      {{.condition = BOARD_CONDITION_WELL}, ""},
      {{.condition = BOARD_CONDITION_ILL, .due = AT(1020)}, " PostgreSQL is restarted in 20 seconds if it stays so."},
      {{.condition = BOARD_CONDITION_ILL}, ""},
      {{.condition = BOARD_CONDITION_ILL, .attempts = 2, .restart = BOARD_RESTART_RUNNING},
       " PostgreSQL is being restarted (attempt 2)."},
      {{.condition = BOARD_CONDITION_ILL, .attempts = 1, .attempted = AT(900), .due = AT(1200)},
       " A restart of PostgreSQL was tried 1 time, and the next one is in 200 seconds if it stays so."},
      {{.condition = BOARD_CONDITION_ILL, .attempts = 1, .restart = BOARD_RESTART_OVERDUE, .due = AT(1030)},
       " A restart of PostgreSQL was tried 1 time (the last one ran over its time), and the next one is in 30 seconds "
       "if "
       "it stays so."},
      {{.condition = BOARD_CONDITION_ILL, .attempts = 3, .restart = BOARD_RESTART_DONE},
       " A restart of PostgreSQL was tried 3 times, and none will be again."},
      {{.condition = BOARD_CONDITION_UNKNOWN, .attempts = 1, .restart = BOARD_RESTART_DONE, .attempted = AT(960)},
       " A restart of PostgreSQL was tried 1 time, last 40 seconds ago."},
      {{.condition = BOARD_CONDITION_WELL, .attempts = 2, .attempted = AT(960)},
       " PostgreSQL was restarted 2 times, last 40 seconds ago."},
      {{.condition = BOARD_CONDITION_ILL, .attempts = 3, .escalated = AT(999)},
       " A restart of PostgreSQL was tried 3 times, and none is any more: somebody must look."},
      {{.condition = BOARD_CONDITION_ILL, .attempts = 3, .restart = BOARD_RESTART_FAILED, .escalated = AT(999)},
       " A restart of PostgreSQL was tried 3 times (the last one failed), and none is any more: somebody must look."},
      {{.condition = BOARD_CONDITION_ILL, .escalated = AT(999)},
       " Nothing is set to restart PostgreSQL: somebody must look."},
      {{.condition = BOARD_CONDITION_WELL, .since = AT(970), .attempts = 3, .escalated = AT(900)},
       " PostgreSQL was restarted 3 times, and none is any more; it has been well for 30 seconds."},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct board_supervisor supervisor = {.pid = 1, .heartbeat = AT(1000)};
    supervisor.wards[BOARD_WARD_DATABASE] = cases[i].ward;
    expect(&supervisor, cases[i].sentence);
  }
}

static void both_and_silence_are_told(void)
{
  struct board_supervisor supervisor = {.pid = 1, .heartbeat = AT(900)};
  supervisor.wards[BOARD_WARD_LONTARD].escalated = 1;
  supervisor.wards[BOARD_WARD_DATABASE].escalated = 1;
  expect(&supervisor, " Nothing is set to restart lontard: somebody must look."
                      " Nothing is set to restart PostgreSQL: somebody must look."
                      " lontar-supervise has not moved for 100 seconds.");
  supervisor.pid = 0;
  expect(&supervisor, "");
}

static void one_that_is_silent_promises_nothing(void)
{
  struct board_supervisor supervisor = {.pid = 1, .heartbeat = AT(900)};
  supervisor.wards[BOARD_WARD_LONTARD].restart = BOARD_RESTART_RUNNING;
  supervisor.wards[BOARD_WARD_DATABASE] =
      (struct board_ward){.condition = BOARD_CONDITION_ILL, .attempts = 1, .due = AT(1100)};
  expect(&supervisor, " lontar-supervise has not moved for 100 seconds.");
}

static struct board_snapshot *snapshot_make(void)
{
  struct board_snapshot *snapshot = calloc(1, sizeof *snapshot);
  CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot);
  snapshot->taken = AT(1764000000);
  snapshot->taken_steady = AT(1000);
  snapshot->layout.supervisor.pid = 7;
  snapshot->layout.supervisor.heartbeat = AT(999);
  snapshot->layout.supervisor.wards[BOARD_WARD_DATABASE] = (struct board_ward){
      .condition = BOARD_CONDITION_ILL,
      .since = AT(800),
      .attempts = 2,
      .attempted = AT(900),
      .restart = BOARD_RESTART_OVERDUE,
      .due = AT(1200),
  };
  return snapshot;
}

static void json_has_the_times_of_the_wall(void)
{
  struct board_snapshot *snapshot = snapshot_make();
  struct buffer buffer;
  buffer_init(&buffer, 4096);
  supervision_json(snapshot, &buffer);
  UNIT_TEXT(buffer.data, buffer.length,
            "{\"pid\": 7, \"heartbeat_at\": \"2025-11-24T15:59:59Z\", "
            "\"lontard\": {\"state\": \"unknown\", \"since\": null, \"restarts\": 0, \"last_restart_at\": null, "
            "\"last_restart\": \"none\", \"next_restart_at\": null, \"escalated_at\": null}, "
            "\"database\": {\"state\": \"ill\", \"since\": \"2025-11-24T15:56:40Z\", \"restarts\": 2, "
            "\"last_restart_at\": \"2025-11-24T15:58:20Z\", \"last_restart\": \"overdue\", "
            "\"next_restart_at\": \"2025-11-24T16:03:20Z\", \"escalated_at\": null}}");
  buffer_clear(&buffer, 0);
  snapshot->layout.supervisor.pid = 0;
  supervision_json(snapshot, &buffer);
  UNIT_TEXT(buffer.data, buffer.length, "null");
  buffer_free(&buffer);
  free(snapshot);
}

static void the_table_has_ages(void)
{
  struct board_snapshot *snapshot = snapshot_make();
  struct buffer buffer;
  buffer_init(&buffer, 4096);
  supervision_table(&snapshot->layout.supervisor, AT(1000), &buffer);
  UNIT_TEXT(buffer.data, buffer.length,
            "SUPERVISED STATE         SINCE RESTARTS     LAST   RESULT     NEXT\n"
            "lontard    unknown           -        0        -     none        -\n"
            "PostgreSQL ill            200s        2     100s  overdue     200s\n");
  buffer_free(&buffer);
  free(snapshot);
}

static void metrics_count_restarts(void)
{
  struct board_snapshot *snapshot = snapshot_make();
  struct buffer buffer;
  buffer_init(&buffer, 4096);
  supervision_metrics(snapshot, &buffer);
  buffer_append(&buffer, "", 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, "\nlontar_supervise_restarts{of=\"database\"} 2\n"));
  CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, "\nlontar_supervise_escalated{of=\"lontard\"} 0\n"));
  buffer_free(&buffer);
  free(snapshot);
}

UNIT_CASES(supervision, UNIT_CASE(each_state_has_its_sentence), UNIT_CASE(both_and_silence_are_told),
           UNIT_CASE(one_that_is_silent_promises_nothing), UNIT_CASE(json_has_the_times_of_the_wall),
           UNIT_CASE(the_table_has_ages), UNIT_CASE(metrics_count_restarts));
