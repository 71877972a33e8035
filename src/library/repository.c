/* The repositories: each operation is a row of a table, and one way of running them. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include <lontar/repository.h>

#include "json/rows.h"
#include "library/failure.h"
#include "library/input.h"
#include "library/rows.h"
#include "library/run.h"
#include "repo/cursor.h"
#include "repo/deletion.h"

enum answer {
  ANSWER_RECORD, /* the first row; without one LONTAR_NOT_FOUND */
  ANSWER_LIST,
  ANSWER_COUNT,
  ANSWER_GONE,    /* the id of the record that is gone */
  ANSWER_DELETED, /* a count of the records that are */
};

struct operation {
  enum statement statement;
  enum statement backwards; /* of a list: the same from its end */
  enum answer answer;
  enum field required[INPUT_REQUIRED_MAX + 1];
};

/* The cursor of a row, by which the next page begins. */
static json_object *cursor_json(enum statement statement, const PGresult *result, int row)
{
  char text[CURSOR_SIZE];
  bool with_time = input_has_parameter(statement, FIELD_cursor_time);
  struct value id = run_column(statement, result, row, FIELD_id);
  struct value time = run_column(statement, result, row, FIELD_created_at);
  size_t length = cursor_format(text, with_time, time.state == VALUE_SET ? time.integer : INT64_MIN, id.integer);
  return json_object_new_string_len(text, (int)length);
}

static json_object *list_items(enum statement statement, const PGresult *result, int rows, bool backwards)
{
  json_object *items = json_object_new_array();
  for (int i = 0; items && i < rows; i++) {
    json_object *record = row_from_statement(statement, result, backwards ? rows - 1 - i : i);
    if (!record || json_object_array_add(items, record) != 0) {
      json_object_put(record);
      json_object_put(items);
      return NULL;
    }
  }
  return items;
}

/* Takes both over; `next` may be NULL, for null. */
static json_object *list_of(json_object *items, json_object *next)
{
  json_object *list = json_object_new_object();
  bool whole = list && row_add(list, "items", json_object_get(items)) && row_add(list, "next", json_object_get(next));
  json_object_put(items);
  json_object_put(next);
  if (whole)
    return list;
  json_object_put(list);
  return NULL;
}

/* The page that was asked for, in the list's own order; the row beyond it only says that there is another one. */
static json_object *list_json(enum statement statement, const PGresult *result, int64_t limit, bool backwards)
{
  int fetched = PQntuples(result);
  int rows = rows_fit(result, statement, fetched > limit ? (int)limit : fetched);
  bool more = fetched > rows;
  json_object *items = list_items(statement, result, rows, backwards);
  json_object *next = more ? cursor_json(statement, result, rows - 1) : NULL;
  if (items && (next || !more))
    return list_of(items, next);
  json_object_put(items);
  json_object_put(next);
  return NULL;
}

static json_object *number_json(const char *name, int64_t number)
{
  json_object *object = json_object_new_object();
  if (object && row_add(object, name, json_object_new_int64(number)))
    return object;
  json_object_put(object);
  return NULL;
}

/* Hands the answer to the caller who wants it. */
static enum lontar_error answer_give(json_object *answer, struct json_object **ret, struct lontar_failure *failure)
{
  if (!answer)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  if (ret)
    *ret = answer;
  else
    json_object_put(answer);
  return LONTAR_OK;
}

static bool leaves_texts_out(enum statement statement, const PGresult *result)
{
  for (int row = 0; row < PQntuples(result); row++)
    if (run_column(statement, result, row, FIELD_question).state == VALUE_NULL ||
        run_column(statement, result, row, FIELD_response).state == VALUE_NULL)
      return true;
  return false;
}

static enum lontar_error answer_list(struct lontar_database *database, enum statement statement,
                                     const struct values *values, struct json_object **ret,
                                     struct lontar_failure *failure)
{
  CLEANUP_RESULT PGresult *result = NULL;
  enum lontar_error error = run_statement(database, statement, values, &result, failure);
  if (error != LONTAR_OK)
    return error;
  const enum statement whole = statement_long(statement);
  if (whole != STATEMENT_none && leaves_texts_out(statement, result))
    return answer_list(database, whole, values, ret, failure);
  const bool backwards = values->of[FIELD_before].state == VALUE_SET;
  return answer_give(list_json(statement, result, values->of[FIELD_limit].integer, backwards), ret, failure);
}

/* A write that gave no row found no record, or was kept from it: a trigger may return NULL. */
static enum lontar_error answer_nothing(struct lontar_database *database, enum statement statement,
                                        const struct values *values, struct lontar_failure *failure)
{
  enum statement reader = statement_reader(statement);
  CLEANUP_RESULT PGresult *result = NULL;
  if (statement_inserts(statement))
    return failure_set(failure, LONTAR_INTERNAL, "a trigger or rule of the table keeps records out");
  enum lontar_error error =
      reader != STATEMENT_none ? run_statement(database, reader, values, &result, failure) : LONTAR_OK;
  if (error != LONTAR_OK)
    return error;
  return PQntuples(result) > 0
             ? failure_set(failure, LONTAR_INTERNAL, "a trigger or rule of the table keeps the record as it is")
             : failure_set(failure, LONTAR_NOT_FOUND, "there is no such record");
}

/* What a failure leaves undone: nothing was told of what the parts before it deleted, which is gone. */
static enum lontar_error deletion_fail(const struct deletion *deletion, enum lontar_error error,
                                       struct lontar_failure *failure)
{
  if (!failure || deletion->deleted == 0)
    return error;
  size_t length = strlen(failure->message);
  failure->retriable = false;
  (void)snprintf(failure->message + length, sizeof failure->message - length, "%s%lld records are deleted, call again",
                 length > 0 ? "; " : "", (long long)deletion->deleted);
  return error;
}

/* Runs the statements of a deletion until it is done. */
static enum lontar_error deletion_run(struct lontar_database *database, struct deletion *deletion,
                                      struct values *values, struct lontar_failure *failure)
{
  for (;;) {
    CLEANUP_RESULT PGresult *result = NULL;
    struct values row = {0};
    const enum statement statement = deletion->statement;
    enum lontar_error error = run_statement(database, statement, values, &result, failure);
    if (error != LONTAR_OK)
      return deletion_fail(deletion, error, failure);
    const bool found = PQntuples(result) > 0;
    for (const enum field *column = statement_rows[statement].columns; found && *column != FIELD_none; column++)
      row.of[*column] = run_column(statement, result, 0, *column);
    const struct value *referrer = &row.of[FIELD_referrer];
    switch (deletion_take(deletion, found ? &row : NULL, values)) {
    case DELETION_GOES_ON:
      break;
    case DELETION_DONE:
      return LONTAR_OK;
    case DELETION_ABSENT:
      return answer_nothing(database, statement, values, failure);
    case DELETION_KEPT:
      (void)failure_set(failure, LONTAR_INTERNAL, "a trigger or rule of the table keeps the record as it is");
      return deletion_fail(deletion, LONTAR_INTERNAL, failure);
    case DELETION_REFERENCED:
      (void)failure_set(failure, LONTAR_REFERENCED, "it is still referred to by the table %.*s", (int)referrer->length,
                        referrer->text);
      return deletion_fail(deletion, LONTAR_REFERENCED, failure);
    }
  }
}

static enum lontar_error answer_deletion(struct lontar_database *database, const struct operation *operation,
                                         struct input *input, struct json_object **ret, struct lontar_failure *failure)
{
  struct deletion deletion;
  deletion_begin(&deletion, operation->statement, &input->values);
  enum lontar_error error = deletion_run(database, &deletion, &input->values, failure);
  if (error != LONTAR_OK)
    return error;
  if (operation->answer == ANSWER_GONE)
    return answer_give(number_json("id", input->values.of[FIELD_id].integer), ret, failure);
  return answer_give(number_json("count", deletion.deleted), ret, failure);
}

/* A login that read the old hash may have made its session while the update ran, unseen by it. That this fails is not
 * told: the update is done, and ended all that it saw. */
static void password_changed(struct lontar_database *database, const struct values *values)
{
  CLEANUP_RESULT PGresult *result = NULL;
  if (values->of[FIELD_password_hash].state == VALUE_SET)
    (void)run_statement(database, STATEMENT_session_delete_others, values, &result, NULL);
}

static enum lontar_error operation_run(struct lontar_database *database, const struct operation *operation,
                                       struct json_object *object, struct json_object **ret,
                                       struct lontar_failure *failure)
{
  struct input input;
  enum statement statement = operation->statement;
  failure_clear(failure);
  enum lontar_error error = input_read(statement, operation->required, object, &input, failure);
  if (error != LONTAR_OK)
    return error;
  if (operation->answer == ANSWER_GONE || operation->answer == ANSWER_DELETED)
    return answer_deletion(database, operation, &input, ret, failure);
  if (operation->answer == ANSWER_LIST)
    return answer_list(database, input.values.of[FIELD_before].state == VALUE_SET ? operation->backwards : statement,
                       &input.values, ret, failure);
  CLEANUP_RESULT PGresult *result = NULL;
  error = run_statement(database, statement, &input.values, &result, failure);
  if (error != LONTAR_OK)
    return error;
  if (operation->answer == ANSWER_COUNT)
    return answer_give(number_json("count", run_column(statement, result, 0, FIELD_count).integer), ret, failure);
  if (PQntuples(result) == 0)
    return answer_nothing(database, statement, &input.values, failure);
  if (statement == STATEMENT_user_update)
    password_changed(database, &input.values);
  json_object *record = row_from_statement(statement, result, 0);
  if (record && statement == STATEMENT_session_create) {
    const struct value *token = &input.values.of[FIELD_token];
    json_object *text = json_object_new_string_len(token->text, (int)token->length);
    if (!text || !row_add(record, "token", text)) {
      json_object_put(record);
      record = NULL;
    }
  }
  return answer_give(record, ret, failure);
}

/* OPERATION(name, statement, answer, required members): the function and its row. LIST(name, required members) has a
 * statement of its name, and one that goes backwards. */
#define P(field) FIELD_##field,
#define OPERATION(name, statement_name, answer_name, ...)                                                              \
  OPERATION_OF(name, statement_name, none, answer_name, __VA_ARGS__)
#define LIST(name, ...) OPERATION_OF(name, name, name##_before, LIST, __VA_ARGS__)
#define OPERATION_OF(name, statement_name, backwards_name, answer_name, ...)                                           \
  enum lontar_error lontar_repository_##name(struct lontar_database *database, struct json_object *input,              \
                                             struct json_object **ret, struct lontar_failure *failure)                 \
  {                                                                                                                    \
    static const struct operation operation = {                                                                        \
        STATEMENT_##statement_name, STATEMENT_##backwards_name, ANSWER_##answer_name, {__VA_ARGS__}};                  \
    return operation_run(database, &operation, input, ret, failure);                                                   \
  }

OPERATION(user_create, user_create, RECORD, P(username) P(password) P(role))
OPERATION(user_get, user_get, RECORD, P(id))
OPERATION(user_get_by_username, user_get_by_username, RECORD, P(username))
LIST(user_list, FIELD_none)
OPERATION(user_update, user_update, RECORD, P(id))
OPERATION(user_delete, user_delete, GONE, P(id))
OPERATION(session_create, session_create, RECORD, P(user_id))
OPERATION(session_get, session_principal, RECORD, P(token))
LIST(session_list, P(user_id))
OPERATION(session_delete, session_delete, DELETED, P(token))
OPERATION(session_delete_all, session_delete_all, DELETED, P(user_id))
OPERATION(session_delete_expired, session_delete_expired, DELETED, FIELD_none)
OPERATION(chat_create, chat_create, RECORD, P(user_id) P(question) P(response))
LIST(chat_list_by_user, P(user_id))
OPERATION(chat_count_by_user, chat_count_by_user, COUNT, P(user_id))
LIST(chat_list_by_subject, P(subject_id))
OPERATION(chat_count_by_subject, chat_count_by_subject, COUNT, P(subject_id))
LIST(chat_list_recent, FIELD_none)
OPERATION(chat_delete_old, chat_delete_old, DELETED, P(older_than_days))
OPERATION(subject_create, subject_create, RECORD, P(grade) P(name) P(code))
OPERATION(subject_get, subject_get, RECORD, P(id))
LIST(subject_list, FIELD_none)
OPERATION(subject_update, subject_update, RECORD, P(id))
OPERATION(subject_delete, subject_delete, GONE, P(id))
OPERATION(book_create, book_create, RECORD, P(subject_id) P(title))
OPERATION(book_get, book_get, RECORD, P(id))
LIST(book_list, FIELD_none)
OPERATION(book_update, book_update, RECORD, P(id))
OPERATION(book_delete, book_delete, GONE, P(id))
