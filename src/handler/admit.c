/* From the Authorization header to a principal, and on to the operation. */
#include "handler/admit.h"

#include <string.h>

#include "authorize/keyring.h"
#include "handler/exchange.h"
#include "handler/input.h"
#include "handler/operation.h"
#include "handler/refuse.h"

static void proceed(struct exchange *exchange)
{
  enum lontar_error error = input_read(exchange);
  if (error == LONTAR_OK)
    operation_begin(exchange);
  else
    refuse_input(exchange, error, exchange->problems);
}

static void refuse_caller(struct exchange *exchange, enum lontar_error error)
{
  exchange->refused = true;
  exchange_cancel_operation(exchange);
  refuse(exchange, error);
}

static bool read_principal(const PGresult *result, struct principal *ret_principal)
{
  struct value user_id;
  struct value username;
  struct value role;
  if (!result_value(result, 0, STATEMENT_session_principal, FIELD_user_id, &user_id) ||
      !result_value(result, 0, STATEMENT_session_principal, FIELD_username, &username) ||
      !result_value(result, 0, STATEMENT_session_principal, FIELD_role, &role) || user_id.state != VALUE_SET ||
      username.state != VALUE_SET || role.state != VALUE_SET || username.length >= sizeof ret_principal->username)
    return false;
  *ret_principal = (struct principal){.who = role_parse(role.text, role.length), .user_id = user_id.integer};
  memcpy(ret_principal->username, username.text, username.length);
  return true;
}

static enum lontar_error judge(struct exchange *exchange, const PGresult *result)
{
  if (PQntuples(result) == 0)
    return LONTAR_UNAUTHENTICATED;
  if (!read_principal(result, &exchange->principal))
    return LONTAR_INTERNAL;
  return principal_may(&exchange->principal, exchange->row, &exchange->path);
}

static void session_looked_up(struct exchange *exchange, enum lontar_error error, const PGresult *result)
{
  if (error != LONTAR_OK) {
    refuse_caller(exchange, error);
    refuse_database(exchange, STATEMENT_session_principal, error, result);
    return;
  }
  error = judge(exchange, result);
  if (error != LONTAR_OK)
    refuse_caller(exchange, error);
  else if (!exchange->begun)
    proceed(exchange);
}

/* Not what a stranger could keep the database busy with: counts, and pages behind many others. */
static bool is_cheap(struct exchange *exchange)
{
  const enum answer answer = exchange->row->answer;
  return answer == ANSWER_RECORD || (answer == ANSWER_LIST && exchange_value(exchange, FIELD_offset)->integer == 0);
}

/* A read changes nothing, so a cheap one need not wait to learn whether it was allowed. */
static bool may_go_together(struct exchange *exchange)
{
  enum statement statement = exchange->row->statement;
  return statement != STATEMENT_none && statement_reads(statement) && input_read(exchange) == LONTAR_OK &&
         is_cheap(exchange);
}

static void admit_session(struct exchange *exchange, const char *token, size_t length)
{
  bool together = may_go_together(exchange);
  token_hash(token, length, exchange->bearer_hash);
  exchange->begun = together;
  exchange_look_up(exchange, session_looked_up);
  if (together && !exchange->refused)
    operation_begin(exchange);
}

static void admit_service(struct exchange *exchange, const char *token, size_t length)
{
  const char *name = keyring_find(exchange->handler->keyring, token, length);
  if (name == NULL) {
    refuse(exchange, LONTAR_UNAUTHENTICATED);
    return;
  }
  exchange->principal = (struct principal){.who = WHO_SERVICE};
  enum lontar_error error = principal_may(&exchange->principal, exchange->row, &exchange->path);
  if (error == LONTAR_OK)
    proceed(exchange);
  else
    refuse(exchange, error);
}

static bool is_loopback(const char *address)
{
  return address != NULL && (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0);
}

void admit(struct exchange *exchange)
{
  const unsigned who = exchange->row->who;
  const char *token;
  size_t length;
  if (who == WHO_LOOPBACK && !is_loopback(exchange->request->remote_addr))
    refuse(exchange, LONTAR_FORBIDDEN);
  else if (who == WHO_LOOPBACK || who == WHO_ANYONE)
    proceed(exchange);
  else if (bearer_parse(exchange->request->authorization, &token, &length) != LONTAR_OK)
    refuse(exchange, LONTAR_UNAUTHENTICATED);
  else if (keyring_is_key(token, length))
    admit_service(exchange, token, length);
  else
    admit_session(exchange, token, length);
}
