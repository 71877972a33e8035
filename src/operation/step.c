/* What steps are made of. */
#include "operation/step.h"

#include "json/rows.h"

void step_try(struct operation *operation, enum statement statement, operation_step *next, operation_step *otherwise)
{
  operation->want = WANT_ROWS;
  operation->statement = statement;
  operation->next = next;
  operation->otherwise = otherwise;
}

void step_rows(struct operation *operation, enum statement statement, operation_step *next)
{
  step_try(operation, statement, next, NULL);
}

void step_hash(struct operation *operation, enum operation_want want, const char *stored, operation_step *next)
{
  operation->want = want;
  operation->stored = stored;
  operation->next = next;
}

void step_end(struct operation *operation, const PGresult *rows)
{
  (void)rows;
  operation->want = WANT_NOTHING;
}

void step_fail(struct operation *operation, enum lontar_error error, const char *reason)
{
  operation->want = WANT_NOTHING;
  operation->error = error;
  operation->reason = reason;
}

bool step_keep(struct operation *operation, const PGresult *rows)
{
  PQclear(operation->kept);
  operation->kept = PQcopyResult(rows, PG_COPYRES_ATTRS | PG_COPYRES_TUPLES);
  operation->record = operation->statement;
  if (operation->kept == NULL)
    step_fail(operation, LONTAR_INTERNAL, "no memory is left");
  return operation->kept != NULL;
}

bool step_value(struct operation *operation, const PGresult *rows, enum field field, struct value *ret_value)
{
  if (rows_value(rows, 0, operation->statement, field, ret_value) && ret_value->state == VALUE_SET)
    return true;
  step_fail(operation, LONTAR_INTERNAL, OPERATION_UNREADABLE);
  return false;
}

static void looked_for(struct operation *operation, const PGresult *rows)
{
  if (PQntuples(rows) == 0)
    step_fail(operation, LONTAR_NOT_FOUND, NULL);
  else
    step_fail(operation, LONTAR_INTERNAL, STEP_KEPT);
}

void step_absent(struct operation *operation)
{
  const struct operation_row *row = operation->row;
  const enum statement reader = statement_get(row->name);
  if (statement_reads(row->statement) || reader == STATEMENT_none)
    step_fail(operation, LONTAR_NOT_FOUND, NULL);
  else
    step_rows(operation, reader, looked_for);
}
