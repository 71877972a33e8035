/* Operations by scripted results: what they ask for, in which order, and how they end. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "operation/operation.h"
#include "unit.h"

enum { TRACE_SIZE = 256, ANSWER_MAX = 4096 };

static struct operation operation;
static struct problems problems;
static char trace[TRACE_SIZE];

static void clear_result(PGresult **result)
{
  PQclear(*result);
}
#define CLEANUP_RESULT CLEANUP(clear_result)

/* Records whose integers are `id`, whose times are 2000 and whose texts are "x". */
static PGresult *records(enum statement statement, int count, int64_t id)
{
  PGresAttDesc attributes[STATEMENT_FIELDS_MAX];
  const enum field *columns = statement_rows[statement].columns;
  const int width = statement_field_count(columns);
  for (int i = 0; i < width; i++)
    attributes[i] = (PGresAttDesc){.name = (char *)(uintptr_t)field_rows[columns[i]].name, .format = 1};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  CU_ASSERT_FATAL(result != NULL && PQsetResultAttrs(result, width, attributes) != 0);
  for (int row = 0; row < count; row++)
    for (int column = 0; column < width; column++) {
      const bool text = field_rows[columns[column]].type == FIELD_TEXT;
      const bool time = field_rows[columns[column]].type == FIELD_TIME;
      uint64_t number = htobe64(time ? 0 : (uint64_t)id + (uint64_t)row);
      CU_ASSERT_FATAL(PQsetvalue(result, row, column, text ? (char *)(uintptr_t) "x" : (char *)&number,
                                 text ? 1 : (int)sizeof number) != 0);
    }
  return result;
}

/* ---- A script ---- */

static void begin(enum operation_number number)
{
  operation_clear(&operation);
  operation = (struct operation){.row = &operation_rows[number], .session_hours = 24, .until = INT64_MAX};
  problems_init(&problems);
  trace[0] = '\0';
}

static void give(enum field field, int64_t number)
{
  value_set_integer(&operation.values.of[field], number);
}

static void give_text(enum field field, const char *text)
{
  value_set_text(&operation.values.of[field], text, strlen(text));
}

static void note(const char *what)
{
  const size_t length = strlen(trace);
  (void)snprintf(trace + length, sizeof trace - length, "%s%s", length > 0 ? " " : "", what);
}

static void go(void)
{
  CU_ASSERT_EQUAL(operation_prepare(&operation, &problems), LONTAR_OK);
  operation_begin(&operation);
}

/* The statement that is wanted gives so many rows. */
static void rows_at(int count, int64_t id, int64_t now)
{
  CU_ASSERT_EQUAL_FATAL(operation.want, WANT_ROWS);
  CLEANUP_RESULT PGresult *result = records(operation.statement, count, id);
  note(statement_rows[operation.statement].name);
  operation_told_rows(&operation, LONTAR_OK, result, now);
}

static void rows(int count, int64_t id)
{
  rows_at(count, id, 0);
}

static void fails(enum lontar_error error)
{
  CU_ASSERT_EQUAL_FATAL(operation.want, WANT_ROWS);
  note(statement_rows[operation.statement].name);
  note(lontar_error_code(error));
  operation_told_rows(&operation, error, NULL, 0);
}

static void hash(void)
{
  CU_ASSERT_EQUAL_FATAL(operation.want, WANT_HASH);
  note("hash");
  operation_told_hash(&operation, LONTAR_OK, PASSWORD_WRONG, "$new");
}

static void verdict(enum password_verdict verdict, const char *hash)
{
  CU_ASSERT_EQUAL_FATAL(operation.want, WANT_VERDICT);
  note("verdict");
  operation_told_hash(&operation, LONTAR_OK, verdict, hash);
}

static void ends(enum lontar_error error, const char *steps)
{
  CU_ASSERT_EQUAL(operation.want, WANT_NOTHING);
  CU_ASSERT_EQUAL(operation.error, error);
  UNIT_TEXT(trace, strlen(trace), steps);
  operation_clear(&operation);
}

/* ---- Inputs ---- */

static void refuses(enum lontar_error error, const char *expected)
{
  char told[512] = "";
  CU_ASSERT_EQUAL(operation_prepare(&operation, &problems), error);
  for (int i = 0; i < problems.count; i++) {
    const size_t length = strlen(told);
    (void)snprintf(told + length, sizeof told - length, "%s%s: %s", i > 0 ? "; " : "", problems.of[i].field,
                   problems.of[i].message);
  }
  UNIT_TEXT(told, strlen(told), expected);
}

static void an_input_is_refused_as_a_whole(void)
{
  begin(OPERATION_user_create);
  give_text(FIELD_role, "guru");
  problems_add_field(&problems, FIELD_password, "must be a string");
  refuses(LONTAR_INVALID, "password: must be a string; username: is required");
  begin(OPERATION_subject_update);
  give(FIELD_id, 1);
  refuses(LONTAR_INVALID, ": at least one field must be given");
  begin(OPERATION_session_create);
  give(FIELD_user_id, 1);
  give_text(FIELD_token, "too short");
  CU_ASSERT_EQUAL(operation_prepare(&operation, &problems), LONTAR_INVALID);
  CU_ASSERT_TRUE(problems_have(&problems, FIELD_token));
}

static void a_cursor_that_is_none_cannot_be_read(void)
{
  begin(OPERATION_user_list);
  give_text(FIELD_after, "12_5");
  refuses(LONTAR_MALFORMED, "after: is not a cursor of this list");
  begin(OPERATION_user_list);
  give_text(FIELD_after, "5");
  give_text(FIELD_before, "7");
  refuses(LONTAR_INVALID, "before: cannot be given together with after");
  begin(OPERATION_chat_list_by_user);
  problems_add_field(&problems, FIELD_after, "must be a cursor from an earlier answer");
  refuses(LONTAR_INVALID, "after: must be a cursor from an earlier answer; user_id: is required");
}

static void what_is_left_has_a_default(void)
{
  begin(OPERATION_session_create);
  give(FIELD_user_id, 1);
  CU_ASSERT_EQUAL(operation_prepare(&operation, &problems), LONTAR_OK);
  CU_ASSERT_EQUAL(operation.values.of[FIELD_expires_hours].integer, 24);
  CU_ASSERT_EQUAL(operation.values.of[FIELD_token].length, TOKEN_SIZE - 1);
  begin(OPERATION_chat_list_recent);
  CU_ASSERT_EQUAL(operation_prepare(&operation, &problems), LONTAR_OK);
  CU_ASSERT_EQUAL(operation.values.of[FIELD_limit].integer, 50);
  CU_ASSERT_EQUAL(operation.values.of[FIELD_cursor_time].integer, INT64_MAX);
  begin(OPERATION_user_update);
  give(FIELD_id, 1);
  operation.values.of[FIELD_full_name].state = VALUE_NULL;
  give_text(FIELD_role, "guru");
  CU_ASSERT_EQUAL(operation_prepare(&operation, &problems), LONTAR_OK);
  UNIT_TEXT(operation.values.of[FIELD_changes].text, operation.values.of[FIELD_changes].length, "{role,full_name}");
}

/* ---- Records and lists ---- */

static void a_password_is_hashed_before_it_is_stored(void)
{
  begin(OPERATION_user_create);
  give_text(FIELD_username, "siti");
  give_text(FIELD_password, "rahasia");
  give_text(FIELD_role, "siswa");
  go();
  hash();
  UNIT_TEXT(operation.values.of[FIELD_password_hash].text, operation.values.of[FIELD_password_hash].length, "$new");
  rows(1, 7);
  ends(LONTAR_OK, "hash user_create");
}

static void a_write_without_a_row_is_looked_into(void)
{
  begin(OPERATION_subject_update);
  give(FIELD_id, 1);
  give_text(FIELD_name, "Kimia");
  go();
  rows(0, 0);
  rows(0, 0);
  ends(LONTAR_NOT_FOUND, "subject_update subject_get");
  begin(OPERATION_book_delete);
  give(FIELD_id, 1);
  go();
  rows(0, 0);
  rows(1, 1);
  CU_ASSERT_PTR_NOT_NULL(operation.reason);
  ends(LONTAR_INTERNAL, "book_delete book_get");
  begin(OPERATION_subject_create);
  give(FIELD_grade, 10);
  give_text(FIELD_name, "Kimia");
  give_text(FIELD_code, "KIM");
  go();
  rows(0, 0);
  CU_ASSERT_PTR_NOT_NULL(operation.reason);
  ends(LONTAR_INTERNAL, "subject_create");
}

static void a_list_knows_its_next_page(void)
{
  begin(OPERATION_chat_list_by_user);
  give(FIELD_user_id, 3);
  give(FIELD_limit, 2);
  go();
  rows(3, 5);
  CU_ASSERT_EQUAL(operation.count, 2);
  CU_ASSERT_TRUE(operation.more);
  ends(LONTAR_OK, "chat_list_by_user");
  begin(OPERATION_user_list);
  give_text(FIELD_before, "9");
  go();
  rows(1, 5);
  CU_ASSERT_TRUE(operation.backwards && !operation.more);
  ends(LONTAR_OK, "user_list_before");
}

static void an_empty_list_is_somebodys(void)
{
  begin(OPERATION_chat_list_by_user);
  give(FIELD_user_id, 999);
  go();
  rows(0, 0);
  rows(0, 0);
  ends(LONTAR_NOT_FOUND, "chat_list_by_user user_get");
  begin(OPERATION_chat_count_by_subject);
  give(FIELD_subject_id, 999);
  go();
  rows(1, 0);
  rows(1, 999);
  ends(LONTAR_OK, "chat_count_by_subject subject_get");
  begin(OPERATION_session_list);
  operation.caller = 4;
  give(FIELD_user_id, 4);
  go();
  rows(0, 0);
  ends(LONTAR_OK, "session_list");
}

static void long_texts_are_asked_for(void)
{
  begin(OPERATION_chat_list_recent);
  go();
  CLEANUP_RESULT PGresult *result = records(STATEMENT_chat_list_recent, 1, 5);
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, ANSWER_MAX);
  CU_ASSERT_FATAL(PQsetvalue(result, 0, 4, NULL, -1) != 0);
  operation_told_rows(&operation, LONTAR_OK, result, 0);
  CU_ASSERT_EQUAL(operation_write(&operation, result, "deleted", &buffer), ROWS_LEFT_OUT);
  operation_ask_whole(&operation);
  rows(1, 5);
  ends(LONTAR_OK, "chat_list_recent_long");
}

/* ---- Credentials ---- */

static void log_in(enum operation_number number)
{
  begin(number);
  give_text(FIELD_username, "siti");
  give_text(FIELD_password, "rahasia");
  go();
}

static void a_login_makes_a_session(void)
{
  log_in(OPERATION_login);
  rows(1, 7);
  verdict(PASSWORD_RIGHT, "");
  rows(1, 1);
  rows(1, 1);
  ends(LONTAR_OK, "user_credentials verdict session_create session_confirm");
  log_in(OPERATION_login);
  rows(0, 0);
  CU_ASSERT_PTR_NULL(operation.stored);
  verdict(PASSWORD_WRONG, "");
  ends(LONTAR_BAD_CREDENTIALS, "user_credentials verdict");
  log_in(OPERATION_user_verify);
  rows(1, 7);
  verdict(PASSWORD_RIGHT, "");
  ends(LONTAR_OK, "user_credentials verdict");
}

static void a_rehash_that_fails_keeps_nobody_out(void)
{
  log_in(OPERATION_login);
  rows(1, 7);
  verdict(PASSWORD_RIGHT_REHASH, "$new");
  fails(LONTAR_UNAVAILABLE);
  UNIT_TEXT(operation.stored_hash, strlen(operation.stored_hash), "x");
  rows(1, 1);
  rows(1, 1);
  ends(LONTAR_OK, "user_credentials verdict user_rehash unavailable session_create session_confirm");
}

static void a_password_that_changes_meanwhile_is_checked_again(void)
{
  log_in(OPERATION_login);
  rows(1, 7);
  verdict(PASSWORD_RIGHT, "");
  rows(1, 1);
  rows(1, 0); /* a count of 0 */
  fails(LONTAR_UNAVAILABLE);
  char first[TOKEN_SIZE];
  (void)snprintf(first, sizeof first, "%s", operation.token);
  rows(1, 7);
  verdict(PASSWORD_RIGHT, "");
  CU_ASSERT_NOT_EQUAL(strcmp(first, operation.token), 0);
  rows(1, 1);
  rows(1, 0);
  rows(1, 1);
  ends(LONTAR_BAD_CREDENTIALS, "user_credentials verdict session_create session_confirm session_delete unavailable "
                               "user_credentials verdict session_create session_confirm session_delete");
}

static void a_new_password_ends_other_sessions(void)
{
  begin(OPERATION_user_update);
  operation.caller = 7;
  operation.caller_token = "sha256:mine";
  give(FIELD_id, 7);
  give_text(FIELD_password, "rahasia");
  go();
  hash();
  UNIT_TEXT(operation.values.of[FIELD_kept_token_hash].text, operation.values.of[FIELD_kept_token_hash].length,
            "sha256:mine");
  rows(1, 7);
  fails(LONTAR_DEADLINE);
  ends(LONTAR_OK, "hash user_update session_delete_others deadline");
}

/* ---- Deletions ---- */

static void a_deletion_tells_what_is_done(void)
{
  begin(OPERATION_chat_delete_old);
  give(FIELD_older_than_days, 1);
  operation.until = 100;
  go();
  rows_at(1, 1000, 0);
  CU_ASSERT_FALSE(operation.more);
  rows_at(1, 1000, 100);
  CU_ASSERT_TRUE(operation.more && operation.number == 2000);
  ends(LONTAR_OK, "chat_delete_old chat_delete_old");
  begin(OPERATION_chat_delete_old);
  give(FIELD_older_than_days, 1);
  go();
  rows(1, 1000);
  fails(LONTAR_UNAVAILABLE);
  CU_ASSERT_TRUE(operation.more && operation.number == 1000);
  ends(LONTAR_OK, "chat_delete_old chat_delete_old unavailable");
  begin(OPERATION_chat_delete_old);
  give(FIELD_older_than_days, 1);
  go();
  fails(LONTAR_UNAVAILABLE);
  CU_ASSERT_TRUE(operation.by_server);
  ends(LONTAR_UNAVAILABLE, "chat_delete_old unavailable");
}

static void a_logout_may_be_everywhere(void)
{
  begin(OPERATION_logout);
  give_text(FIELD_token, "tokentoken");
  go();
  rows(1, 1);
  ends(LONTAR_OK, "session_delete");
  begin(OPERATION_logout);
  give_text(FIELD_token, "tokentoken");
  give_text(FIELD_all, "true");
  go();
  rows(1, 7);
  CU_ASSERT_EQUAL(operation.values.of[FIELD_user_id].integer, 7);
  CU_ASSERT_EQUAL(operation.statement, STATEMENT_session_delete_all);
  fails(LONTAR_UNAVAILABLE);
  ends(LONTAR_UNAVAILABLE, "session_principal session_delete_all unavailable");
}

/* ---- Answers ---- */

static void shows(const PGresult *result, const char *expected)
{
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, ANSWER_MAX);
  CU_ASSERT_EQUAL(operation_write(&operation, result, "deleted", &buffer), ROWS_WRITTEN);
  UNIT_TEXT(buffer.data, buffer.length, expected);
  operation_clear(&operation);
}

static void answers_have_one_shape(void)
{
  begin(OPERATION_session_list);
  give(FIELD_user_id, 4);
  give(FIELD_limit, 1);
  go();
  CLEANUP_RESULT PGresult *sessions = records(STATEMENT_session_list, 2, 8);
  operation_told_rows(&operation, LONTAR_OK, sessions, 0);
  shows(sessions, "{\"items\":[{\"id\":8,\"user_id\":8,\"expires_at\":\"2000-01-01T00:00:00Z\","
                  "\"created_at\":\"2000-01-01T00:00:00Z\"}],\"next\":\"8\"}");
  begin(OPERATION_session_create);
  give(FIELD_user_id, 4);
  go();
  give_text(FIELD_token, "t");
  CLEANUP_RESULT PGresult *session = records(STATEMENT_session_create, 1, 8);
  operation_told_rows(&operation, LONTAR_OK, session, 0);
  shows(session, "{\"token\":\"t\",\"id\":8,\"user_id\":8,\"expires_at\":\"2000-01-01T00:00:00Z\","
                 "\"created_at\":\"2000-01-01T00:00:00Z\"}");
  log_in(OPERATION_login);
  rows(1, 7);
  verdict(PASSWORD_RIGHT, "");
  rows(1, 1);
  give_text(FIELD_token, "t");
  rows(1, 1);
  shows(NULL, "{\"token\":\"t\",\"expires_at\":\"2000-01-01T00:00:00Z\",\"user\":{\"id\":7,\"username\":\"x\","
              "\"role\":\"x\",\"full_name\":\"x\",\"created_at\":\"2000-01-01T00:00:00Z\","
              "\"updated_at\":\"2000-01-01T00:00:00Z\"}}");
  begin(OPERATION_chat_delete_old);
  operation.number = 3;
  shows(NULL, "{\"deleted\":3}");
  operation.more = true;
  shows(NULL, "{\"deleted\":3,\"more\":true}");
}

/* ---- The table ---- */

static bool has_column(enum statement statement, enum field field)
{
  return statement_column(statement, field) >= 0;
}

/* An input that is there, which means a user where it is a number: `id` does so in the records of users alone. */
static void every_owner_is_said(void)
{
  for (int i = OPERATION_none + 1; i < OPERATION_COUNT; i++) {
    const struct operation_row *row = &operation_rows[i];
    const bool of_users = has_column(row->statement, FIELD_username) || row->statement == STATEMENT_user_delete;
    CU_ASSERT_EQUAL(operation_find(row->name), (enum operation_number)i);
    const bool by_row = row->owner == FIELD_caller && statement_takes(row->statement, FIELD_caller);
    const bool by_input = (operation_inputs(row) & field_set_of(row->owner)) != 0;
    CU_ASSERT_TRUE(row->owner == FIELD_none || by_row || by_input);
    CU_ASSERT_TRUE(row->owner != FIELD_id || (of_users && !has_column(row->statement, FIELD_user_id)));
  }
  CU_ASSERT_EQUAL(operation_find("chat_burn"), OPERATION_none);
}

/* A list's other half follows it, and each statement by itself has all its parameters from somewhere. */
static void every_row_fits_its_statement(void)
{
  for (int i = OPERATION_none + 1; i < OPERATION_COUNT; i++) {
    const struct operation_row *row = &operation_rows[i];
    const struct statement_row *statement = &statement_rows[row->statement];
    CU_ASSERT_EQUAL(row->must & row->may, 0);
    CU_ASSERT_EQUAL(row->shape == SHAPE_LIST, statement_takes(row->statement, FIELD_offset));
    CU_ASSERT_EQUAL(row->shape == SHAPE_CHANGE || row->shape == SHAPE_GONE || row->shape == SHAPE_DELETED ||
                        row->shape == SHAPE_SESSION || row->shape == SHAPE_LOGIN || strstr(row->name, "create") != NULL,
                    !statement_reads(row->statement));
    if (row->shape != SHAPE_LIST)
      continue;
    const char *twin = statement_rows[statement_before(row->statement)].name;
    CU_ASSERT_EQUAL(strncmp(twin, statement->name, strlen(statement->name)), 0);
    UNIT_TEXT(twin + strlen(statement->name), strlen(twin + strlen(statement->name)), "_before");
  }
}

UNIT_CASES(operation, UNIT_CASE(an_input_is_refused_as_a_whole), UNIT_CASE(a_cursor_that_is_none_cannot_be_read),
           UNIT_CASE(what_is_left_has_a_default), UNIT_CASE(a_password_is_hashed_before_it_is_stored),
           UNIT_CASE(a_write_without_a_row_is_looked_into), UNIT_CASE(a_list_knows_its_next_page),
           UNIT_CASE(an_empty_list_is_somebodys), UNIT_CASE(long_texts_are_asked_for),
           UNIT_CASE(a_login_makes_a_session), UNIT_CASE(a_rehash_that_fails_keeps_nobody_out),
           UNIT_CASE(a_password_that_changes_meanwhile_is_checked_again), UNIT_CASE(a_new_password_ends_other_sessions),
           UNIT_CASE(a_deletion_tells_what_is_done), UNIT_CASE(a_logout_may_be_everywhere),
           UNIT_CASE(answers_have_one_shape), UNIT_CASE(every_owner_is_said), UNIT_CASE(every_row_fits_its_statement));
