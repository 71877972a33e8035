/* Cursors. */
#include "repo/cursor.h"
#include "unit.h"

static void reads_what_it_wrote(void)
{
  static const struct {
    int64_t time;
    int64_t id;
    const char *text;
  } cases[] = {
      {0, 0, "0_0"},
      {1767323045000006, 42, "1767323045000006_42"},
      {-5, 1, "-5_1"},
      {INT64_MIN, 7, "-inf_7"},
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
  CU_ASSERT_FALSE(cursor_parse("12", 2, true, &time, &id));
  CU_ASSERT_FALSE(cursor_parse("5_12", 4, false, NULL, &id));
}

static void refuses_anything_else(void)
{
  static const char *const wrong[] = {"",
                                      "_",
                                      "1_",
                                      "_1",
                                      "1_-1",
                                      "1_2_3",
                                      "a_1",
                                      "1_a",
                                      "-Inf_1",
                                      "infinity_1",
                                      "1_ 2",
                                      "+1_2",
                                      "1-2",
                                      "-210866803200000001_1",
                                      "9223372036854775808_1"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int64_t time = 3;
    int64_t id = 4;
    CU_ASSERT_FALSE(cursor_parse(wrong[i], strlen(wrong[i]), true, &time, &id));
    CU_ASSERT_EQUAL(time, 3);
    CU_ASSERT_EQUAL(id, 4);
  }
}

UNIT_CASES(cursor, UNIT_CASE(reads_what_it_wrote), UNIT_CASE(a_cursor_by_id_has_no_time),
           UNIT_CASE(refuses_anything_else));
