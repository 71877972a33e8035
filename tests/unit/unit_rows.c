/* Rows of results as JSON. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "json/rows.h"
#include "unit.h"

#define ID(number) "\0\0\0" number, 4
#define TIME_2000 "\0\0\0\0\0\0\0\0", 8

static void clear_result(PGresult **result)
{
  PQclear(*result);
}
#define CLEANUP_RESULT CLEANUP(clear_result)

/* An empty result with the statement's columns in that format. */
static PGresult *make_result(enum statement statement, int format)
{
  PGresAttDesc attributes[STATEMENT_FIELDS_MAX];
  const enum field *columns = statement_rows[statement].columns;
  int count = statement_field_count(columns);
  for (int i = 0; i < count; i++)
    attributes[i] = (PGresAttDesc){.name = (char *)(uintptr_t)field_rows[columns[i]].name, .format = format};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  CU_ASSERT_PTR_NOT_NULL_FATAL(result);
  CU_ASSERT_TRUE_FATAL(PQsetResultAttrs(result, count, attributes));
  return result;
}

static void set(PGresult *result, int row, int column, const char *data, int length)
{
  CU_ASSERT_TRUE_FATAL(PQsetvalue(result, row, column, (char *)(uintptr_t)data, data != NULL ? length : -1));
}

static PGresult *make_subjects(int count)
{
  static const char *const ids[] = {"\0\0\0\1", "\0\0\0\2", "\0\0\0\3"};
  PGresult *result = make_result(STATEMENT_subject_list, 1);
  for (int row = 0; row < count; row++) {
    set(result, row, 0, ids[row], 4);
    set(result, row, 1, "\0\x0A", 2);
    set(result, row, 2, "a\"b", 3);
    set(result, row, 3, "", 0);
    set(result, row, 4, NULL, 0);
  }
  return result;
}

static void a_record_has_its_columns(void)
{
  CLEANUP_RESULT PGresult *result = make_subjects(1);
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 4096);
  CU_ASSERT_TRUE(rows_write_record(&buffer, result, 0, STATEMENT_subject_list));
  UNIT_TEXT(buffer.data, buffer.length,
            "{\"id\":1,\"grade\":10,\"name\":\"a\\\"b\",\"code\":\"\",\"created_at\":null}");
}

static void hashes_are_never_written(void)
{
  CLEANUP_RESULT PGresult *result = make_result(STATEMENT_user_credentials, 1);
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 4096);
  set(result, 0, 0, ID("\7"));
  set(result, 0, 1, "budi", 4);
  set(result, 0, 2, "siswa", 5);
  set(result, 0, 3, NULL, 0);
  set(result, 0, 4, TIME_2000);
  set(result, 0, 5, TIME_2000);
  set(result, 0, 6, "$argon2id$secret", 16);
  CU_ASSERT_TRUE(rows_write_record(&buffer, result, 0, STATEMENT_user_credentials));
  UNIT_TEXT(buffer.data, buffer.length,
            "{\"id\":7,\"username\":\"budi\",\"role\":\"siswa\",\"full_name\":null,"
            "\"created_at\":\"2000-01-01T00:00:00Z\",\"updated_at\":\"2000-01-01T00:00:00Z\"}");
}

/* The ids in the order of the items. */
static void check_ids(const PGresult *result, int count, bool backwards, const char *expected)
{
  CLEANUP(buffer_free) struct buffer buffer;
  char ids[16];
  size_t length = 0;
  buffer_init(&buffer, 4096);
  CU_ASSERT_EQUAL(rows_write_items(&buffer, result, STATEMENT_subject_list, count, backwards), ROWS_WRITTEN);
  CU_ASSERT_FATAL(buffer.length >= 2);
  CU_ASSERT(buffer.data[0] == '[' && buffer.data[buffer.length - 1] == ']');
  for (size_t i = 6; i < buffer.length; i++)
    if (memcmp(buffer.data + i - 5, "\"id\":", 5) == 0)
      ids[length++] = buffer.data[i];
  UNIT_TEXT(ids, length, expected);
}

static void items_come_in_either_direction(void)
{
  CLEANUP_RESULT PGresult *result = make_subjects(3);
  check_ids(result, 3, false, "123");
  check_ids(result, 2, false, "12");
  check_ids(result, 2, true, "21");
  check_ids(result, 0, false, "");
}

static void another_result_is_refused(void)
{
  CLEANUP_RESULT PGresult *subjects = make_subjects(1);
  CLEANUP_RESULT PGresult *text = make_result(STATEMENT_subject_list, 0);
  CLEANUP_RESULT PGresult *broken = make_subjects(1);
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 4096);
  set(broken, 0, 0, "\0\0\1", 3);
  CU_ASSERT_FALSE(rows_write_record(&buffer, subjects, 0, STATEMENT_user_get));
  CU_ASSERT_FALSE(rows_write_record(&buffer, subjects, 1, STATEMENT_subject_list));
  CU_ASSERT_EQUAL(rows_write_items(&buffer, subjects, STATEMENT_subject_list, 2, false), ROWS_UNREADABLE);
  CU_ASSERT_EQUAL(rows_write_items(&buffer, text, STATEMENT_subject_list, 0, false), ROWS_UNREADABLE);
  CU_ASSERT_EQUAL(rows_write_items(&buffer, broken, STATEMENT_subject_list, 1, false), ROWS_UNREADABLE);
}

/* Chats whose answers are so long, of a byte that JSON leaves alone or makes six of. */
static PGresult *make_chats(const int *lengths, int count, char byte)
{
  PGresult *result = make_result(STATEMENT_chat_list_recent, 1);
  for (int row = 0; row < count; row++) {
    char *text = malloc((size_t)lengths[row] + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, byte, (size_t)lengths[row]);
    set(result, row, 0, ID("\1"));
    set(result, row, 1, ID("\1"));
    set(result, row, 2, NULL, 0);
    set(result, row, 3, "q", 1);
    set(result, row, 4, text, lengths[row]);
    set(result, row, 5, NULL, 0);
    set(result, row, 6, TIME_2000);
    free(text);
  }
  return result;
}

/* So many of the first rows go on a page, and their JSON is as small as it is to be. */
static void check_fit(const int *lengths, int count, char byte, int expected)
{
  CLEANUP_RESULT PGresult *result = make_chats(lengths, count, byte);
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 128 << 20);
  const int fit = rows_fit(result, STATEMENT_chat_list_recent, count);
  CU_ASSERT_EQUAL(fit, expected);
  CU_ASSERT_EQUAL(rows_write_items(&buffer, result, STATEMENT_chat_list_recent, fit, true), ROWS_WRITTEN);
  CU_ASSERT(fit == 1 || buffer.length <= PAGE_BYTES);
}

static void a_page_ends_where_it_is_full(void)
{
  check_fit((const int[]){1000000, 1000000, 1000000}, 3, 'a', 3);
  check_fit((const int[]){4000000, 4000000, 1000000}, 3, 'a', 2);
  check_fit((const int[]){9000000, 1, 1}, 3, 'a', 1);
  check_fit((const int[]){1, 9000000, 1}, 3, 'a', 1);
  check_fit((const int[]){600000, 600000, 600000}, 3, '\x01', 2);
  check_fit((const int[]){170000, 170000, 170000}, 3, '\x01', 3);
  check_fit((const int[]){2000000, 1}, 2, '\x01', 1);
  check_fit((const int[]){9000000, 9000000}, 0, 'a', 0);
}

static void a_text_that_is_missing_was_left_out(void)
{
  CLEANUP_RESULT PGresult *result = make_chats((const int[]){1, 1}, 2, 'a');
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 4096);
  set(result, 1, 4, NULL, 0);
  CU_ASSERT_EQUAL(rows_write_items(&buffer, result, STATEMENT_chat_list_recent, 1, false), ROWS_WRITTEN);
  CU_ASSERT_EQUAL(rows_write_items(&buffer, result, STATEMENT_chat_list_recent, 2, false), ROWS_LEFT_OUT);
  CU_ASSERT_EQUAL(rows_write_items(&buffer, result, STATEMENT_chat_list_recent, 2, true), ROWS_LEFT_OUT);
}

UNIT_CASES(rows, UNIT_CASE(a_page_ends_where_it_is_full), UNIT_CASE(a_text_that_is_missing_was_left_out),
           UNIT_CASE(a_record_has_its_columns), UNIT_CASE(hashes_are_never_written),
           UNIT_CASE(items_come_in_either_direction), UNIT_CASE(another_result_is_refused));
