/* Sessions that are made: by a login, or by a service for a user. */
#include "handler/sessions.h"

#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "handler/answer.h"
#include "handler/operation.h"
#include "handler/refuse.h"
#include "json/rows.h"
#include "json/writer.h"

enum { BODY_KEEP = 16 * 1024 };

#define HOUR (3600 * CLOCK_SECOND)

void session_open(struct exchange *exchange, exchange_step *step)
{
  struct value *token = exchange_value(exchange, FIELD_token);
  struct value *hours = exchange_value(exchange, FIELD_expires_hours);
  if (token->state != VALUE_SET) {
    token_make(exchange->token);
    value_set_text(token, exchange->token, strlen(exchange->token));
  }
  if (hours->state != VALUE_SET)
    value_set_integer(hours, exchange->handler->config->session_lifetime / HOUR);
  token_hash(token->text, token->length, exchange->new_token_hash);
  value_set_text(exchange_value(exchange, FIELD_token_hash), exchange->new_token_hash,
                 strlen(exchange->new_token_hash));
  exchange_submit(exchange, STATEMENT_session_create, step);
}

/* The record with the token as its first member, which no statement ever gives back. */
static void session_created(struct exchange *exchange, const PGresult *result)
{
  const struct value *token = exchange_value(exchange, FIELD_token);
  struct buffer *body = &exchange->response.body;
  if (!rows_write_record(&exchange->kept, result, 0, STATEMENT_session_create) || exchange->kept.failed) {
    refuse_internal(exchange, ANSWER_UNREADABLE);
    return;
  }
  answer_created_for_user(exchange, result, "sessions");
  if (exchange->error != LONTAR_OK)
    return;
  buffer_clear(body, BODY_KEEP);
  buffer_append_text(body, "{");
  json_key(body, "token");
  json_string(body, token->text, token->length);
  buffer_append_text(body, ",");
  buffer_append(body, exchange->kept.data + 1, exchange->kept.length - 1); /* without its opening brace */
}

void sessions_create(struct exchange *exchange)
{
  const struct value *token = exchange_value(exchange, FIELD_token);
  const char *wrong = token->state == VALUE_SET ? token_check(token->text, token->length) : NULL;
  if (wrong != NULL)
    refuse_field(exchange, LONTAR_INVALID, FIELD_token, wrong);
  else
    session_open(exchange, session_created);
}
