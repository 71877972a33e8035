/* The table of statements, and values in PostgreSQL's binary formats. */
#include "repo/statement.h"

#include <endian.h>
#include <string.h>

const struct statement_row statement_rows[STATEMENT_COUNT] = {
    [STATEMENT_none] = {.name = "none", .sql = ""},
#define FIELDS(...) __VA_ARGS__
#define STATEMENT(name, kind, parameters, columns, sql)                                                                \
  [STATEMENT_##name] = {#name, kind, {FIELDS parameters}, {FIELDS columns}, sql},
#include "repo/statements.def"
#undef STATEMENT
#undef FIELDS
};

/* Type numbers of pg_type, which never change. */
enum { TYPE_INT8 = 20, TYPE_TEXT = 25, TYPE_FLOAT8 = 701, TYPE_TIMESTAMPTZ = 1184 };

int statement_field_count(const enum field *fields)
{
  int count = 0;
  while (fields[count] != FIELD_none)
    count++;
  return count;
}

int statement_column(enum statement statement, enum field field)
{
  const enum field *columns = statement_rows[statement].columns;
  for (int i = 0; columns[i] != FIELD_none; i++)
    if (columns[i] == field)
      return i;
  return -1;
}

bool statement_takes(enum statement statement, enum field field)
{
  const enum field *parameter = statement_rows[statement].parameters;
  while (*parameter != FIELD_none && *parameter != field)
    parameter++;
  return *parameter != FIELD_none;
}

enum statement statement_get(const char *resource)
{
  const size_t length = strcspn(resource, "_");
  int statement = STATEMENT_COUNT - 1;
  while (statement > STATEMENT_none && (strncmp(statement_rows[statement].name, resource, length) != 0 ||
                                        strcmp(statement_rows[statement].name + length, "_get") != 0))
    statement--;
  return (enum statement)statement;
}

enum statement statement_long(enum statement list)
{
  const int other = (int)list + 2;
  return other < STATEMENT_COUNT && statement_rows[other].kind == BULKY ? (enum statement)other : STATEMENT_none;
}

bool statement_inserts(enum statement statement)
{
  static const char insert[] = "INSERT INTO ";
  return strncmp(statement_rows[statement].sql, insert, sizeof insert - 1) == 0;
}

int statement_types(enum statement statement, unsigned *types)
{
  static const unsigned type_numbers[] = {
      [FIELD_INTEGER] = TYPE_INT8,
      [FIELD_REAL] = TYPE_FLOAT8,
      [FIELD_TEXT] = TYPE_TEXT,
      [FIELD_TIME] = TYPE_TIMESTAMPTZ,
  };
  const enum field *fields = statement_rows[statement].parameters;
  int count = 0;
  for (; fields[count] != FIELD_none; count++)
    types[count] = type_numbers[field_rows[fields[count]].type];
  return count;
}

/* The 64 bits of a number, which PostgreSQL expects in network order. */
static uint64_t number_bits(enum field_type type, const struct value *value)
{
  uint64_t bits;
  if (type == FIELD_REAL)
    memcpy(&bits, &value->real, sizeof bits);
  else
    bits = (uint64_t)value->integer;
  return bits;
}

void statement_bind(enum statement statement, const struct values *values, struct statement_parameters *ret_parameters)
{
  const enum field *fields = statement_rows[statement].parameters;
  int at = 0;
  for (; fields[at] != FIELD_none; at++) {
    const struct value *value = &values->of[fields[at]];
    enum field_type type = field_rows[fields[at]].type;
    ret_parameters->formats[at] = 1; /* text too: its binary form is the same and needs no closing NUL */
    ret_parameters->values[at] = NULL;
    ret_parameters->lengths[at] = 0;
    if (value->state != VALUE_SET)
      continue;
    if (type == FIELD_TEXT) {
      ret_parameters->values[at] = value->length > 0 ? value->text : ""; /* NULL would be SQL's NULL */
      ret_parameters->lengths[at] = (int)value->length;
      continue;
    }
    uint64_t network = htobe64(number_bits(type, value));
    memcpy(ret_parameters->numbers[at], &network, sizeof network);
    ret_parameters->values[at] = (const char *)ret_parameters->numbers[at];
    ret_parameters->lengths[at] = sizeof network;
  }
  ret_parameters->count = at;
}

static bool read_integer(const char *data, int length, int64_t *ret_number)
{
  uint64_t bits64;
  uint32_t bits32;
  uint16_t bits16;
  switch (length) {
  case sizeof bits64:
    memcpy(&bits64, data, sizeof bits64);
    *ret_number = (int64_t)be64toh(bits64);
    return true;
  case sizeof bits32:
    memcpy(&bits32, data, sizeof bits32);
    *ret_number = (int32_t)be32toh(bits32);
    return true;
  case sizeof bits16:
    memcpy(&bits16, data, sizeof bits16);
    *ret_number = (int16_t)be16toh(bits16);
    return true;
  default:
    return false;
  }
}

static bool read_real(const char *data, int length, double *ret_number)
{
  if (length == 4) {
    uint32_t bits;
    float number;
    memcpy(&bits, data, sizeof bits);
    bits = be32toh(bits);
    memcpy(&number, &bits, sizeof number);
    *ret_number = (double)number;
    return true;
  }
  uint64_t bits;
  if (length != sizeof bits)
    return false;
  memcpy(&bits, data, sizeof bits);
  bits = be64toh(bits);
  memcpy(ret_number, &bits, sizeof bits);
  return true;
}

bool statement_read(enum field field, const char *data, int length, struct value *ret_value)
{
  struct value value = {.state = data != NULL ? VALUE_SET : VALUE_NULL};
  bool good = true;
  if (data != NULL) {
    switch (field_rows[field].type) {
    case FIELD_INTEGER:
      good = read_integer(data, length, &value.integer);
      break;
    case FIELD_REAL:
      good = read_real(data, length, &value.real);
      break;
    case FIELD_TEXT:
      value_set_text(&value, data, (size_t)length);
      break;
    case FIELD_TIME:
      good = length == 8 && read_integer(data, length, &value.integer);
      break;
    }
  }
  if (good)
    *ret_value = value;
  return good;
}
