/* Queries with named parameters, and transactions of them. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "json/reader.h"
#include "library/database.h"
#include "library/failure.h"
#include "library/named.h"

/* A statement translated and its values, ready for wire_run. Borrows from SQL and parameters; prepared_done is due. */
struct prepared {
  struct named named;
  const char **values;
  json_object *copies; /* of values that are no texts */
  struct wire_statement wire;
};

static void prepared_done(struct prepared *prepared)
{
  named_free(&prepared->named);
  free(prepared->values);
  prepared->values = NULL;
  json_object_put(prepared->copies);
  prepared->copies = NULL;
}

/* A value as PostgreSQL reads it. json-c writes the text of a number or a document into the value, which other threads
 * may be reading: so that of a copy is taken. */
static const char *value_text(json_object *value, json_object *copies)
{
  json_object *copy = NULL;
  if (json_object_is_type(value, json_type_string))
    return json_object_get_string(value);
  if (json_object_deep_copy(value, &copy, NULL) != 0 || json_object_array_add(copies, copy) != 0) {
    json_object_put(copy);
    return NULL;
  }
  return json_object_get_string(copy);
}

/* Text may hold neither NUL nor anything but UTF-8, and the server must not be the one to find out. */
static bool value_good(json_object *value, const char *text)
{
  if (!json_object_is_type(value, json_type_string))
    return true;
  size_t length = (size_t)json_object_get_string_len(value);
  return strlen(text) == length && text_is_utf8(text, length);
}

static enum lontar_error value_find(json_object *parameters, const struct named_name *name, json_object *copies,
                                    const char **ret_text, struct lontar_failure *failure)
{
  json_object *value = NULL;
  char key[128];
  if (name->length >= sizeof key)
    return failure_set(failure, LONTAR_MISUSE, "the name of a parameter is too long");
  memcpy(key, name->text, name->length);
  key[name->length] = '\0';
  if (!parameters || !json_object_object_get_ex(parameters, key, &value))
    return failure_set(failure, LONTAR_MISUSE, "there is no parameter %s", key);
  if (!value)
    return LONTAR_OK; /* null */
  const char *text = value_text(value, copies);
  if (!text)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  if (!value_good(value, text))
    return failure_set(failure, LONTAR_INVALID, "the parameter %s is not valid text", key);
  *ret_text = text;
  return LONTAR_OK;
}

/* What may not be sent, because a pool of connections cannot keep its word about it. */
static enum lontar_error kind_check(enum named_kind kind, bool within, struct lontar_failure *failure)
{
  if (kind == NAMED_NOTHING)
    return failure_set(failure, LONTAR_MISUSE, "there is no statement");
  if (kind == NAMED_COPY)
    return failure_set(failure, LONTAR_MISUSE, "COPY needs a borrowed connection");
  if (within && kind == NAMED_CONTROL)
    return failure_set(failure, LONTAR_MISUSE, "a statement would begin or end the transaction that it is part of");
  if (!within && (kind == NAMED_CONTROL || kind == NAMED_SAVEPOINT))
    return failure_set(failure, LONTAR_MISUSE, "a transaction needs lontar_transaction or a borrowed connection");
  return LONTAR_OK;
}

/* `within`: as part of a transaction. */
static enum lontar_error prepared_make(const char *sql, json_object *parameters, bool within, struct prepared *prepared,
                                       struct lontar_failure *failure)
{
  if (!sql || (parameters && !json_object_is_type(parameters, json_type_object)))
    return failure_set(failure, LONTAR_MISUSE, "%s", sql ? "the parameters are no object" : "there is no statement");
  const char *wrong = named_translate(sql, &prepared->named);
  if (wrong)
    return failure_set(failure, wrong == named_no_memory ? LONTAR_INTERNAL : LONTAR_MISUSE, "%s", wrong);
  enum lontar_error kind = kind_check(prepared->named.kind, within, failure);
  if (kind != LONTAR_OK)
    return kind;
  size_t count = prepared->named.count;
  prepared->values = calloc(count + 1, sizeof *prepared->values);
  prepared->copies = json_object_new_array();
  if (!prepared->values || !prepared->copies)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  for (size_t i = 0; i < count; i++) {
    enum lontar_error error =
        value_find(parameters, &prepared->named.names[i], prepared->copies, &prepared->values[i], failure);
    if (error != LONTAR_OK)
      return error;
  }
  prepared->wire = (struct wire_statement){.sql = prepared->named.sql.data,
                                           .count = (int)count,
                                           .values = prepared->values,
                                           .spoils_session = prepared->named.kind == NAMED_SESSION};
  return LONTAR_OK;
}

static enum lontar_error query_run(struct lontar_database *database, const char *sql, json_object *parameters,
                                   PGresult **ret_result, struct lontar_failure *failure)
{
  CLEANUP(prepared_done) struct prepared prepared = {0};
  failure_clear(failure);
  enum lontar_error error = prepared_make(sql, parameters, false, &prepared, failure);
  if (error != LONTAR_OK)
    return error;
  return database_run(database, &prepared.wire, 1, RETRY_NEVER, ret_result, failure);
}

/* PostgreSQL's type numbers, which never change. */
enum { TYPE_BOOL = 16, TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_INT4 = 23, TYPE_OID = 26, TYPE_JSON = 114 };
enum { TYPE_FLOAT4 = 700, TYPE_FLOAT8 = 701, TYPE_JSONB = 3802 };

enum { DOCUMENT_DEPTH_MAX = 32 };

static json_object *text_value(const char *text, int length)
{
  return json_object_new_string_len(text, length);
}

static json_object *integer_value(const char *text, int length)
{
  int64_t number;
  return text_to_integer(text, (size_t)length, &number) ? json_object_new_int64(number) : text_value(text, length);
}

/* NaN and the infinities have no JSON number. */
static json_object *real_value(const char *text, int length)
{
  bool finite = strspn(text, "+-.0123456789eE") == (size_t)length;
  return finite ? json_object_new_double_s(text_to_real(text), text) : text_value(text, length);
}

/* What json-c cannot keep stays text: a name with NUL, a deeper document. False without memory, because NULL is the
 * document `null`. */
static bool document_value(const char *text, int length, json_object **ret_value)
{
  struct json_fault fault;
  enum lontar_error error = json_read_value(text, (size_t)length, DOCUMENT_DEPTH_MAX, ret_value, &fault);
  if (error == LONTAR_INTERNAL)
    return false;
  if (error != LONTAR_OK)
    *ret_value = text_value(text, length);
  return error == LONTAR_OK || *ret_value;
}

/* NULL without memory. */
static json_object *scalar_value(Oid type, const char *text, int length)
{
  switch (type) {
  case TYPE_BOOL:
    return json_object_new_boolean(text[0] == 't');
  case TYPE_INT2:
  case TYPE_INT4:
  case TYPE_INT8:
  case TYPE_OID:
    return integer_value(text, length);
  case TYPE_FLOAT4:
  case TYPE_FLOAT8:
    return real_value(text, length);
  default:
    return text_value(text, length);
  }
}

static bool column_value(Oid type, const char *text, int length, json_object **ret_value)
{
  if (type == TYPE_JSON || type == TYPE_JSONB)
    return document_value(text, length, ret_value);
  *ret_value = scalar_value(type, text, length);
  return *ret_value != NULL;
}

static bool row_add(json_object *object, const char *name, json_object *value)
{
  if (json_object_object_add(object, name, value) == 0)
    return true;
  json_object_put(value);
  return false;
}

static json_object *row_from_text(const PGresult *result, int row)
{
  json_object *object = json_object_new_object();
  for (int column = 0; object && column < PQnfields(result); column++) {
    json_object *value = NULL;
    bool good =
        PQgetisnull(result, row, column) || column_value(PQftype(result, column), PQgetvalue(result, row, column),
                                                         PQgetlength(result, row, column), &value);
    if (!good || !row_add(object, PQfname(result, column), value)) {
      json_object_put(object);
      return NULL;
    }
  }
  return object;
}

enum lontar_error lontar_query(struct lontar_database *database, const char *sql, struct json_object *parameters,
                               struct json_object **ret_rows, struct lontar_failure *failure)
{
  CLEANUP_RESULT PGresult *result = NULL;
  enum lontar_error error = query_run(database, sql, parameters, &result, failure);
  if (error != LONTAR_OK)
    return error;
  json_object *rows = json_object_new_array();
  for (int i = 0; rows && i < PQntuples(result); i++) {
    json_object *row = row_from_text(result, i);
    if (!row || json_object_array_add(rows, row) != 0) {
      json_object_put(row);
      json_object_put(rows);
      rows = NULL;
    }
  }
  if (!rows)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  *ret_rows = rows;
  return LONTAR_OK;
}

enum lontar_error lontar_query_one(struct lontar_database *database, const char *sql, struct json_object *parameters,
                                   struct json_object **ret_row, struct lontar_failure *failure)
{
  CLEANUP_RESULT PGresult *result = NULL;
  enum lontar_error error = query_run(database, sql, parameters, &result, failure);
  if (error != LONTAR_OK)
    return error;
  json_object *row = PQntuples(result) > 0 ? row_from_text(result, 0) : NULL;
  if (!row && PQntuples(result) > 0)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  *ret_row = row;
  return LONTAR_OK;
}

enum lontar_error lontar_execute(struct lontar_database *database, const char *sql, struct json_object *parameters,
                                 int64_t *ret_count, struct lontar_failure *failure)
{
  CLEANUP_RESULT PGresult *result = NULL;
  enum lontar_error error = query_run(database, sql, parameters, &result, failure);
  if (error != LONTAR_OK)
    return error;
  const char *text = PQcmdTuples(result);
  int64_t count = 0;
  (void)text_to_integer(text, strlen(text), &count); /* "" for what changes no rows */
  if (ret_count)
    *ret_count = count;
  return LONTAR_OK;
}

/* All statements of a transaction, translated. The wires have BEGIN before them and COMMIT behind. */
struct batch {
  struct prepared *prepared;
  struct wire_statement *wires;
  size_t count;
};

static void batch_done(struct batch *batch)
{
  for (size_t i = 0; batch->prepared && i < batch->count; i++)
    prepared_done(&batch->prepared[i]);
  free(batch->prepared);
  free(batch->wires);
}

static enum lontar_error batch_make(const struct lontar_statement *statements, size_t count, struct batch *batch,
                                    struct lontar_failure *failure)
{
  batch->count = count;
  batch->prepared = calloc(count, sizeof *batch->prepared);
  batch->wires = calloc(count + 2, sizeof *batch->wires);
  if (!batch->prepared || !batch->wires)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  for (size_t i = 0; i < count; i++) {
    enum lontar_error error =
        prepared_make(statements[i].sql, statements[i].parameters, true, &batch->prepared[i], failure);
    if (error != LONTAR_OK)
      return error;
    batch->wires[i + 1] = batch->prepared[i].wire;
  }
  batch->wires[0].sql = "BEGIN";
  batch->wires[count + 1].sql = "COMMIT";
  return LONTAR_OK;
}

/* What the server forbids within a transaction: a procedure that commits, VACUUM. */
static enum lontar_error forbidden_within(enum lontar_error error, struct lontar_failure *failure)
{
  bool forbidden = strncmp(failure->sqlstate, "2D", 2) == 0 || strcmp(failure->sqlstate, "25001") == 0;
  if (error == LONTAR_OK || !forbidden)
    return error;
  failure->error = LONTAR_MISUSE;
  failure->retriable = false;
  return LONTAR_MISUSE;
}

enum lontar_error lontar_transaction(struct lontar_database *database, const struct lontar_statement *statements,
                                     size_t count, struct lontar_failure *failure)
{
  struct lontar_failure own;
  CLEANUP(batch_done) struct batch batch = {0};
  CLEANUP_RESULT PGresult *result = NULL;
  failure = failure ? failure : &own;
  failure_clear(failure);
  if (count == 0)
    return database_check(database, failure);
  enum lontar_error error = batch_make(statements, count, &batch, failure);
  if (error != LONTAR_OK)
    return error;
  error = database_run(database, batch.wires, count + 2, RETRY_CONFLICT, &result, failure);
  return forbidden_within(error, failure);
}
