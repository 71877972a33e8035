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

/* More than a record takes beside its texts. A result of SURELY_FITS bytes cannot make too large a page: a byte becomes
 * six at most. */
enum { RECORD_SIZE = 512, SURELY_FITS = PAGE_BYTES / 8 };

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

static inline enum rows_outcome write_members(struct buffer *buffer, const PGresult *result, int row,
                                              const enum field *columns)
{
  enum rows_outcome outcome = ROWS_WRITTEN;
  bool first = true;
  for (int column = 0; columns[column] != FIELD_none; column++) {
    const enum field field = columns[column];
    if (field_rows[field].rules & RULE_SECRET)
      continue;
    struct value value;
    const int length = PQgetlength(result, row, column);
    const bool is_null = length == 0 && PQgetisnull(result, row, column);
    if (is_null && field_rows[field].type == FIELD_TEXT && !(field_rows[field].rules & RULE_NULLABLE))
      outcome = ROWS_LEFT_OUT;
    if (!statement_read(field, is_null ? NULL : PQgetvalue(result, row, column), length, &value))
      return ROWS_UNREADABLE;
    buffer_append(buffer, prefixes[field].text + first, prefixes[field].length - first);
    json_value(buffer, field, &value);
    first = false;
  }
  return outcome;
}

bool rows_write_members(struct buffer *buffer, const PGresult *result, int row, enum statement statement)
{
  const enum field *columns = statement_rows[statement].columns;
  return fits(result, columns) && row < PQntuples(result) &&
         write_members(buffer, result, row, columns) != ROWS_UNREADABLE;
}

bool rows_write_record(struct buffer *buffer, const PGresult *result, int row, enum statement statement)
{
  buffer_append(buffer, "{", 1);
  const bool good = rows_write_members(buffer, result, row, statement);
  buffer_append(buffer, "}", 1);
  return good;
}

/* At least what the record takes as JSON. */
static size_t record_size(const PGresult *result, int row, const enum field *columns)
{
  size_t size = RECORD_SIZE;
  for (int column = 0; columns[column] != FIELD_none; column++)
    if (field_rows[columns[column]].type == FIELD_TEXT)
      size += json_string_size(PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column));
  return size;
}

int rows_fit(const PGresult *result, enum statement statement, int count)
{
  const enum field *columns = statement_rows[statement].columns;
  if (PQresultMemorySize(result) <= SURELY_FITS || !fits(result, columns))
    return count;
  size_t size = 0;
  for (int row = 0; row < count; row++) {
    size += record_size(result, row, columns);
    if (size > PAGE_BYTES && row > 0)
      return row;
  }
  return count;
}

enum rows_outcome rows_write_items(struct buffer *buffer, const PGresult *result, enum statement statement, int count,
                                   bool backwards)
{
  enum rows_outcome outcome = ROWS_WRITTEN;
  const enum field *columns = statement_rows[statement].columns;
  if (!fits(result, columns) || count > PQntuples(result))
    return ROWS_UNREADABLE;
  buffer_append(buffer, "[", 1);
  for (int i = 0; i < count; i++) {
    buffer_append(buffer, ",{" + (i == 0), 1 + (size_t)(i > 0));
    const enum rows_outcome written = write_members(buffer, result, backwards ? count - 1 - i : i, columns);
    buffer_append(buffer, "}", 1);
    outcome = written > outcome ? written : outcome;
    if (written == ROWS_UNREADABLE)
      break;
  }
  buffer_append(buffer, "]", 1);
  return outcome;
}

bool rows_value(const PGresult *result, int row, enum statement statement, enum field field, struct value *ret_value)
{
  const int column = statement_column(statement, field);
  if (column < 0 || column >= PQnfields(result) || row >= PQntuples(result))
    return false;
  const char *data = PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
  return statement_read(field, data, PQgetlength(result, row, column), ret_value);
}

bool rows_values(const PGresult *result, int row, enum statement statement, struct values *ret_values)
{
  bool good = true;
  for (const enum field *column = statement_rows[statement].columns; *column != FIELD_none; column++)
    good = good && rows_value(result, row, statement, *column, &ret_values->of[*column]);
  return good;
}
