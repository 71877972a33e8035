/* Path, query and body into the values of an exchange. */
#include "handler/input.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "handler/exchange.h"
#include "json/body.h"
#include "repo/cursor.h"

enum { DEFAULT_LIMIT = 50 };

bool statement_takes(enum statement statement, enum field field)
{
  for (const enum field *parameter = statement_rows[statement].parameters; *parameter != FIELD_none; parameter++)
    if (*parameter == field)
      return true;
  return false;
}

/* Problems are large and rare, so an exchange has none of its own until it needs them. */
static void keep_problems(struct exchange *exchange, const struct problems *problems)
{
  if (problems->count == 0 && problems->detail[0] == '\0')
    return;
  exchange->problems = malloc(sizeof *exchange->problems);
  if (exchange->problems != NULL)
    *exchange->problems = *problems;
}

static const char *decode_capture(struct exchange *exchange, const struct route_capture *capture, size_t *ret_length)
{
  char *text = exchange->scratch_next;
  const char *wrong = text_decode(capture->text, capture->length, text, ret_length);
  if (wrong == NULL && memchr(text, '\0', *ret_length) != NULL)
    return "the character NUL";
  return wrong;
}

static enum lontar_error read_capture(struct exchange *exchange, const struct route_capture *capture)
{
  const char *text = exchange->scratch_next;
  size_t length;
  const char *wrong = decode_capture(exchange, capture, &length);
  if (wrong != NULL) {
    struct problems problems;
    problems_init(&problems);
    problems_tell(&problems, "In the path, in %s: %s", field_rows[capture->field].name, wrong);
    keep_problems(exchange, &problems);
    return LONTAR_MALFORMED;
  }
  exchange->scratch_next += length;
  return field_parse(capture->field, text, length, &exchange->path.of[capture->field]) == NULL ? LONTAR_OK
                                                                                               : LONTAR_NOT_FOUND;
}

enum lontar_error input_read_path(struct exchange *exchange)
{
  for (int i = 0; i < exchange->match.capture_count; i++) {
    enum lontar_error error = read_capture(exchange, &exchange->match.captures[i]);
    if (error != LONTAR_OK)
      return error;
  }
  exchange->values = exchange->path;
  return LONTAR_OK;
}

static enum lontar_error wrong_field(struct problems *problems, enum field field, const char *message)
{
  problems_add(problems, field_rows[field].name, strlen(field_rows[field].name), message);
  return LONTAR_INVALID;
}

/* A cursor that is none cannot be read, which is another error than a value that breaks a rule. */
static bool only_cursors_are_wrong(const struct problems *problems)
{
  for (int i = 0; i < problems->count; i++)
    if (strcmp(problems->of[i].field, field_rows[FIELD_after].name) != 0 &&
        strcmp(problems->of[i].field, field_rows[FIELD_before].name) != 0)
      return false;
  return true;
}

static enum lontar_error read_cursor(struct exchange *exchange, struct problems *problems)
{
  struct values *values = &exchange->values;
  const struct value *after = &values->of[FIELD_after];
  const struct value *before = &values->of[FIELD_before];
  const bool with_time = statement_takes(exchange->row->statement, FIELD_cursor_time);
  int64_t time;
  int64_t id;
  if (after->state == VALUE_SET && before->state == VALUE_SET)
    return wrong_field(problems, FIELD_before, "cannot be given together with after");
  cursor_begin(with_time, &time, &id);
  const enum field field = before->state == VALUE_SET ? FIELD_before : FIELD_after;
  const struct value *cursor = &values->of[field];
  if (cursor->state == VALUE_SET && !cursor_parse(cursor->text, cursor->length, with_time, &time, &id)) {
    (void)wrong_field(problems, field, "is not a cursor of this list");
    return LONTAR_MALFORMED;
  }
  value_set_integer(&values->of[FIELD_cursor_time], time);
  value_set_integer(&values->of[FIELD_cursor_id], id);
  return LONTAR_OK;
}

static void set_default(struct exchange *exchange, enum field field, int64_t number)
{
  struct value *value = exchange_value(exchange, field);
  if (value->state == VALUE_ABSENT)
    value_set_integer(value, number);
}

/* The fields that a PATCH sets, as PostgreSQL writes an array; names of fields need no quotes. */
static enum lontar_error list_changes(struct exchange *exchange, struct problems *problems)
{
  char *out = exchange->changes;
  size_t written = 0;
  for (const struct field_input *input = exchange->row->body; input->field != FIELD_none; input++) {
    const char *name = field_rows[input->field].name;
    size_t length = strlen(name);
    if (exchange_value(exchange, input->field)->state == VALUE_ABSENT || written + length + 2 > CHANGES_SIZE)
      continue;
    out[written] = written == 0 ? '{' : ',';
    memcpy(out + written + 1, name, length);
    written += length + 1;
  }
  if (written == 0) {
    problems_add(problems, "", 0, "at least one field must be given");
    return LONTAR_INVALID;
  }
  out[written++] = '}';
  value_set_text(exchange_value(exchange, FIELD_changes), out, written);
  return LONTAR_OK;
}

static enum lontar_error read_query(struct exchange *exchange, struct problems *problems)
{
  const char *query = exchange->request->query;
  enum lontar_error error =
      query_parse(query, strlen(query), exchange->row->query, exchange->scratch_next, &exchange->values, problems);
  if (error == LONTAR_INVALID && only_cursors_are_wrong(problems))
    return LONTAR_MALFORMED;
  return error;
}

static enum lontar_error read_all(struct exchange *exchange, struct problems *problems)
{
  const struct front_request *request = exchange->request;
  if (request->too_large)
    return LONTAR_TOO_LARGE;
  enum lontar_error error = read_query(exchange, problems);
  if (error == LONTAR_OK)
    error = body_parse(request->body, request->body_length, exchange->row->body, &exchange->body, &exchange->values,
                       problems);
  if (error != LONTAR_OK)
    return error;
  if (exchange->row->answer == ANSWER_LIST) {
    set_default(exchange, FIELD_limit, DEFAULT_LIMIT);
    set_default(exchange, FIELD_offset, 0);
    return read_cursor(exchange, problems);
  }
  return exchange->row->method == METHOD_PATCH ? list_changes(exchange, problems) : LONTAR_OK;
}

enum lontar_error input_read(struct exchange *exchange)
{
  if (exchange->input_is_read)
    return exchange->input_error;
  struct problems problems;
  problems_init(&problems);
  exchange->input_error = read_all(exchange, &problems);
  if (exchange->input_error == LONTAR_MALFORMED && problems.detail[0] == '\0') /* a cursor, which `errors` names */
    problems_tell(&problems, "In the query, in %s: %s", problems.of[0].field, problems.of[0].message);
  exchange->input_is_read = true;
  if (exchange->input_error != LONTAR_OK)
    body_free(&exchange->body); /* it may be waited for who asks, and names of no meaning take much memory */
  keep_problems(exchange, &problems);
  return exchange->input_error;
}
