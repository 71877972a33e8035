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

static void login_answer(struct exchange *exchange)
{
  const struct value *token = exchange_value(exchange, FIELD_token);
  struct buffer *body = &exchange->response.body;
  answer_begin(exchange, STATUS_OK, ANSWER_JSON);
  buffer_append_text(body, "{");
  json_key(body, "token");
  json_string(body, token->text, token->length);
  buffer_append_text(body, ",");
  json_key(body, "expires_at");
  json_value(body, FIELD_expires_at, exchange_value(exchange, FIELD_expires_at));
  buffer_append_text(body, ",");
  json_key(body, "user");
  buffer_append(body, exchange->kept.data, exchange->kept.length);
  buffer_append_text(body, "}");
}

static void login_closed(struct exchange *exchange, const PGresult *result)
{
  (void)result;
  credentials_changed(exchange);
}

/* A password that was changed while it was checked has ended the sessions that there were; this one came later, and
 * nobody learns of it. */
static void login_confirmed(struct exchange *exchange, const PGresult *result)
{
  int64_t count;
  if (!answer_integer(exchange, result, FIELD_count, &count))
    return;
  if (count > 0)
    login_answer(exchange);
  else
    exchange_try(exchange, STATEMENT_session_delete, login_closed, credentials_changed);
}

static void login_opened(struct exchange *exchange, const PGresult *result)
{
  if (!result_value(result, 0, STATEMENT_session_create, FIELD_expires_at,
                    exchange_value(exchange, FIELD_expires_at))) {
    refuse_internal(exchange, ANSWER_UNREADABLE);
    return;
  }
  value_set_text(exchange_value(exchange, FIELD_old_password_hash), exchange->stored_hash,
                 strlen(exchange->stored_hash));
  exchange_submit(exchange, STATEMENT_session_confirm, login_confirmed);
}

static void login_verified(struct exchange *exchange)
{
  exchange_value(exchange, FIELD_token)->state = VALUE_ABSENT; /* a second attempt has another one */
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
  operation_delete(exchange, everywhere ? STATEMENT_session_delete_all : STATEMENT_session_delete);
}
