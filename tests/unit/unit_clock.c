/* Time stamps and the steady clock. */
#include <time.h>

#include "base/clock.h"
#include "unit.h"

#define YEAR_1900 INT64_C(-2208988800)
#define YEAR_2200 INT64_C(7258118400)

static void writes_rfc3339(void)
{
  static const struct {
    int64_t wall;
    const char *text;
  } cases[] = {
      {0, "1970-01-01T00:00:00Z"},
      {-1, "1969-12-31T23:59:59.999999Z"},
      {1767323045000006, "2026-01-02T03:04:05.000006Z"},
      {951782400000000, "2000-02-29T00:00:00Z"},
      {4107542400000000, "2100-03-01T00:00:00Z"},
      {-62135596800000000, "0001-01-01T00:00:00Z"},
      {253402300799999999, "9999-12-31T23:59:59.999999Z"},
      {-62135596800000001, ""},
      {253402300800000000, ""},
      {INT64_MIN, ""},
      {INT64_MAX, ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[CLOCK_RFC3339_SIZE];
    UNIT_TEXT(text, clock_rfc3339(cases[i].wall, text), cases[i].text);
  }
}

static void agrees_with_the_calendar_of_libc(void)
{
  for (int64_t second = YEAR_1900; second < YEAR_2200; second += 86400 * 13 + 4711) {
    time_t time = (time_t)second;
    struct tm parts;
    char expected[64];
    char text[CLOCK_RFC3339_SIZE];
    (void)strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&time, &parts));
    UNIT_TEXT(text, clock_rfc3339(second * CLOCK_SECOND, text), expected);
  }
}

static void steady_clock_does_not_go_back(void)
{
  int64_t before = clock_steady();
  CU_ASSERT(clock_steady() >= before);
  CU_ASSERT(clock_wall() > INT64_C(1700000000) * CLOCK_SECOND);
}

/* Also those of a damaged file, which may be any number. */
static void stamps_that_are_old_or_of_the_future_are_not_fresh(void)
{
  static const struct {
    uint64_t stamp;
    bool fresh;
  } cases[] = {{1000, true},        {900, true},        {899, false},
               {1100, true},        {1101, false},      {0, false},
               {UINT64_MAX, false}, {INT64_MAX, false}, {(uint64_t)INT64_MIN, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CU_ASSERT_EQUAL(clock_is_fresh(cases[i].stamp, 1000, 100), cases[i].fresh);
}

UNIT_CASES(clock, UNIT_CASE(stamps_that_are_old_or_of_the_future_are_not_fresh), UNIT_CASE(writes_rfc3339),
           UNIT_CASE(agrees_with_the_calendar_of_libc), UNIT_CASE(steady_clock_does_not_go_back));
