/* Statements: the table, and values in PostgreSQL's binary formats. */
#include "repo/statement.h"
#include "unit.h"

/* The largest $n of the SQL. */
static int highest_parameter(const char *sql)
{
  int highest = 0;
  for (; *sql != '\0'; sql++)
    if (sql[0] == '$' && sql[1] >= '0' && sql[1] <= '9') {
      int number = sql[1] - '0';
      if (sql[2] >= '0' && sql[2] <= '9')
        number = number * 10 + sql[2] - '0';
      highest = number > highest ? number : highest;
    }
  return highest;
}

static void rows_have_as_many_parameters_as_their_sql(void)
{
  for (int i = STATEMENT_none + 1; i < STATEMENT_COUNT; i++) {
    const struct statement_row *row = &statement_rows[i];
    CU_ASSERT_EQUAL(statement_field_count(row->parameters), highest_parameter(row->sql));
    CU_ASSERT(statement_field_count(row->columns) > 0);
    CU_ASSERT_EQUAL(statement_reads((enum statement)i), strncmp(row->sql, "SELECT", 6) == 0);
  }
}

static void columns_have_places(void)
{
  CU_ASSERT_EQUAL(statement_column(STATEMENT_user_get, FIELD_id), 0);
  CU_ASSERT_EQUAL(statement_column(STATEMENT_user_get, FIELD_role), 2);
  CU_ASSERT_EQUAL(statement_column(STATEMENT_user_get, FIELD_password_hash), -1);
}

static void types_follow_the_fields(void)
{
  unsigned types[STATEMENT_FIELDS_MAX];
  CU_ASSERT_EQUAL_FATAL(statement_types(STATEMENT_chat_create, types), 5);
  CU_ASSERT_EQUAL(types[0], 20);
  CU_ASSERT_EQUAL(types[2], 25);
  CU_ASSERT_EQUAL(types[4], 701);
  CU_ASSERT_EQUAL_FATAL(statement_types(STATEMENT_chat_list_recent, types), 4);
  CU_ASSERT_EQUAL(types[0], 1184);
}

static void binds_in_network_order(void)
{
  struct values values = {0};
  struct statement_parameters bound;
  value_set_integer(&values.of[FIELD_user_id], 258);
  value_set_text(&values.of[FIELD_question], "why", 3);
  value_set_text(&values.of[FIELD_response], NULL, 0);
  values.of[FIELD_confidence] = (struct value){.state = VALUE_SET, .real = 1.0};
  statement_bind(STATEMENT_chat_create, &values, &bound);
  CU_ASSERT_EQUAL(bound.count, 5);
  CU_ASSERT_EQUAL(bound.lengths[0], 8);
  CU_ASSERT(memcmp(bound.values[0], "\0\0\0\0\0\0\1\2", 8) == 0);
  CU_ASSERT_PTR_NULL(bound.values[1]); /* absent */
  UNIT_TEXT(bound.values[2], (size_t)bound.lengths[2], "why");
  CU_ASSERT_PTR_NOT_NULL(bound.values[3]); /* empty, not null */
  CU_ASSERT(memcmp(bound.values[4], "\x3F\xF0\0\0\0\0\0\0", 8) == 0);
  for (int i = 0; i < bound.count; i++)
    CU_ASSERT_EQUAL(bound.formats[i], 1);
}

static void times_are_taken_as_they_are(void)
{
  static const struct {
    int64_t time;
    const char *bytes;
  } cases[] = {
      {0, "\0\0\0\0\0\0\0\0"},
      {-1, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"},
      {INT64_MIN, "\x80\0\0\0\0\0\0\0"},
      {INT64_MAX - 15, "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xF0"},
      {INT64_MAX, "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct values values = {0};
    struct statement_parameters bound;
    struct value value = {0};
    value_set_integer(&values.of[FIELD_cursor_time], cases[i].time);
    statement_bind(STATEMENT_chat_list_recent, &values, &bound);
    CU_ASSERT(memcmp(bound.values[0], cases[i].bytes, 8) == 0);
    CU_ASSERT_TRUE(statement_read(FIELD_created_at, cases[i].bytes, 8, &value));
    CU_ASSERT_EQUAL(value.integer, cases[i].time);
  }
}

static void reads_numbers_of_every_width(void)
{
  struct value value = {0};
  CU_ASSERT_TRUE(statement_read(FIELD_id, "\xFF\xFE", 2, &value));
  CU_ASSERT_EQUAL(value.integer, -2);
  CU_ASSERT_TRUE(statement_read(FIELD_id, "\0\0\1\0", 4, &value));
  CU_ASSERT_EQUAL(value.integer, 256);
  CU_ASSERT_TRUE(statement_read(FIELD_count, "\0\0\0\1\0\0\0\0", 8, &value));
  CU_ASSERT_EQUAL(value.integer, INT64_C(4294967296));
  CU_ASSERT_FALSE(statement_read(FIELD_id, "\0\0\0", 3, &value));
  CU_ASSERT_TRUE(statement_read(FIELD_confidence, "\x3F\xE0\0\0\0\0\0\0", 8, &value));
  CU_ASSERT_EQUAL(value.real, 0.5);
  CU_ASSERT_TRUE(statement_read(FIELD_confidence, "\x3F\0\0\0", 4, &value));
  CU_ASSERT_EQUAL(value.real, 0.5);
  CU_ASSERT_FALSE(statement_read(FIELD_confidence, "\0\0", 2, &value));
  CU_ASSERT_FALSE(statement_read(FIELD_created_at, "\0\0\0\0", 4, &value));
}

static void null_and_empty_differ(void)
{
  struct value value = {0};
  CU_ASSERT_TRUE(statement_read(FIELD_full_name, NULL, 0, &value));
  CU_ASSERT_EQUAL(value.state, VALUE_NULL);
  CU_ASSERT_TRUE(statement_read(FIELD_full_name, "", 0, &value));
  CU_ASSERT_EQUAL(value.state, VALUE_SET);
  CU_ASSERT_EQUAL(value.length, 0);
}

UNIT_CASES(statement, UNIT_CASE(rows_have_as_many_parameters_as_their_sql), UNIT_CASE(columns_have_places),
           UNIT_CASE(types_follow_the_fields), UNIT_CASE(binds_in_network_order),
           UNIT_CASE(times_are_taken_as_they_are), UNIT_CASE(reads_numbers_of_every_width),
           UNIT_CASE(null_and_empty_differ));
