/* Login, the caller's own session, logout. */
#include <string.h>

#include "handler/answer.h"
#include "handler/credentials.h"
#include "handler/exchange.h"
#include "handler/operation.h"
#include "handler/refuse.h"
#include "handler/sessions.h"
#include "json/rows.h"
#include "json/writer.h"

enum { STATUS_OK = 200 };

static void login_opened(struct exchange *exchange, const PGresult *result)
{
  const struct value *token = exchange_value(exchange, FIELD_token);
  struct buffer *body = &exchange->response.body;
  struct value expires_at;
  if (!result_value(result, 0, STATEMENT_session_create, FIELD_expires_at, &expires_at)) {
    refuse_internal(exchange, ANSWER_UNREADABLE);
    return;
  }
  answer_begin(exchange, STATUS_OK, ANSWER_JSON);
  buffer_append_text(body, "{");
  json_key(body, "token");
  json_string(body, token->text, token->length);
  buffer_append_text(body, ",");
  json_key(body, "expires_at");
  json_value(body, FIELD_expires_at, &expires_at);
  buffer_append_text(body, ",");
  json_key(body, "user");
  buffer_append(body, exchange->kept.data, exchange->kept.length);
  buffer_append_text(body, "}");
}

static void login_verified(struct exchange *exchange)
{
  session_open(exchange, login_opened);
}

void auth_login(struct exchange *exchange)
{
  credentials_check(exchange, login_verified);
}

/* The look-up has found all that is asked for. */
void auth_session_get(struct exchange *exchange)
{
  answer_begin(exchange, STATUS_OK, ANSWER_JSON);
  if (!rows_write_record(&exchange->response.body, exchange->lookup_result, 0, STATEMENT_session_principal))
    refuse_internal(exchange, ANSWER_UNREADABLE);
}

void auth_logout(struct exchange *exchange)
{
  const struct value *all = exchange_value(exchange, FIELD_all);
  value_set_integer(exchange_value(exchange, FIELD_user_id), exchange->principal.user_id);
  bool everywhere = all->state == VALUE_SET && all->length == strlen("true");
  exchange_submit(exchange, everywhere ? STATEMENT_session_delete_all : STATEMENT_session_delete, operation_answer);
}
