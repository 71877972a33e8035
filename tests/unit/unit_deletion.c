/* The steps of deletions. */
#include "repo/deletion.h"
#include "unit.h"

static struct deletion deletion;
static struct values values;

static void begin(enum statement statement)
{
  values = (struct values){0};
  value_set_integer(&values.of[FIELD_id], 7);
  deletion_begin(&deletion, statement, &values);
}

/* The row of a part; `id` 0: it was not full. */
static enum deletion_step part(int64_t count, int64_t id)
{
  struct values row = {0};
  value_set_integer(&row.of[FIELD_count], count);
  if (id != 0) {
    value_set_integer(&row.of[FIELD_cursor_id], id);
    value_set_integer(&row.of[FIELD_cursor_time], -id);
  }
  return deletion_take(&deletion, &row, &values);
}

static enum deletion_step check(bool by_parts, const char *referrer)
{
  struct values row = {0};
  value_set_integer(&row.of[FIELD_by_parts], by_parts);
  if (referrer)
    value_set_text(&row.of[FIELD_referrer], referrer, strlen(referrer));
  return deletion_take(&deletion, &row, &values);
}

#define GOES_ON(step, next)                                                                                            \
  do {                                                                                                                 \
    CU_ASSERT_EQUAL(step, DELETION_GOES_ON);                                                                           \
    CU_ASSERT_EQUAL(deletion.statement, STATEMENT_##next);                                                             \
  } while (0)
#define NOTHING deletion_take(&deletion, NULL, &values)

static void a_small_record_is_one_statement(void)
{
  const struct values row = {0};
  begin(STATEMENT_user_delete);
  CU_ASSERT_EQUAL(deletion.statement, STATEMENT_user_delete);
  CU_ASSERT_EQUAL(deletion_take(&deletion, &row, &values), DELETION_DONE);
  begin(STATEMENT_book_delete);
  CU_ASSERT_EQUAL(NOTHING, DELETION_ABSENT);
}

static void what_is_absent_is_asked_for_once(void)
{
  begin(STATEMENT_subject_delete);
  GOES_ON(NOTHING, subject_delete_check);
  CU_ASSERT_EQUAL(NOTHING, DELETION_ABSENT);
}

static void a_large_one_goes_in_parts(void)
{
  const struct values row = {0};
  begin(STATEMENT_user_delete);
  GOES_ON(NOTHING, user_delete_check);
  GOES_ON(check(true, NULL), chat_delete_by_user);
  CU_ASSERT_EQUAL(values.of[FIELD_user_id].integer, 7);
  CU_ASSERT_EQUAL(values.of[FIELD_limit].integer, 1000);
  CU_ASSERT_EQUAL(values.of[FIELD_cursor_time].integer, INT64_MIN);
  GOES_ON(part(1000, 12), chat_delete_by_user);
  CU_ASSERT_EQUAL(values.of[FIELD_cursor_id].integer, 12);
  CU_ASSERT_EQUAL(values.of[FIELD_cursor_time].integer, -12);
  GOES_ON(part(3, 0), session_delete_all);
  CU_ASSERT_EQUAL(values.of[FIELD_cursor_id].integer, INT64_MIN);
  GOES_ON(part(0, 0), user_delete);
  CU_ASSERT_EQUAL(deletion.deleted, 1003);
  CU_ASSERT_EQUAL(deletion_take(&deletion, &row, &values), DELETION_DONE);
}

static void what_came_meanwhile_goes_too(void)
{
  begin(STATEMENT_subject_delete);
  GOES_ON(NOTHING, subject_delete_check);
  GOES_ON(check(true, NULL), chat_leave_subject);
  GOES_ON(part(5, 0), book_delete_by_subject);
  GOES_ON(part(0, 0), subject_delete);
  GOES_ON(NOTHING, subject_delete_check);
  GOES_ON(check(true, NULL), chat_leave_subject);
  GOES_ON(part(1, 0), book_delete_by_subject);
  GOES_ON(part(0, 0), subject_delete);
  GOES_ON(NOTHING, subject_delete_check);
  CU_ASSERT_EQUAL(NOTHING, DELETION_DONE); /* by another */
}

static void it_ends_where_nothing_goes(void)
{
  begin(STATEMENT_user_delete);
  GOES_ON(NOTHING, user_delete_check);
  GOES_ON(check(true, NULL), chat_delete_by_user);
  GOES_ON(part(0, 9), session_delete_all); /* full, but kept */
  GOES_ON(part(0, 0), user_delete);
  GOES_ON(NOTHING, user_delete_check);
  GOES_ON(check(true, NULL), user_delete_whole);
  GOES_ON(NOTHING, user_delete_check);
  CU_ASSERT_EQUAL(check(true, NULL), DELETION_KEPT);
}

static void what_may_not_go_loses_nothing(void)
{
  begin(STATEMENT_user_delete);
  GOES_ON(NOTHING, user_delete_check);
  CU_ASSERT_EQUAL(check(false, "ratings"), DELETION_REFERENCED);
  begin(STATEMENT_user_delete);
  GOES_ON(NOTHING, user_delete_check);
  GOES_ON(check(false, NULL), user_delete_whole);
  CU_ASSERT_EQUAL(deletion.deleted, 0);
}

static void records_without_an_owner_go_until_a_part_is_not_full(void)
{
  static const enum statement statements[] = {STATEMENT_chat_delete_old, STATEMENT_session_delete_all,
                                              STATEMENT_session_delete_expired};
  for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
    begin(statements[i]);
    CU_ASSERT_EQUAL(deletion.statement, statements[i]);
    CU_ASSERT_EQUAL(part(1000, 1), DELETION_GOES_ON);
    CU_ASSERT_EQUAL(part(1000, 2), DELETION_GOES_ON);
    CU_ASSERT_EQUAL(part(0, 0), DELETION_DONE);
    CU_ASSERT_EQUAL(deletion.deleted, 2000);
  }
  begin(STATEMENT_session_delete);
  CU_ASSERT_EQUAL(part(1, 0), DELETION_DONE);
}

UNIT_CASES(deletion, UNIT_CASE(a_small_record_is_one_statement), UNIT_CASE(what_is_absent_is_asked_for_once),
           UNIT_CASE(a_large_one_goes_in_parts), UNIT_CASE(what_came_meanwhile_goes_too),
           UNIT_CASE(it_ends_where_nothing_goes), UNIT_CASE(what_may_not_go_loses_nothing),
           UNIT_CASE(records_without_an_owner_go_until_a_part_is_not_full));
