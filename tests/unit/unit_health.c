/* Tests of health/health: a warning that no state of the database explains. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/health.h"
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

static void another_encoding_is_a_warning(void)
{
  char encoding[BOARD_ENCODING_SIZE];
  struct board_snapshot *snapshot = aligned_alloc(64, (sizeof *snapshot + 63) / 64 * 64);
  CU_ASSERT_PTR_NOT_NULL_FATAL(snapshot);
  memset(snapshot, 0, sizeof *snapshot);
  struct board_prober *prober = &snapshot->layout.prober;
  snapshot->taken_steady = clock_steady();
  snapshot->layout.head.workers = 1;
  snapshot->layout.head.heartbeat = (uint64_t)snapshot->taken_steady;
  board_worker_begin(&snapshot->layout.slots[0], 100);
  board_worker_database(&snapshot->layout.slots[0], BOARD_DATABASE_UP);
  expect(snapshot, HEALTH_PASS, "All is well: 1 workers, the database answers.");
  board_prober_begin(prober, 99);
  board_prober_encoding(prober, "SQL_ASCII");
  board_prober_database(prober, BOARD_DATABASE_UP, "");
  expect(snapshot, HEALTH_WARN,
         "All is well: 1 workers, the database answers. The encoding of the database is SQL_ASCII and must be UTF8: "
         "lontarctl check says what to do.");
  board_prober_encoding(prober, "A_NAME_OF_MORE_THAN_THIRTY_TWO_LETTERS");
  CU_ASSERT_STRING_EQUAL(board_encoding(prober, encoding), "A_NAME_OF_MORE_THAN_THIRTY_TWO_L");
  board_prober_begin(prober, 100);
  expect(snapshot, HEALTH_PASS, "All is well: 1 workers, the database answers.");
  free(snapshot);
}

UNIT_CASES(health, UNIT_CASE(another_encoding_is_a_warning));
