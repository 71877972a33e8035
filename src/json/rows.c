/* Writes rows of results as JSON. */
#include "json/rows.h"

#include <string.h>

#include "json/writer.h"

/* `,"name":` by field; the first of a record is written without its comma. */
struct prefix {
  const char *text;
  size_t length;
};

static const struct prefix prefixes[FIELD_COUNT] = {
#define FIELD(name, ...) [FIELD_##name] = {",\"" #name "\":", sizeof ",\"" #name "\":" - 1},
#include "repo/fields.def"
#undef FIELD
};

static bool is_secret(enum field field)
{
  return field == FIELD_password_hash || field == FIELD_old_password_hash || field == FIELD_token_hash;
}

/* Whether the result has the statement's columns, all of them in binary. */
static bool fits(const PGresult *result, const enum field *columns)
{
  int count = statement_field_count(columns);
  if (PQnfields(result) != count)
    return false;
  for (int column = 0; column < count; column++)
    if (PQfformat(result, column) != 1)
      return false;
  return true;
}

static bool write_record(struct buffer *buffer, const PGresult *result, int row, const enum field *columns)
{
  bool first = true;
  buffer_append(buffer, "{", 1);
  for (int column = 0; columns[column] != FIELD_none; column++) {
    enum field field = columns[column];
    if (is_secret(field))
      continue;
    struct value value;
    const int length = PQgetlength(result, row, column);
    const bool is_null = length == 0 && PQgetisnull(result, row, column);
    if (!statement_read(field, is_null ? NULL : PQgetvalue(result, row, column), length, &value))
      return false;
    buffer_append(buffer, prefixes[field].text + first, prefixes[field].length - first);
    json_value(buffer, field, &value);
    first = false;
  }
  buffer_append(buffer, "}", 1);
  return true;
}

bool rows_write_record(struct buffer *buffer, const PGresult *result, int row, enum statement statement)
{
  const enum field *columns = statement_rows[statement].columns;
  return fits(result, columns) && row < PQntuples(result) && write_record(buffer, result, row, columns);
}

bool rows_write_items(struct buffer *buffer, const PGresult *result, enum statement statement, int first, int count,
                      bool backwards)
{
  const enum field *columns = statement_rows[statement].columns;
  if (!fits(result, columns) || first + count > PQntuples(result))
    return false;
  buffer_append(buffer, "[", 1);
  for (int i = 0; i < count; i++) {
    if (i > 0)
      buffer_append(buffer, ",", 1);
    if (!write_record(buffer, result, backwards ? first + count - 1 - i : first + i, columns))
      return false;
  }
  buffer_append(buffer, "]", 1);
  return true;
}
