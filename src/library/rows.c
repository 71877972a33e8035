/* Results as json-c objects. */
#include "library/rows.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "json/reader.h"

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

bool row_add(json_object *object, const char *name, json_object *value)
{
  if (json_object_object_add(object, name, value) == 0)
    return true;
  json_object_put(value);
  return false;
}

json_object *row_from_text(const PGresult *result, int row)
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

/* False without memory. As over HTTP it is null where JSON or RFC 3339 does not know the value. */
static bool field_value(enum field field, const struct value *value, json_object **ret_value)
{
  char time[CLOCK_RFC3339_SIZE];
  size_t length = 0;
  *ret_value = NULL;
  if (value->state != VALUE_SET)
    return true;
  switch (field_rows[field].type) {
  case FIELD_INTEGER:
    *ret_value = json_object_new_int64(value->integer);
    break;
  case FIELD_REAL:
    if (!isfinite(value->real))
      return true;
    *ret_value = json_object_new_double(value->real);
    break;
  case FIELD_TIME:
    length = field_time_text(value->integer, time);
    if (length == 0)
      return true;
    *ret_value = json_object_new_string_len(time, (int)length);
    break;
  case FIELD_TEXT:
    *ret_value = json_object_new_string_len(value->text, (int)value->length);
    break;
  }
  return *ret_value != NULL;
}

json_object *row_from_statement(enum statement statement, const PGresult *result, int row)
{
  const enum field *columns = statement_rows[statement].columns;
  json_object *object = json_object_new_object();
  for (int i = 0; object && columns[i] != FIELD_none; i++) {
    struct value value = {.state = VALUE_NULL};
    const char *data = PQgetisnull(result, row, i) ? NULL : PQgetvalue(result, row, i);
    json_object *read = NULL;
    bool good =
        statement_read(columns[i], data, PQgetlength(result, row, i), &value) && field_value(columns[i], &value, &read);
    if (!good || !row_add(object, field_rows[columns[i]].name, read)) {
      json_object_put(object);
      return NULL;
    }
  }
  return object;
}
