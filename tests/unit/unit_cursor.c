/* Cursors. */
#include "repo/cursor.h"
#include "repo/fields.h"
#include "unit.h"

/* The first moment that PostgreSQL holds, and the first that it does not, in microseconds from 2000. */
#define TIME_LEAST INT64_C(-211813488000000000)
#define TIME_END INT64_C(9223371331200000000)

static void reads_what_it_wrote(void)
{
  static const struct {
    int64_t time;
    int64_t id;
    const char *text;
  } cases[] = {
      {-FIELD_TIME_EPOCH, 0, "0_0"},
      {0, 0, "946684800000000_0"},
      {820638245000006, 42, "1767323045000006_42"},
      {-FIELD_TIME_EPOCH - 5, 1, "-5_1"},
      {INT64_MIN, 7, "-inf_7"},
      {INT64_MIN, INT64_MIN, "-inf_-9223372036854775808"},
      {TIME_LEAST, -1, "-210866803200000000_-1"},
      {TIME_END - 1, 0, "9224318015999999999_0"},
      {INT64_MAX - FIELD_TIME_EPOCH, 5, "9223372036854775807_5"},
      {INT64_MAX - FIELD_TIME_EPOCH + 1, 5, "9223372036854775808_5"},
      {INT64_MAX, INT64_MAX, "inf_9223372036854775807"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[CURSOR_SIZE];
    int64_t time = 1;
    int64_t id = 1;
    size_t length = cursor_format(text, true, cases[i].time, cases[i].id);
    UNIT_TEXT(text, length, cases[i].text);
    CU_ASSERT_TRUE(cursor_parse(text, length, true, &time, &id));
    CU_ASSERT_EQUAL(time, cases[i].time);
    CU_ASSERT_EQUAL(id, cases[i].id);
  }
}

static void a_cursor_by_id_has_no_time(void)
{
  char text[CURSOR_SIZE];
  int64_t id = 0;
  int64_t time = 0;
  UNIT_TEXT(text, cursor_format(text, false, 99, 12), "12");
  CU_ASSERT_TRUE(cursor_parse("12", 2, false, NULL, &id));
  CU_ASSERT_EQUAL(id, 12);
  CU_ASSERT_TRUE(cursor_parse("-12", 3, false, NULL, &id));
  CU_ASSERT_EQUAL(id, -12);
  CU_ASSERT_FALSE(cursor_parse("12", 2, true, &time, &id));
  CU_ASSERT_FALSE(cursor_parse("5_12", 4, false, NULL, &id));
}

static void lists_begin_before_everything(void)
{
  int64_t time;
  int64_t id;
  cursor_begin(true, &time, &id);
  CU_ASSERT_EQUAL(time, INT64_MAX);
  CU_ASSERT_EQUAL(id, INT64_MAX);
  cursor_begin(false, &time, &id);
  CU_ASSERT_EQUAL(id, INT64_MIN);
}

/* Each moment keeps its own text, also where a double would round: next to every power of two from the first to the
 * last. */
static void neighbours_differ(void)
{
  for (int bit = 0; bit < 63; bit++) {
    for (int64_t off = -1; off <= 1; off++) {
      char text[CURSOR_SIZE];
      int64_t time = (INT64_C(1) << bit) + off;
      int64_t read;
      int64_t id;
      size_t length = cursor_format(text, true, time, 1);
      CU_ASSERT_EQUAL(cursor_parse(text, length, true, &read, &id), time < TIME_END);
      CU_ASSERT_EQUAL(read, time);
      time = -time;
      length = cursor_format(text, true, time, 1);
      if (cursor_parse(text, length, true, &read, &id))
        CU_ASSERT_EQUAL(read, time);
    }
  }
}

static void refuses_anything_else(void)
{
  static const char *const wrong[] = {"",
                                      "_",
                                      "1_",
                                      "_1",
                                      "1_--1",
                                      "--1_1",
                                      "-_1",
                                      "1_2_3",
                                      "a_1",
                                      "1_a",
                                      "-Inf_1",
                                      "infinity_1",
                                      "1_ 2",
                                      "+1_2",
                                      "1-2",
                                      "-210866803200000001_1",
                                      "9224318016000000000_1",
                                      "18446744073709551616_1",
                                      "1_9223372036854775808"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int64_t time = 3;
    int64_t id = 4;
    CU_ASSERT_FALSE(cursor_parse(wrong[i], strlen(wrong[i]), true, &time, &id));
    CU_ASSERT_EQUAL(time, 3);
    CU_ASSERT_EQUAL(id, 4);
  }
}

UNIT_CASES(cursor, UNIT_CASE(reads_what_it_wrote), UNIT_CASE(a_cursor_by_id_has_no_time),
           UNIT_CASE(lists_begin_before_everything), UNIT_CASE(neighbours_differ), UNIT_CASE(refuses_anything_else));
