/* The table of operations, and what they are told. */
#include "operation/operation.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "operation/step.h"

#define BIT(field) | UINT64_C(1) << FIELD_##field

const struct operation_row operation_rows[OPERATION_COUNT] = {
    [OPERATION_none].name = "none",
#define MUST(field) BIT(field)
#define MAY(field)
#define OPERATION(row, shape_of_it, inputs, owned_by, answer, step)                                                    \
  [OPERATION_##row].name = #row, [OPERATION_##row].shape = SHAPE_##shape_of_it, [OPERATION_##row].must = 0 inputs,     \
  [OPERATION_##row].owner = FIELD_##owned_by, [OPERATION_##row].statement = STATEMENT_##answer,                        \
  [OPERATION_##row].first = step_##step,
#include "operation/operations.def"
#undef OPERATION
#undef MUST
#undef MAY
#define MUST(field)
#define MAY(field) BIT(field)
#define OPERATION(row, shape_of_it, inputs, ...) [OPERATION_##row].may = 0 inputs,
#include "operation/operations.def"
#undef OPERATION
#undef MUST
#undef MAY
};

enum operation_number operation_find(const char *name)
{
  int number = OPERATION_COUNT - 1;
  while (number > OPERATION_none && strcmp(operation_rows[number].name, name) != 0)
    number--;
  return (enum operation_number)number;
}

void operation_begin(struct operation *operation)
{
  operation->row->first(operation, NULL);
}

void operation_told_rows(struct operation *operation, enum lontar_error error, const PGresult *rows, int64_t now)
{
  operation->want = WANT_NOTHING;
  operation->now = now;
  if (error == LONTAR_OK && PQntuples(rows) == 0 && statement_inserts(operation->statement)) {
    step_fail(operation, LONTAR_INTERNAL,
              "the statement gave no row: a trigger or rule of its table keeps records out");
  } else if (error == LONTAR_OK) {
    operation->next(operation, rows);
  } else if (operation->otherwise != NULL) {
    operation->otherwise(operation, NULL);
  } else if (operation->number > 0) { /* of a deletion: an error would say that nothing was written */
    operation->more = true;
  } else {
    operation->error = error;
    operation->by_server = true;
  }
}

void operation_told_hash(struct operation *operation, enum lontar_error error, enum password_verdict verdict,
                         const char *hash)
{
  operation->want = WANT_NOTHING;
  if (error != LONTAR_OK) {
    step_fail(operation, error, NULL);
    (void)snprintf(operation->detail, sizeof operation->detail, OPERATION_NO_MEMORY);
    return;
  }
  operation->verdict = verdict;
  const int length = snprintf(operation->hash, sizeof operation->hash, "%s", hash);
  if (length > 0)
    value_set_text(&operation->values.of[FIELD_password_hash], operation->hash, (size_t)length);
  operation->next(operation, NULL);
}

void operation_clear(struct operation *operation)
{
  PQclear(operation->kept);
  operation->kept = NULL;
  sodium_memzero(operation->token, sizeof operation->token);
}
