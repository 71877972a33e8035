/* Path, query and body into the values of an operation. */
#include "handler/input.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "config/config.h"
#include "handler/exchange.h"
#include "json/body.h"

#define HOUR (3600 * CLOCK_SECOND)

/* What comes in the query whatever the method is. */
static const field_set always_in_query = 0
#define FIELD(name, type, least, most, rules, meaning) | ((rules)&RULE_QUERY ? UINT64_C(1) << FIELD_##name : 0)
#include "repo/fields.def"
#undef FIELD
    ;

/* Problems are large and rare, so an exchange has none of its own until it needs them. */
static void keep_problems(struct exchange *exchange, const struct problems *problems)
{
  if (problems->count == 0 && problems->detail[0] == '\0')
    return;
  exchange->problems = malloc(sizeof *exchange->problems);
  if (exchange->problems != NULL)
    *exchange->problems = *problems;
}

static enum lontar_error read_capture(struct exchange *exchange, const struct route_capture *capture)
{
  char *text = exchange->scratch_next;
  size_t length;
  const char *wrong = text_decode(capture->text, capture->length, text, &length);
  if (wrong == NULL && memchr(text, '\0', length) != NULL)
    wrong = "the character NUL";
  if (wrong != NULL) {
    struct problems problems;
    problems_init(&problems);
    problems_tell(&problems, "In the path, in %s: %s", field_rows[capture->field].name, wrong);
    keep_problems(exchange, &problems);
    return LONTAR_MALFORMED;
  }
  exchange->scratch_next += length;
  struct value *value = &exchange->operation.values.of[capture->field];
  return field_parse(capture->field, text, length, value) == NULL ? LONTAR_OK : LONTAR_NOT_FOUND;
}

enum lontar_error input_read_path(struct exchange *exchange)
{
  for (int i = 0; i < exchange->match.capture_count; i++) {
    enum lontar_error error = read_capture(exchange, &exchange->match.captures[i]);
    if (error != LONTAR_OK)
      return error;
  }
  return LONTAR_OK;
}

/* What neither the path says nor the caller is. */
static field_set left(const struct exchange *exchange)
{
  field_set fields = ~(field_set)0;
  for (int i = 0; i < exchange->match.capture_count; i++)
    fields &= ~field_set_of(exchange->match.captures[i].field);
  return exchange->operation.row->owner == FIELD_token ? fields & ~field_set_of(FIELD_token) : fields;
}

static enum lontar_error read_all(struct exchange *exchange, struct problems *problems)
{
  const struct front_request *request = exchange->request;
  const enum method method = exchange->row->method;
  struct operation *operation = &exchange->operation;
  if (request->too_large)
    return LONTAR_TOO_LARGE;
  const field_set all = left(exchange);
  const field_set in_query = method == METHOD_GET || method == METHOD_DELETE ? all : all & always_in_query;
  const field_set in_body = all & ~in_query;
  const struct field_inputs query = {operation->row->must & in_query, operation->row->may & in_query};
  const struct field_inputs body = {operation->row->must & in_body, operation->row->may & in_body};
  enum lontar_error error =
      query_parse(request->query, strlen(request->query), &query, exchange->scratch_next, &operation->values, problems);
  const int told = problems->count;
  if (error == LONTAR_OK || error == LONTAR_INVALID)
    error = body_parse(request->body, request->body_length, &body, &exchange->body, &operation->values, problems);
  const bool unread = problems->count > told && exchange->body == NULL;
  if ((error == LONTAR_OK || error == LONTAR_INVALID) && !unread)
    error = operation_prepare(operation, problems);
  return error;
}

enum lontar_error input_read(struct exchange *exchange)
{
  if (exchange->input_is_read)
    return exchange->input_error;
  struct problems problems;
  problems_init(&problems);
  exchange->operation.session_hours = exchange->handler->config->session_lifetime / HOUR;
  exchange->input_error = read_all(exchange, &problems);
  if (exchange->input_error == LONTAR_MALFORMED && problems.detail[0] == '\0') /* a cursor, which `errors` names */
    problems_tell(&problems, "In the query, in %s: %s", problems.of[0].field, problems.of[0].message);
  exchange->input_is_read = true;
  if (exchange->input_error != LONTAR_OK) {
    json_object_put(exchange->body); /* it may be waited for who asks, and names of no meaning take much memory */
    exchange->body = NULL;
  }
  keep_problems(exchange, &problems);
  return exchange->input_error;
}
