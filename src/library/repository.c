/* The repositories: every operation by its name, as a function each and as lontar_call. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include <lontar/repository.h>

#include "base/clock.h"
#include "json/body.h"
#include "json/reader.h"
#include "library/database.h"
#include "library/failure.h"
#include "operation/operation.h"
#include "pool/verdict.h"

/* Records have one level, lists three. */
enum { ANSWER_DEPTH_MAX = 4, ANSWER_MAX = 32 << 20, HOUR = 3600000 };

/* The names of what is wrong and why, as far as the message has room. */
static enum lontar_error fail_input(const struct problems *problems, enum lontar_error error,
                                    struct lontar_failure *failure)
{
  char text[sizeof failure->message] = "";
  size_t length = 0;
  for (int i = 0; i < problems->count && length < sizeof text; i++) {
    const struct problem *problem = &problems->of[i];
    const int written = snprintf(text + length, sizeof text - length, "%s%s%s%s", i > 0 ? "; " : "", problem->field,
                                 problem->field[0] != '\0' ? ": " : "", problem->message);
    length += written > 0 ? (size_t)written : 0;
  }
  return failure_set(failure, error, "%s", text);
}

static enum lontar_error read_input(struct json_object *object, struct operation *operation,
                                    struct lontar_failure *failure)
{
  const struct field_inputs inputs = {operation->row->must, operation->row->may};
  struct problems problems;
  problems_init(&problems);
  if (object != NULL && !json_object_is_type(object, json_type_object))
    return failure_set(failure, LONTAR_MISUSE, "the input is no object");
  if (object != NULL)
    (void)body_read(object, &inputs, true, &operation->values, &problems);
  const enum lontar_error error = operation_prepare(operation, &problems);
  return error == LONTAR_OK ? LONTAR_OK : fail_input(&problems, error, failure);
}

/* Runs what an operation wants, with what may be repeated of its kind. The caller clears the result, which is binary.
 */
static enum lontar_error run_statement(struct lontar_database *database, const struct operation *operation,
                                       PGresult **ret_rows, struct lontar_failure *failure)
{
  const enum statement statement = operation->statement;
  struct statement_parameters parameters;
  Oid types[STATEMENT_FIELDS_MAX];
  statement_types(statement, types);
  statement_bind(statement, &operation->values, &parameters);
  const struct asked asked = {statement, &operation->values, operation_inputs(operation->row)};
  const struct wire_statement wire = {
      .sql = statement_rows[statement].sql,
      .count = parameters.count,
      .types = types,
      .values = parameters.values,
      .lengths = parameters.lengths,
      .formats = parameters.formats,
      .result_format = 1,
      .asked = &asked,
  };
  unsigned retry = RETRY_CONFLICT | (statement_reads(statement) ? RETRY_LOST : 0);
  failure_clear(failure);
  return database_run(database, &wire, 1, retry, ret_rows, failure);
}

static void hash_now(struct operation *operation)
{
  const struct value *password = &operation->values.of[FIELD_password];
  const char *stored = operation->stored;
  enum password_verdict verdict = PASSWORD_WRONG;
  char hash[PASSWORD_HASH_SIZE] = "";
  const int error = operation->want == WANT_HASH ? password_hash(password->text, password->length, hash)
                                                 : password_check(stored, stored != NULL ? strlen(stored) : 0,
                                                                  password->text, password->length, &verdict, hash);
  operation_told_hash(operation, (enum lontar_error)error, verdict, hash);
}

/* Runs an operation that has begun to its end; `*rows` become those that it was told last, perhaps NULL. `failure` is
 * that of the statement that ran last. */
static void run_operation(struct lontar_database *database, struct operation *operation, PGresult **rows,
                          struct lontar_failure *failure)
{
  while (operation->want != WANT_NOTHING) {
    if (operation->want != WANT_ROWS) {
      hash_now(operation);
      continue;
    }
    PQclear(*rows);
    *rows = NULL;
    const enum lontar_error error = run_statement(database, operation, rows, failure);
    operation_told_rows(operation, error, *rows, clock_steady());
  }
}

/* The failure that the operation ended with, perhaps that of its last statement. Where records went before it, it tells
 * so: the next call goes on. */
static enum lontar_error fail_operation(const struct operation *operation, struct lontar_failure *last,
                                        struct lontar_failure *failure)
{
  const char *detail = operation->detail[0] != '\0' ? operation->detail : lontar_error_text(operation->error);
  if (!operation->by_server && !operation->more)
    (void)failure_set(last, operation->error, "%s", operation->reason != NULL ? operation->reason : detail);
  const size_t length = strlen(last->message);
  if (operation->number > 0) {
    last->retriable = false;
    (void)snprintf(last->message + length, sizeof last->message - length, "; %lld records are deleted, call again",
                   (long long)operation->number);
  }
  if (failure != NULL)
    *failure = *last;
  return last->error;
}

/* Runs an operation that has begun and gives its answer, a second time where the first one would lack long texts. */
static enum lontar_error finish(struct lontar_database *database, struct operation *operation, struct json_object **ret,
                                struct lontar_failure *failure)
{
  CLEANUP_RESULT PGresult *rows = NULL;
  CLEANUP(buffer_free) struct buffer text;
  enum rows_outcome outcome = ROWS_LEFT_OUT;
  struct lontar_failure last;
  struct json_fault fault;
  buffer_init(&text, ANSWER_MAX);
  failure_clear(&last);
  while (outcome == ROWS_LEFT_OUT) {
    run_operation(database, operation, &rows, &last);
    const bool stopped = operation->more && operation->row->shape >= SHAPE_GONE;
    if (operation->error != LONTAR_OK || (stopped && ret == NULL))
      return fail_operation(operation, &last, failure);
    if (ret == NULL)
      return LONTAR_OK;
    buffer_clear(&text, 0);
    outcome = operation_write(operation, rows, field_rows[FIELD_count].name, &text);
    if (outcome == ROWS_LEFT_OUT)
      operation_ask_whole(operation);
  }
  if (outcome == ROWS_UNREADABLE)
    return failure_set(failure, LONTAR_INTERNAL, OPERATION_UNREADABLE);
  if (text.failed || json_read_value(text.data, text.length, ANSWER_DEPTH_MAX, ret, &fault) != LONTAR_OK)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  return LONTAR_OK;
}

static enum lontar_error call(struct lontar_database *database, enum operation_number number, struct json_object *input,
                              struct json_object **ret, struct lontar_failure *failure)
{
  CLEANUP(operation_clear)
  struct operation operation = {
      .row = &operation_rows[number],
      .until = INT64_MAX,
      .session_hours = database_options(database)->session_lifetime / HOUR,
  };
  failure_clear(failure);
  enum lontar_error error = read_input(input, &operation, failure);
  if (error != LONTAR_OK)
    return error;
  operation_begin(&operation);
  return finish(database, &operation, ret, failure);
}

enum lontar_error lontar_call(struct lontar_database *database, const char *operation, struct json_object *input,
                              struct json_object **ret, struct lontar_failure *failure)
{
  const enum operation_number number = operation != NULL ? operation_find(operation) : OPERATION_none;
  if (number == OPERATION_none)
    return failure_set(failure, LONTAR_MISUSE, "there is no operation %.64s", operation != NULL ? operation : "NULL");
  return call(database, number, input, ret, failure);
}

/* liblontar.map exports those that the header names. */
#define OPERATION(name, ...)                                                                                           \
  LONTAR_OPERATION(name);                                                                                              \
  LONTAR_OPERATION(name)                                                                                               \
  {                                                                                                                    \
    return call(database, OPERATION_##name, input, ret, failure);                                                      \
  }
#include "operation/operations.def"
