/* Statements of the repository on a database. */
#include "library/run.h"

#include "pool/verdict.h"

enum lontar_error run_statement(struct lontar_database *database, enum statement statement, const struct values *values,
                                PGresult **ret_result, struct lontar_failure *failure)
{
  struct statement_parameters parameters;
  Oid types[STATEMENT_FIELDS_MAX];
  statement_types(statement, types);
  statement_bind(statement, values, &parameters);
  const struct asked asked = {statement, values, verdict_fields(statement)};
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
  return database_run(database, &wire, 1, retry, ret_result, failure);
}

struct value run_column(enum statement statement, const PGresult *result, int row, enum field field)
{
  struct value value = {.state = VALUE_NULL};
  int column = statement_column(statement, field);
  if (column >= 0 && !PQgetisnull(result, row, column))
    (void)statement_read(field, PQgetvalue(result, row, column), PQgetlength(result, row, column), &value);
  return value;
}
