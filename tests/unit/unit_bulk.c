/* How large libpq's buffers may have become. */
#include "base/cleanup.h"
#include "pool/bulk.h"
#include "unit.h"

enum { LONG = 1000000 };

static char text[LONG];

static void clear_result(PGresult **result)
{
  PQclear(*result);
}

static PGresult *make_rows(int count, int length)
{
  PGresAttDesc column = {.name = text, .format = 1};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  CU_ASSERT_PTR_NOT_NULL_FATAL(result);
  CU_ASSERT_TRUE_FATAL(PQsetResultAttrs(result, 1, &column));
  for (int row = 0; row < count; row++)
    CU_ASSERT_TRUE_FATAL(PQsetvalue(result, row, 0, text, length));
  return result;
}

static void rows_count_one_by_one(void)
{
  struct bulk bulk = {0};
  CLEANUP(clear_result) PGresult *many = make_rows(1000, 1000);
  CLEANUP(clear_result) PGresult *large = make_rows(3, LONG);
  bulk_note_rows(&bulk, many);
  CU_ASSERT_EQUAL(bulk.largest, 0);
  bulk_note_rows(&bulk, large);
  CU_ASSERT_EQUAL(bulk.largest, LONG);
  bulk_note_rows(&bulk, many);
  CU_ASSERT_EQUAL(bulk.largest, LONG);
}

static void statements_count_until_they_are_written(void)
{
  struct bulk bulk = {0};
  const struct statement_parameters parameters = {.count = 2, .lengths = {100000, 8}};
  for (int i = 0; i < 5; i++) {
    bulk_note_statement(&bulk, &parameters);
    bulk_note_written(&bulk);
  }
  CU_ASSERT_EQUAL(bulk.largest, 0);
  for (int i = 0; i < 5; i++)
    bulk_note_statement(&bulk, &parameters);
  CU_ASSERT_EQUAL(bulk.largest, 500040);
}

UNIT_CASES(bulk, UNIT_CASE(rows_count_one_by_one), UNIT_CASE(statements_count_until_they_are_written));
