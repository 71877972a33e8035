/* The steps of deletions, by scripted results. */
#include <endian.h>

#include "base/cleanup.h"
#include "operation/operation.h"
#include "unit.h"

static struct operation operation;
static struct values *const values = &operation.values;

static void clear_result(PGresult **result)
{
  PQclear(*result);
}

static void begin(enum operation_number number)
{
  operation = (struct operation){.row = &operation_rows[number], .until = INT64_MAX};
  value_set_integer(&values->of[FIELD_id], 7);
  value_set_integer(&values->of[FIELD_user_id], 7);
  operation_begin(&operation);
}

/* The wanted statement's row; a column that `row` does not hold is NULL. Without one, none. */
static void tell(const struct values *row)
{
  PGresAttDesc attributes[STATEMENT_FIELDS_MAX];
  const enum field *columns = statement_rows[operation.statement].columns;
  const int width = statement_field_count(columns);
  CLEANUP(clear_result) PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  for (int i = 0; i < width; i++)
    attributes[i] = (PGresAttDesc){.name = (char *)(uintptr_t)field_rows[columns[i]].name, .format = 1};
  CU_ASSERT_FATAL(result != NULL && PQsetResultAttrs(result, width, attributes) != 0);
  for (int i = 0; row != NULL && i < width; i++) {
    const struct value *value = &row->of[columns[i]];
    const bool text = field_rows[columns[i]].type == FIELD_TEXT;
    uint64_t number = htobe64((uint64_t)value->integer);
    char *data = text ? (char *)(uintptr_t)value->text : (char *)&number;
    const int length = text ? (int)value->length : (int)sizeof number;
    CU_ASSERT_FATAL(PQsetvalue(result, 0, i, value->state == VALUE_SET ? data : NULL,
                               value->state == VALUE_SET ? length : -1) != 0);
  }
  CU_ASSERT_EQUAL_FATAL(operation.want, WANT_ROWS);
  operation_told_rows(&operation, LONTAR_OK, result, 0);
}

/* The row of a part; `id` 0: it was not full. */
static void part(int64_t count, int64_t id)
{
  struct values row = {0};
  value_set_integer(&row.of[FIELD_count], count);
  if (id != 0) {
    value_set_integer(&row.of[FIELD_cursor_id], id);
    value_set_integer(&row.of[FIELD_cursor_time], -id);
  }
  tell(&row);
}

static void check(bool by_parts, const char *referrer)
{
  struct values row = {0};
  value_set_integer(&row.of[FIELD_by_parts], by_parts);
  if (referrer)
    value_set_text(&row.of[FIELD_referrer], referrer, strlen(referrer));
  tell(&row);
}

static void record(void)
{
  struct values row = {0};
  value_set_integer(&row.of[FIELD_id], 7);
  tell(&row);
}

#define GOES_ON(step, next)                                                                                            \
  do {                                                                                                                 \
    step;                                                                                                              \
    CU_ASSERT_EQUAL(operation.want, WANT_ROWS);                                                                        \
    CU_ASSERT_EQUAL(operation.statement, STATEMENT_##next);                                                            \
  } while (0)
#define ENDS(step, how)                                                                                                \
  do {                                                                                                                 \
    step;                                                                                                              \
    CU_ASSERT_EQUAL(operation.want, WANT_NOTHING);                                                                     \
    CU_ASSERT_EQUAL(operation.error, LONTAR_##how);                                                                    \
  } while (0)
#define NOTHING tell(NULL)

static void a_small_record_is_one_statement(void)
{
  begin(OPERATION_user_delete);
  CU_ASSERT_EQUAL(operation.statement, STATEMENT_user_delete);
  ENDS(record(), OK);
  begin(OPERATION_book_delete);
  GOES_ON(NOTHING, book_get);
  ENDS(NOTHING, NOT_FOUND);
}

static void what_is_absent_is_asked_for_once(void)
{
  begin(OPERATION_subject_delete);
  GOES_ON(NOTHING, subject_delete_check);
  ENDS(NOTHING, NOT_FOUND);
}

static void a_large_one_goes_in_parts(void)
{
  begin(OPERATION_user_delete);
  GOES_ON(NOTHING, user_delete_check);
  GOES_ON(check(true, NULL), chat_delete_by_user);
  CU_ASSERT_EQUAL(values->of[FIELD_user_id].integer, 7);
  CU_ASSERT_EQUAL(values->of[FIELD_limit].integer, 1000);
  CU_ASSERT_EQUAL(values->of[FIELD_cursor_time].integer, INT64_MIN);
  GOES_ON(part(1000, 12), chat_delete_by_user);
  CU_ASSERT_EQUAL(values->of[FIELD_cursor_id].integer, 12);
  CU_ASSERT_EQUAL(values->of[FIELD_cursor_time].integer, -12);
  GOES_ON(part(3, 0), session_delete_all);
  CU_ASSERT_EQUAL(values->of[FIELD_cursor_id].integer, INT64_MIN);
  GOES_ON(part(0, 0), user_delete);
  CU_ASSERT_EQUAL(operation.number, 1003);
  ENDS(record(), OK);
}

static void what_came_meanwhile_goes_too(void)
{
  begin(OPERATION_subject_delete);
  GOES_ON(NOTHING, subject_delete_check);
  GOES_ON(check(true, NULL), chat_leave_subject);
  GOES_ON(part(5, 0), book_delete_by_subject);
  GOES_ON(part(0, 0), subject_delete);
  GOES_ON(NOTHING, subject_delete_check);
  GOES_ON(check(true, NULL), chat_leave_subject);
  GOES_ON(part(1, 0), book_delete_by_subject);
  GOES_ON(part(0, 0), subject_delete);
  GOES_ON(NOTHING, subject_delete_check);
  ENDS(NOTHING, OK); /* by another */
}

static void it_ends_where_nothing_goes(void)
{
  begin(OPERATION_user_delete);
  GOES_ON(NOTHING, user_delete_check);
  GOES_ON(check(true, NULL), chat_delete_by_user);
  GOES_ON(part(0, 9), session_delete_all); /* full, but kept */
  GOES_ON(part(0, 0), user_delete);
  GOES_ON(NOTHING, user_delete_check);
  GOES_ON(check(true, NULL), user_delete_whole);
  GOES_ON(NOTHING, user_delete_check);
  ENDS(check(true, NULL), INTERNAL);
  CU_ASSERT_PTR_NOT_NULL(operation.reason);
}

static void what_may_not_go_loses_nothing(void)
{
  begin(OPERATION_user_delete);
  GOES_ON(NOTHING, user_delete_check);
  ENDS(check(false, "ratings"), REFERENCED);
  CU_ASSERT_PTR_NOT_NULL(strstr(operation.detail, "ratings"));
  begin(OPERATION_user_delete);
  GOES_ON(NOTHING, user_delete_check);
  GOES_ON(check(false, NULL), user_delete_whole);
  CU_ASSERT_EQUAL(operation.number, 0);
}

static void records_without_an_owner_go_until_a_part_is_not_full(void)
{
  static const enum operation_number numbers[] = {OPERATION_chat_delete_old, OPERATION_session_delete_all,
                                                  OPERATION_session_delete_expired};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    begin(numbers[i]);
    CU_ASSERT_EQUAL(operation.statement, operation_rows[numbers[i]].statement);
    part(1000, 1);
    part(1000, 2);
    ENDS(part(0, 0), OK);
    CU_ASSERT_EQUAL(operation.number, 2000);
  }
  begin(OPERATION_session_delete);
  ENDS(part(1, 0), OK);
}

UNIT_CASES(deletion, UNIT_CASE(a_small_record_is_one_statement), UNIT_CASE(what_is_absent_is_asked_for_once),
           UNIT_CASE(a_large_one_goes_in_parts), UNIT_CASE(what_came_meanwhile_goes_too),
           UNIT_CASE(it_ends_where_nothing_goes), UNIT_CASE(what_may_not_go_loses_nothing),
           UNIT_CASE(records_without_an_owner_go_until_a_part_is_not_full));
