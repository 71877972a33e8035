/* Whether an input is good as a whole, and what it leaves to default: cursor, life, token, the fields that change. */
#include <string.h>

#include "operation/step.h"
#include "repo/cursor.h"

enum { DEFAULT_LIMIT = 50 };

static bool is_given(const struct operation *operation, enum field field)
{
  return operation->values.of[field].state != VALUE_ABSENT;
}

static void set_default(struct operation *operation, enum field field, int64_t number)
{
  if (!is_given(operation, field))
    value_set_integer(&operation->values.of[field], number);
}

/* What was given and refused has its own problem. */
static void check_required(const struct operation *operation, struct problems *problems)
{
  for (field_set left = operation->row->must; left != 0;) {
    const enum field field = field_set_take(&left);
    if (!is_given(operation, field) && !problems_have(problems, field))
      problems_add_field(problems, field, "is required");
  }
}

/* The names of what is given beside the id, as PostgreSQL writes an array; they need no quotes. */
static void list_changes(struct operation *operation, struct problems *problems)
{
  char *out = operation->changes;
  size_t written = 0;
  for (field_set left = operation->row->may; left != 0;) {
    const enum field field = field_set_take(&left);
    const char *name = field_rows[field].name;
    const size_t length = strlen(name);
    if (!is_given(operation, field) || written + length + 2 > sizeof operation->changes)
      continue;
    out[written] = written == 0 ? '{' : ',';
    memcpy(out + written + 1, name, length);
    written += length + 1;
  }
  if (written == 0 && problems->count == 0)
    problems_add(problems, "", 0, "at least one field must be given");
  out[written++] = '}';
  value_set_text(&operation->values.of[FIELD_changes], out, written);
}

void step_token(struct operation *operation)
{
  struct value *token = &operation->values.of[FIELD_token];
  if (token->state != VALUE_SET) {
    token_make(operation->token);
    value_set_text(token, operation->token, strlen(operation->token));
  }
  token_hash(token->text, token->length, operation->token_hash);
  value_set_text(&operation->values.of[FIELD_token_hash], operation->token_hash, strlen(operation->token_hash));
}

/* One that is chosen has rules; one that is shown may be an old one. */
static void read_token(struct operation *operation, struct problems *problems)
{
  const struct value *token = &operation->values.of[FIELD_token];
  const bool chosen = operation->row->may & field_set_of(FIELD_token) && token->state == VALUE_SET;
  const char *wrong = chosen ? token_check(token->text, token->length) : NULL;
  if (wrong != NULL)
    problems_add_field(problems, FIELD_token, wrong);
  else
    step_token(operation);
}

static enum lontar_error read_cursor(struct operation *operation, struct problems *problems)
{
  struct values *values = &operation->values;
  const bool with_time = statement_takes(operation->row->statement, FIELD_cursor_time);
  const enum field field = is_given(operation, FIELD_before) ? FIELD_before : FIELD_after;
  const struct value *cursor = &values->of[field];
  int64_t time;
  int64_t id;
  set_default(operation, FIELD_limit, DEFAULT_LIMIT);
  set_default(operation, FIELD_offset, 0);
  if (is_given(operation, FIELD_after) && is_given(operation, FIELD_before)) {
    problems_add_field(problems, FIELD_before, "cannot be given together with after");
    return LONTAR_INVALID;
  }
  cursor_begin(with_time, &time, &id);
  if (cursor->state == VALUE_SET && !cursor_parse(cursor->text, cursor->length, with_time, &time, &id)) {
    problems_add_field(problems, field, "is not a cursor of this list");
    return LONTAR_MALFORMED;
  }
  value_set_integer(&values->of[FIELD_cursor_time], time);
  value_set_integer(&values->of[FIELD_cursor_id], id);
  return LONTAR_OK;
}

enum lontar_error operation_prepare(struct operation *operation, struct problems *problems)
{
  const struct operation_row *row = operation->row;
  check_required(operation, problems);
  if (row->shape == SHAPE_CHANGE)
    list_changes(operation, problems);
  if (row->shape == SHAPE_SESSION || row->shape == SHAPE_LOGIN)
    set_default(operation, FIELD_expires_hours, operation->session_hours);
  if (operation_inputs(row) & field_set_of(FIELD_token) && !problems_have(problems, FIELD_token))
    read_token(operation, problems);
  if (problems->count == 0)
    return row->shape == SHAPE_LIST ? read_cursor(operation, problems) : LONTAR_OK;
  /* A cursor that is none cannot be read, which is another error than a value that breaks a rule. */
  const int cursors = problems_have(problems, FIELD_after) + problems_have(problems, FIELD_before);
  return row->shape == SHAPE_LIST && cursors == problems->count ? LONTAR_MALFORMED : LONTAR_INVALID;
}
