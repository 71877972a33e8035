/* The table of errors and the words of log levels. */
#include "base/error.h"
#include "unit.h"

static void rows_are_what_the_table_says(void)
{
  CU_ASSERT_STRING_EQUAL(lontar_error_code(LONTAR_NOT_FOUND), "not_found");
  CU_ASSERT_EQUAL(lontar_error_http_status(LONTAR_OK), 200);
  CU_ASSERT_EQUAL(lontar_error_http_status(LONTAR_UNAVAILABLE), 503);
  CU_ASSERT_STRING_EQUAL(lontar_error_text(LONTAR_UNAVAILABLE), "Database temporarily unavailable");
  CU_ASSERT_EQUAL(error_log_level(LONTAR_BUSY), LOG_LEVEL_WARNING);
}

static void every_error_has_a_row(void)
{
  for (int error = LONTAR_OK; error <= LONTAR_MISUSE; error++) {
    CU_ASSERT_PTR_NOT_NULL_FATAL(lontar_error_code((enum lontar_error)error));
    CU_ASSERT(lontar_error_http_status((enum lontar_error)error) >= 200);
    CU_ASSERT(strlen(lontar_error_text((enum lontar_error)error)) > 0);
  }
}

static void unknown_number_is_internal(void)
{
  CU_ASSERT_STRING_EQUAL(lontar_error_code((enum lontar_error)999), "internal");
  CU_ASSERT_STRING_EQUAL(lontar_error_code((enum lontar_error) - 1), "internal");
}

static void levels_have_names(void)
{
  static const char *const names[] = {"error", "warning", "info", "debug"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    enum log_level level;
    CU_ASSERT_TRUE_FATAL(log_level_parse(names[i], &level));
    CU_ASSERT_STRING_EQUAL(log_level_name(level), names[i]);
  }
  enum log_level untouched = LOG_LEVEL_INFO;
  CU_ASSERT_FALSE(log_level_parse("Info", &untouched));
  CU_ASSERT_EQUAL(untouched, LOG_LEVEL_INFO);
}

UNIT_CASES(error, UNIT_CASE(rows_are_what_the_table_says), UNIT_CASE(every_error_has_a_row),
           UNIT_CASE(unknown_number_is_internal), UNIT_CASE(levels_have_names));
