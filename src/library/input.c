/* The input of a repository's operation. */
#include "library/input.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "library/failure.h"
#include "repo/cursor.h"

enum { DEFAULT_HOURS = 24, DEFAULT_LIMIT = 50 };

/* Members that stand for a parameter which only the library makes. */
static const struct {
  enum field member;
  enum field parameter;
} stand_ins[] = {
    {FIELD_password, FIELD_password_hash},
    {FIELD_token, FIELD_token_hash},
};

bool input_has_parameter(enum statement statement, enum field field)
{
  const enum field *parameters = statement_rows[statement].parameters;
  for (int i = 0; parameters[i] != FIELD_none; i++) {
    if (parameters[i] == field)
      return true;
  }
  return false;
}

/* Deletions in parts have a limit and a place, too, but the caller does not say where. */
static bool input_is_list(enum statement statement)
{
  return input_has_parameter(statement, FIELD_offset);
}

static bool input_takes(enum statement statement, enum field field)
{
  static const enum field made[] = {FIELD_cursor_time, FIELD_cursor_id, FIELD_old_password_hash, FIELD_changes,
                                    FIELD_kept_token_hash};
  if (field == FIELD_after || field == FIELD_before || field == FIELD_limit)
    return input_is_list(statement);
  for (size_t i = 0; i < sizeof stand_ins / sizeof stand_ins[0]; i++) {
    if (field == stand_ins[i].parameter)
      return false;
    if (field == stand_ins[i].member)
      return input_has_parameter(statement, stand_ins[i].parameter) ||
             statement_column(statement, stand_ins[i].parameter) >= 0;
  }
  for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
    if (field == made[i])
      return false;
  }
  return input_has_parameter(statement, field);
}

/* Takes a JSON value over; returns what is wrong with its type. */
static const char *value_from_json(enum field field, json_object *json, struct value *value)
{
  const struct field_row *row = &field_rows[field];
  value->state = VALUE_NULL;
  if (!json)
    return row->rules & RULE_NULLABLE ? NULL : "must not be null";
  value->state = VALUE_SET;
  if (row->type == FIELD_INTEGER && json_object_is_type(json, json_type_int)) {
    value->integer = json_object_get_int64(json);
    if (value->integer == INT64_MAX && json_object_get_uint64(json) > (uint64_t)INT64_MAX)
      return "is too large"; /* json-c keeps it apart, as an unsigned number */
  } else if (row->type == FIELD_REAL &&
             (json_object_is_type(json, json_type_double) || json_object_is_type(json, json_type_int))) {
    value->real = json_object_get_double(json);
  } else if (row->type == FIELD_TEXT && json_object_is_type(json, json_type_string)) {
    value->text = json_object_get_string(json);
    value->length = (size_t)json_object_get_string_len(json);
    if (!text_is_utf8(value->text, value->length))
      return "must be valid UTF-8";
    if (memchr(value->text, '\0', value->length))
      return "must not contain NUL";
  } else {
    return row->type == FIELD_TEXT ? "must be a text" : "must be a number";
  }
  return field_check(field, value);
}

static enum lontar_error input_read_members(enum statement statement, json_object *object, struct values *values,
                                            struct lontar_failure *failure)
{
  struct json_object_iterator at = json_object_iter_begin(object);
  struct json_object_iterator end = json_object_iter_end(object);
  for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
    const char *name = json_object_iter_peek_name(&at);
    enum field field = field_find(name, strlen(name));
    if (field == FIELD_none || !input_takes(statement, field))
      return failure_set(failure, LONTAR_INVALID, "%.64s: is not known here", name);
    const char *wrong = value_from_json(field, json_object_iter_peek_value(&at), &values->of[field]);
    if (wrong)
      return failure_set(failure, LONTAR_INVALID, "%s: %s", name, wrong);
  }
  return LONTAR_OK;
}

static void value_default(struct value *value, int64_t integer)
{
  if (value->state == VALUE_ABSENT)
    value_set_integer(value, integer);
}

/* Where the page begins: at the cursor, else at the beginning. */
static enum lontar_error input_make_cursor(enum statement statement, struct values *values,
                                           struct lontar_failure *failure)
{
  bool with_time = input_has_parameter(statement, FIELD_cursor_time);
  bool backwards = values->of[FIELD_before].state == VALUE_SET;
  enum field field = backwards ? FIELD_before : FIELD_after;
  const struct value *cursor = &values->of[field];
  int64_t time;
  int64_t id;
  cursor_begin(with_time, &time, &id);
  if (backwards && values->of[FIELD_after].state == VALUE_SET)
    return failure_set(failure, LONTAR_INVALID, "before: cannot be given together with after");
  if (cursor->state == VALUE_SET && !cursor_parse(cursor->text, cursor->length, with_time, &time, &id))
    return failure_set(failure, LONTAR_INVALID, "%s: is no cursor of this list", field_rows[field].name);
  value_set_integer(&values->of[FIELD_cursor_time], time);
  value_set_integer(&values->of[FIELD_cursor_id], id);
  value_default(&values->of[FIELD_limit], DEFAULT_LIMIT);
  value_default(&values->of[FIELD_offset], 0);
  return LONTAR_OK;
}

static enum lontar_error input_make_password(struct input *input, struct lontar_failure *failure)
{
  const struct value *password = &input->values.of[FIELD_password];
  if (password->state != VALUE_SET)
    return LONTAR_OK;
  if (password_hash(password->text, password->length, input->password_hash) != LONTAR_OK)
    return failure_set(failure, LONTAR_BUSY, "no memory is left to hash the password");
  value_set_text(&input->values.of[FIELD_password_hash], input->password_hash, strlen(input->password_hash));
  return LONTAR_OK;
}

/* A new session's token is made, or chosen within its rules; a look-up's may be an old one. */
static enum lontar_error input_make_token(enum statement statement, struct input *input, struct lontar_failure *failure)
{
  struct value *token = &input->values.of[FIELD_token];
  bool chosen = statement == STATEMENT_session_create && token->state == VALUE_SET;
  const char *wrong = chosen ? token_check(token->text, token->length) : NULL;
  if (wrong)
    return failure_set(failure, LONTAR_INVALID, "token: %s", wrong);
  if (token->state != VALUE_SET) {
    token_make(input->token);
    value_set_text(token, input->token, strlen(input->token));
  }
  token_hash(token->text, token->length, input->token_hash);
  value_set_text(&input->values.of[FIELD_token_hash], input->token_hash, strlen(input->token_hash));
  return LONTAR_OK;
}

/* The names that were given, as a PostgreSQL array: null is a change too. */
static void input_make_changes(struct input *input)
{
  size_t length = 1;
  input->changes[0] = '{';
  for (int field = FIELD_none + 1; field < FIELD_changes; field++) {
    if (input->values.of[field].state == VALUE_ABSENT)
      continue;
    size_t room = sizeof input->changes - length - 1;
    int written = snprintf(input->changes + length, room, "%s%s", length > 1 ? "," : "", field_rows[field].name);
    length += written > 0 && (size_t)written < room ? (size_t)written : 0;
  }
  input->changes[length++] = '}';
  value_set_text(&input->values.of[FIELD_changes], input->changes, length);
}

static enum lontar_error input_make(enum statement statement, struct input *input, struct lontar_failure *failure)
{
  if (input_has_parameter(statement, FIELD_changes))
    input_make_changes(input);
  if (input_has_parameter(statement, FIELD_expires_hours))
    value_default(&input->values.of[FIELD_expires_hours], DEFAULT_HOURS);
  if (input_has_parameter(statement, FIELD_token_hash))
    return input_make_token(statement, input, failure);
  if (input_is_list(statement))
    return input_make_cursor(statement, &input->values, failure);
  if (input_has_parameter(statement, FIELD_password_hash))
    return input_make_password(input, failure);
  return LONTAR_OK;
}

enum lontar_error input_read(enum statement statement, const enum field *required, struct json_object *object,
                             struct input *ret_input, struct lontar_failure *failure)
{
  *ret_input = (struct input){0};
  if (object && !json_object_is_type(object, json_type_object))
    return failure_set(failure, LONTAR_MISUSE, "the input is no object");
  enum lontar_error error = object ? input_read_members(statement, object, &ret_input->values, failure) : LONTAR_OK;
  if (error != LONTAR_OK)
    return error;
  for (int i = 0; required[i] != FIELD_none; i++) {
    if (ret_input->values.of[required[i]].state != VALUE_SET)
      return failure_set(failure, LONTAR_INVALID, "%s: is required", field_rows[required[i]].name);
  }
  return input_make(statement, ret_input, failure);
}
