/* Operations that are one statement: a record, a list with its owner and its long texts, a count. */
#include "json/rows.h"
#include "operation/step.h"

static void owner_found(struct operation *operation, const PGresult *rows)
{
  if (PQntuples(rows) == 0)
    step_fail(operation, LONTAR_NOT_FOUND, NULL);
}

/* Nothing belongs to that user or subject: does it exist at all? */
static void find_owner(struct operation *operation)
{
  struct values *values = &operation->values;
  const field_set must = operation->row->must;
  const enum field owner = must & field_set_of(FIELD_user_id)      ? FIELD_user_id
                           : must & field_set_of(FIELD_subject_id) ? FIELD_subject_id
                                                                   : FIELD_none;
  if (owner == FIELD_none || (owner == FIELD_user_id && values->of[owner].integer == operation->caller))
    return;
  values->of[FIELD_id] = values->of[owner];
  step_rows(operation, statement_get(field_rows[owner].name), owner_found);
}

static bool is_first_page(const struct values *values)
{
  return values->of[FIELD_after].state != VALUE_SET && values->of[FIELD_before].state != VALUE_SET &&
         values->of[FIELD_offset].integer == 0;
}

/* One row more than asked for tells that there is one. */
static void list_told(struct operation *operation, const PGresult *rows)
{
  const int limit = (int)operation->values.of[FIELD_limit].integer;
  const int fetched = PQntuples(rows);
  operation->record = operation->statement;
  operation->count = rows_fit(rows, operation->statement, fetched > limit ? limit : fetched);
  operation->more = fetched > operation->count;
  if (fetched == 0 && is_first_page(&operation->values))
    find_owner(operation);
}

void operation_ask_whole(struct operation *operation)
{
  step_rows(operation, statement_long(operation->statement), list_told);
}

static void plain_told(struct operation *operation, const PGresult *rows)
{
  struct value count;
  if (operation->row->shape == SHAPE_LIST) {
    list_told(operation, rows);
  } else if (operation->row->shape == SHAPE_COUNT) {
    if (!step_value(operation, rows, FIELD_count, &count))
      return;
    operation->number = count.integer;
    if (operation->number == 0)
      find_owner(operation);
  } else if (PQntuples(rows) == 0) {
    step_absent(operation);
  } else {
    operation->record = operation->statement;
  }
}

static void plain_ask(struct operation *operation, const PGresult *rows)
{
  (void)rows;
  operation->backwards = operation->values.of[FIELD_before].state == VALUE_SET;
  const enum statement statement = operation->row->statement;
  step_rows(operation, operation->backwards ? statement_before(statement) : statement, plain_told);
}

void step_plain(struct operation *operation, const PGresult *rows)
{
  if (operation->values.of[FIELD_password].state == VALUE_SET)
    step_hash(operation, WANT_HASH, NULL, plain_ask);
  else
    plain_ask(operation, rows);
}
