/* Tests of health/health and health/complaint: warnings that no state of the database explains. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/complaint.h"
#include "health/health.h"
#include "health/render.h"
#include "unit.h"

static void expect(const struct board_snapshot *snapshot, enum health health, const char *sentence)
{
  struct buffer buffer;
  buffer_init(&buffer, 1024);
  health_sentence(snapshot, &buffer);
  CU_ASSERT_EQUAL(health_state(snapshot), health);
  UNIT_TEXT(buffer.data, buffer.length, sentence);
  buffer_free(&buffer);
}

/* So many workers, and all is well. The caller frees it. */
static struct board_snapshot *make(uint64_t workers)
{
  struct board_snapshot *snapshot = aligned_alloc(64, (sizeof *snapshot + 63) / 64 * 64);
  CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot);
  memset(snapshot, 0, sizeof *snapshot);
  snapshot->taken_steady = clock_steady();
  snapshot->layout.head.workers = workers;
  snapshot->layout.head.heartbeat = (uint64_t)snapshot->taken_steady;
  for (uint64_t i = 0; i < workers; i++) {
    board_worker_begin(&snapshot->layout.slots[i], 100 + i);
    board_worker_database(&snapshot->layout.slots[i], BOARD_DATABASE_UP);
  }
  return snapshot;
}

static void another_encoding_is_a_warning(void)
{
  char encoding[64];
  struct board_snapshot *snapshot = make(1);
  struct board_prober *prober = &snapshot->layout.prober;
  expect(snapshot, HEALTH_PASS, "All is well: 1 workers, the database answers.");
  board_prober_begin(prober, 99);
  board_prober_encoding(prober, "SQL_ASCII");
  board_prober_database(prober, BOARD_DATABASE_UP, "");
  expect(snapshot, HEALTH_WARN,
         "The database answers, but not all is well. The encoding of the database is SQL_ASCII and must be UTF8: "
         "lontarctl check says what to do.");
  board_prober_encoding(prober, "A_NAME_OF_MORE_THAN_THIRTY_TWO_LETTERS");
  (void)snprintf(encoding, sizeof encoding, "%.*s", BOARD_TEXT(prober->encoding));
  CU_ASSERT_STRING_EQUAL(encoding, "A_NAME_OF_MORE_THAN_THIRTY_TWO_L");
  board_prober_begin(prober, 100);
  expect(snapshot, HEALTH_PASS, "All is well: 1 workers, the database answers.");
  free(snapshot);
}

#define WELL "All is well: 2 workers, the database answers."
#define NOT_WELL "The database answers, but not all is well. "

static void check_letters(const char *text)
{
  for (; *text != '\0'; text++)
    CU_ASSERT_TRUE(*text >= ' ' && *text <= '~' && *text != '"' && *text != '\\');
}

/* Each kind is a warning with one sentence and a name, which goes with its worker. */
static void what_a_worker_meets_is_a_warning(void)
{
  struct board_snapshot *snapshot = make(2);
  struct board_slot *slot = &snapshot->layout.slots[1];
  for (int i = TROUBLE_NONE + 1; i < TROUBLE_KINDS; i++) {
    struct buffer buffer;
    buffer_init(&buffer, 1024);
    if (i == TROUBLE_STANDBY)
      continue;
    board_set(&slot->troubles[i], 5);
    CU_ASSERT_EQUAL(health_state(snapshot), HEALTH_WARN);
    health_sentence(snapshot, &buffer);
    buffer_append(&buffer, "", 1);
    CU_ASSERT_TRUE(strncmp(buffer.data, NOT_WELL, strlen(NOT_WELL)) == 0 && strlen(buffer.data) > 60);
    check_letters(buffer.data);
    CU_ASSERT_TRUE(*complaint_name((enum trouble)i) != '\0');
    CU_ASSERT_EQUAL(complaint_since(snapshot, (enum trouble)i), 5);
    const uint64_t heartbeat = slot->heartbeat;
    board_set(&slot->heartbeat, 1);
    CU_ASSERT_FALSE(complaint_any(snapshot));
    board_set(&slot->heartbeat, heartbeat);
    board_set(&slot->troubles[i], 0);
    expect(snapshot, HEALTH_PASS, WELL);
    buffer_free(&buffer);
  }
  free(snapshot);
}

static void troubles_are_told_together(void)
{
  struct board_snapshot *snapshot = make(2);
  board_set(&snapshot->layout.slots[0].troubles[TROUBLE_DISK], 7);
  board_set(&snapshot->layout.slots[1].troubles[TROUBLE_DISK], 6);
  board_set(&snapshot->layout.slots[1].troubles[TROUBLE_READ_ONLY], 8);
  expect(snapshot, HEALTH_WARN,
         NOT_WELL "The database server takes no writes: it is a standby or was made read-only. The disk of the "
                  "database server is full: make room there.");
  CU_ASSERT_EQUAL(complaint_since(snapshot, TROUBLE_DISK), 6);
  board_worker_died(&snapshot->layout.slots[1], 101);
  CU_ASSERT_EQUAL(complaint_since(snapshot, TROUBLE_READ_ONLY), 0);
  CU_ASSERT_EQUAL(complaint_since(snapshot, TROUBLE_DISK), 7);
  free(snapshot);
}

static void rights_are_named_by_the_prober(void)
{
  struct board_snapshot *snapshot = make(2);
  struct board_prober *prober = &snapshot->layout.prober;
  board_prober_begin(prober, 99);
  board_prober_database(prober, BOARD_DATABASE_UP, "");
  board_prober_lack(prober, "INSERT on sessions", 1);
  expect(snapshot, HEALTH_WARN,
         NOT_WELL "lontard's role in the database lacks the right to INSERT on sessions: run lontarctl migrate --grant "
                  "with that role.");
  board_prober_lack(prober, "INSERT on sessions", 20);
  board_set(&snapshot->layout.slots[0].troubles[TROUBLE_RIGHTS], 5);
  expect(snapshot, HEALTH_WARN,
         NOT_WELL "lontard's role in the database lacks the right to INSERT on sessions, and 19 more: run lontarctl "
                  "migrate --grant with that role.");
  board_prober_lack(prober, "", 0);
  board_set(&snapshot->layout.slots[0].troubles[TROUBLE_RIGHTS], 0);
  expect(snapshot, HEALTH_PASS, WELL);
  free(snapshot);
}

/* Each wait is ended with its session, so that a look may find none although writes wait. */
static void a_standby_is_what_writes_wait_for(void)
{
  struct board_snapshot *snapshot = make(2);
  struct board_prober *prober = &snapshot->layout.prober;
  const int64_t now = snapshot->taken_steady;
  board_prober_begin(prober, 99);
  board_prober_database(prober, BOARD_DATABASE_UP, "");
  board_prober_census(prober, now, 0, 1);
  CU_ASSERT_TRUE(complaint_has(snapshot, TROUBLE_STANDBY));
  board_prober_census(prober, now, 0, 0);
  expect(snapshot, HEALTH_PASS, WELL);
  board_set(&snapshot->layout.slots[0].troubles[TROUBLE_WAITS], 5);
  expect(snapshot, HEALTH_WARN,
         NOT_WELL "Writes wait for a synchronous standby that does not follow: start it, or take it out of "
                  "synchronous_standby_names.");
  board_set(&prober->standby_seen, (uint64_t)(now - TROUBLE_LIFE - 1));
  expect(snapshot, HEALTH_WARN, NOT_WELL "Requests wait too long for the database: it is overloaded, or stands still.");
  free(snapshot);
}

static void where_all_fail_what_is_missing_is_said(void)
{
  struct board_snapshot *snapshot = make(1);
  board_prober_begin(&snapshot->layout.prober, 99);
  board_prober_database(&snapshot->layout.prober, BOARD_DATABASE_UP, "");
  board_worker_database(&snapshot->layout.slots[0], BOARD_DATABASE_DOWN);
  board_set(&snapshot->layout.slots[0].troubles[TROUBLE_SCHEMA], 5);
  snapshot->taken = clock_wall();
  expect(snapshot, HEALTH_FAIL,
         "The database has been unavailable for 0 seconds: PostgreSQL runs. A table, column or function that lontard "
         "needs is missing: run lontarctl migrate.");
  free(snapshot);
}

static void documents_name_the_troubles_and_the_server(void)
{
  struct board_snapshot *snapshot = make(2);
  struct board_prober *prober = &snapshot->layout.prober;
  struct buffer buffer;
  buffer_init(&buffer, 1 << 20);
  board_prober_begin(prober, 99);
  board_prober_database(prober, BOARD_DATABASE_UP, "");
  board_prober_server(prober, "db1.school.example\"\\", "5432");
  board_set(&snapshot->layout.slots[0].troubles[TROUBLE_DISK], (uint64_t)snapshot->taken_steady);
  board_set(&snapshot->layout.slots[0].descriptors, 33);
  render_metrics(snapshot, &buffer);
  render_status(snapshot, &buffer);
  health_prober_sentence(snapshot, &buffer);
  buffer_append(&buffer, "", 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, "\nlontar_trouble{of=\"disk_full\"} 1\n"));
  CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, "\nlontar_trouble{of=\"read_only\"} 0\n"));
  CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, "\nlontar_descriptors{worker=\"0\"} 33\n"));
  CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, "\"troubles\": {\"disk_full\": "));
  CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, "\"server\": \"db1.school.example??:5432\""));
  CU_ASSERT_PTR_NOT_NULL(strstr(buffer.data, "has had the database at db1.school.example??:5432 for "));
  buffer_free(&buffer);
  free(snapshot);
}

UNIT_CASES(health, UNIT_CASE(another_encoding_is_a_warning), UNIT_CASE(what_a_worker_meets_is_a_warning),
           UNIT_CASE(troubles_are_told_together), UNIT_CASE(rights_are_named_by_the_prober),
           UNIT_CASE(a_standby_is_what_writes_wait_for), UNIT_CASE(where_all_fail_what_is_missing_is_said),
           UNIT_CASE(documents_name_the_troubles_and_the_server));
