/* Error documents. */
#include "base/cleanup.h"
#include "json/problem.h"
#include "unit.h"

static void writes_the_whole_document(void)
{
  CLEANUP(buffer_free) struct buffer buffer;
  struct problems problems = {.count = 0};
  buffer_init(&buffer, 4096);
  problems_add(&problems, "role", 4, "is required");
  problems_add(&problems, "a\"b", 3, "is not known here");
  problem_write(&buffer, LONTAR_INVALID, "Two things", "r-1", &problems);
  UNIT_TEXT(buffer.data, buffer.length,
            "{\"type\":\"about:blank\",\"title\":\"A value is not valid\",\"status\":422,\"code\":\"invalid\","
            "\"detail\":\"Two things\",\"request_id\":\"r-1\",\"errors\":["
            "{\"field\":\"role\",\"message\":\"is required\"},"
            "{\"field\":\"a\\\"b\",\"message\":\"is not known here\"}]}");
}

static void leaves_out_what_there_is_not(void)
{
  CLEANUP(buffer_free) struct buffer buffer;
  struct problems none = {.count = 0};
  buffer_init(&buffer, 4096);
  problem_write(&buffer, LONTAR_NOT_FOUND, NULL, NULL, &none);
  UNIT_TEXT(buffer.data, buffer.length,
            "{\"type\":\"about:blank\",\"title\":\"There is no such record\",\"status\":404,\"code\":\"not_found\"}");
}

static void a_kept_one_says_how_long_it_is_good(void)
{
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 4096);
  problem_write_kept(&buffer, LONTAR_UNAVAILABLE, "2026-01-02T03:04:05Z");
  UNIT_TEXT(buffer.data, buffer.length,
            "{\"type\":\"about:blank\",\"title\":\"Database temporarily unavailable\",\"status\":503,"
            "\"code\":\"unavailable\",\"expires_at\":\"2026-01-02T03:04:05Z\"}");
}

static void keeps_a_bounded_number_of_bounded_problems(void)
{
  struct problems problems = {.count = 0};
  char name[80];
  memset(name, 'x', sizeof name);
  memcpy(name + 62, "\xC3\xA9", 2); /* the 63 bytes there is room for end within this character */
  for (int i = 0; i < PROBLEMS_MAX + 5; i++)
    problems_add(&problems, name, sizeof name, "wrong");
  CU_ASSERT_EQUAL(problems.count, PROBLEMS_MAX);
  CU_ASSERT_EQUAL(strlen(problems.of[0].field), 62);
}

UNIT_CASES(problem, UNIT_CASE(writes_the_whole_document), UNIT_CASE(leaves_out_what_there_is_not),
           UNIT_CASE(a_kept_one_says_how_long_it_is_good), UNIT_CASE(keeps_a_bounded_number_of_bounded_problems));
