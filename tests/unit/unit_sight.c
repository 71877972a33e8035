/* Tests of supervise/sight: who is ill, by the board and by status.json. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/health.h"
#include "health/owner.h"
#include "health/publish.h"
#include "health/render.h"
#include "supervise/sight.h"
#include "unit.h"

#define NOW (1000 * CLOCK_SECOND)

/* Two workers, all well. */
static struct board_snapshot *snapshot_make(void)
{
  struct board_snapshot *snapshot = calloc(1, sizeof *snapshot);
  CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot);
  snapshot->taken = 1764000000 * CLOCK_SECOND;
  snapshot->taken_steady = NOW;
  snapshot->layout.head.heartbeat = NOW;
  snapshot->layout.head.master_pid = 4711;
  clock_boot_id(snapshot->layout.head.boot_id);
  snapshot->layout.head.workers = 2;
  snapshot->layout.prober = (struct board_prober){.pid = 3, .heartbeat = NOW, .database = BOARD_DATABASE_UP};
  for (int i = 0; i < 2; i++)
    snapshot->layout.slots[i] =
        (struct board_slot){.pid = (uint64_t)(i + 1), .heartbeat = NOW, .database = BOARD_DATABASE_UP};
  return snapshot;
}

static void set_database(struct board_snapshot *snapshot, enum board_database database)
{
  for (int i = 0; i < 2; i++)
    snapshot->layout.slots[i].database = database;
  snapshot->layout.prober.database = database;
}

static void set_heartbeats(struct board_snapshot *snapshot, int64_t heartbeat)
{
  for (int i = 0; i < 2; i++)
    snapshot->layout.slots[i].heartbeat = (uint64_t)heartbeat;
}

static void expect(const struct board_snapshot *snapshot, enum board_condition lontard, enum board_condition database)
{
  enum board_condition wards[BOARD_WARDS];
  sight_of_board(snapshot, true, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], lontard);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_DATABASE], database);
}

/* The conditions after `later` microseconds, by the document that lontard itself would write of the snapshot. */
static void expect_status(const struct board_snapshot *snapshot, int64_t later, enum board_condition lontard,
                          enum board_condition database)
{
  enum board_condition wards[BOARD_WARDS];
  int64_t master = 0;
  struct buffer text;
  buffer_init(&text, 1 << 20);
  render_status(snapshot, &text);
  buffer_append(&text, "", 1);
  CU_ASSERT_TRUE(sight_of_status(text.data, snapshot->taken + later, wards, &master));
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], lontard);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_DATABASE], database);
  CU_ASSERT_EQUAL(master, 4711);
  buffer_free(&text);
}

static void the_database_is_what_a_well_lontard_says(void)
{
  struct board_snapshot *snapshot = snapshot_make();
  expect(snapshot, BOARD_CONDITION_WELL, BOARD_CONDITION_WELL);
  set_database(snapshot, BOARD_DATABASE_DOWN);
  expect(snapshot, BOARD_CONDITION_WELL, BOARD_CONDITION_ILL);
  set_database(snapshot, BOARD_DATABASE_UNKNOWN);
  expect(snapshot, BOARD_CONDITION_WELL, BOARD_CONDITION_UNKNOWN);
  free(snapshot);
}

static void only_a_server_that_is_gone_is_ill(void)
{
  struct board_snapshot *snapshot = snapshot_make();
  set_database(snapshot, BOARD_DATABASE_DOWN);
  snapshot->layout.prober.refused = 1;
  expect(snapshot, BOARD_CONDITION_WELL, BOARD_CONDITION_UNKNOWN);
  expect_status(snapshot, 0, BOARD_CONDITION_WELL, BOARD_CONDITION_UNKNOWN);
  snapshot->layout.prober.refused = 0;
  snapshot->layout.prober.database = BOARD_DATABASE_UP; /* the workers miss something else: the schema, say */
  expect(snapshot, BOARD_CONDITION_WELL, BOARD_CONDITION_UNKNOWN);
  free(snapshot);
}

static void a_silent_master_is_ill(void)
{
  struct board_snapshot *snapshot = snapshot_make();
  set_database(snapshot, BOARD_DATABASE_DOWN);
  snapshot->layout.head.heartbeat = NOW - BOARD_HEARTBEAT_LIMIT;
  expect(snapshot, BOARD_CONDITION_WELL, BOARD_CONDITION_ILL);
  snapshot->layout.head.heartbeat--;
  expect(snapshot, BOARD_CONDITION_ILL, BOARD_CONDITION_UNKNOWN);
  free(snapshot);
}

static void all_workers_silent_are_ill_one_is_not(void)
{
  struct board_snapshot *snapshot = snapshot_make();
  snapshot->layout.slots[0].heartbeat = 1;
  expect(snapshot, BOARD_CONDITION_WELL, BOARD_CONDITION_WELL);
  set_heartbeats(snapshot, 1);
  expect(snapshot, BOARD_CONDITION_ILL, BOARD_CONDITION_UNKNOWN);
  free(snapshot);
}

static void of_a_lontard_that_is_gone_nothing_is_known(void)
{
  enum board_condition wards[BOARD_WARDS];
  struct board_snapshot *snapshot = snapshot_make();
  snapshot->layout.head.heartbeat = 1;
  sight_of_board(snapshot, false, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], BOARD_CONDITION_UNKNOWN);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_DATABASE], BOARD_CONDITION_UNKNOWN);
  free(snapshot);
}

static void status_says_the_same_until_it_expires(void)
{
  struct board_snapshot *snapshot = snapshot_make();
  expect_status(snapshot, RENDER_STATUS_LIFE - CLOCK_SECOND, BOARD_CONDITION_WELL, BOARD_CONDITION_WELL);
  expect_status(snapshot, RENDER_STATUS_LIFE + CLOCK_SECOND, BOARD_CONDITION_ILL, BOARD_CONDITION_UNKNOWN);
  set_database(snapshot, BOARD_DATABASE_DOWN);
  expect_status(snapshot, 0, BOARD_CONDITION_WELL, BOARD_CONDITION_ILL);
  set_heartbeats(snapshot, 1);
  expect_status(snapshot, 0, BOARD_CONDITION_ILL, BOARD_CONDITION_UNKNOWN);
  free(snapshot);
}

static void what_is_no_status_says_nothing(void)
{
  static const char *const texts[] = {
      "", "{", "[]", "{}", "3", "{\"expires_at\": 3}", "{\"expires_at\": \"2026-01-01T00:00:00Z\"}"};
  enum board_condition wards[BOARD_WARDS];
  int64_t master;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    CU_ASSERT_FALSE(sight_of_status(texts[i], 0, wards, &master));
}

static void write_status(const char *path, const struct board_snapshot *snapshot)
{
  struct buffer text;
  buffer_init(&text, 1 << 20);
  render_status(snapshot, &text);
  FILE *file = fopen(path, "we");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT_EQUAL(fwrite(text.data, 1, text.length, file), text.length);
  (void)fclose(file);
  buffer_free(&text);
}

/* As a master does; its number is in the file. */
static int own(const char *path, pid_t pid)
{
  const int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  CU_ASSERT_TRUE_FATAL(descriptor >= 0);
  CU_ASSERT_EQUAL(owner_lock(descriptor), 0);
  CU_ASSERT_TRUE(dprintf(descriptor, "%d\n", (int)pid) > 0);
  return descriptor;
}

/* By the files: no files, status.json alone, a board. */
static void files_are_looked_at(void)
{
  char folder[] = "/tmp/unit-sight-XXXXXX", path[64], status[64], pid_file[64], message[MESSAGE_SIZE];
  enum board_condition wards[BOARD_WARDS];
  struct board *board;
  struct board_snapshot *snapshot = snapshot_make();
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/" BOARD_FILE, folder);
  (void)snprintf(status, sizeof status, "%s/" PUBLISH_FILE, folder);
  (void)snprintf(pid_file, sizeof pid_file, "%s/" OWNER_FILE, folder);
  sight_look(folder, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], BOARD_CONDITION_UNKNOWN);
  snapshot->layout.head.master_pid = (uint64_t)getpid();
  write_status(status, snapshot); /* expired since 2025 */
  sight_look(folder, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], BOARD_CONDITION_UNKNOWN); /* nobody has the folder */
  const int lock = own(pid_file, getpid() + 1);
  sight_look(folder, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], BOARD_CONDITION_UNKNOWN); /* another has */
  (void)close(lock);
  const int own_lock = own(pid_file, getpid());
  snapshot->layout.head.boot_id[0] ^= 1;
  write_status(status, snapshot);
  sight_look(folder, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], BOARD_CONDITION_UNKNOWN); /* of an earlier start of the machine */
  snapshot->layout.head.boot_id[0] ^= 1;
  write_status(status, snapshot);
  sight_look(folder, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], BOARD_CONDITION_ILL);
  CU_ASSERT_EQUAL_FATAL(board_create(path, 1, &board, message, sizeof message), 0);
  board_worker_begin(board_slot(board, 0), 1);
  sight_look(folder, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], BOARD_CONDITION_WELL);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_DATABASE], BOARD_CONDITION_UNKNOWN);
  (void)close(own_lock);
  sight_look(folder, wards);
  CU_ASSERT_EQUAL(wards[BOARD_WARD_LONTARD], BOARD_CONDITION_UNKNOWN);
  board_close(board);
  free(snapshot);
  CU_ASSERT_EQUAL(unlink(pid_file), 0);
  CU_ASSERT_EQUAL(unlink(path) + unlink(status) + rmdir(folder), 0);
}

UNIT_CASES(sight, UNIT_CASE(the_database_is_what_a_well_lontard_says), UNIT_CASE(only_a_server_that_is_gone_is_ill),
           UNIT_CASE(a_silent_master_is_ill), UNIT_CASE(all_workers_silent_are_ill_one_is_not),
           UNIT_CASE(of_a_lontard_that_is_gone_nothing_is_known), UNIT_CASE(status_says_the_same_until_it_expires),
           UNIT_CASE(what_is_no_status_says_nothing), UNIT_CASE(files_are_looked_at));
