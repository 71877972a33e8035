/* The way of a request through this room: route, path, who asks and whether they may, and on to the work. */
#include <string.h>

#include "authorize/keyring.h"
#include "base/clock.h"
#include "handler/handler.h"
#include "handler/input.h"
#include "handler/refuse.h"
#include "handler/work.h"
#include "json/rows.h"

/* What comes with the body may be somebody else's. */
static enum lontar_error read_and_judge(struct exchange *exchange)
{
  struct values *values = &exchange->operation.values;
  principal_fill(&exchange->principal, exchange->row, values);
  const enum lontar_error error = input_read(exchange);
  return error == LONTAR_OK ? principal_may(&exchange->principal, exchange->row, values) : error;
}

static void proceed(struct exchange *exchange)
{
  const enum lontar_error error = read_and_judge(exchange);
  if (error == LONTAR_OK)
    work(exchange);
  else
    refuse_input(exchange, error);
}

static bool read_principal(const PGresult *result, struct principal *ret_principal)
{
  struct value user_id, username, role;
  if (!rows_value(result, 0, STATEMENT_session_principal, FIELD_user_id, &user_id) ||
      !rows_value(result, 0, STATEMENT_session_principal, FIELD_username, &username) ||
      !rows_value(result, 0, STATEMENT_session_principal, FIELD_role, &role) || user_id.state != VALUE_SET ||
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
  return principal_may(&exchange->principal, exchange->row, &exchange->operation.values);
}

static void session_looked_up(struct exchange *exchange, enum lontar_error error, const PGresult *result)
{
  if (error != LONTAR_OK) {
    work_refuse(exchange, error);
    refuse_database(exchange, STATEMENT_session_principal, error, result);
    return;
  }
  error = judge(exchange, result);
  if (error != LONTAR_OK)
    work_refuse(exchange, error);
  else if (exchange->begun)
    work(exchange);
  else
    proceed(exchange);
}

/* A read changes nothing, so a cheap one need not wait to learn whether it was allowed; of dear ones the pages that
 * have an owner, who stands in the path. */
static bool may_go_together(struct exchange *exchange)
{
  const struct operation_row *row = exchange->operation.row;
  const enum statement_kind kind = statement_rows[row->statement].kind;
  const bool owned = (exchange->row->who & WHO_OWNER) != 0;
  return (row->shape == SHAPE_RECORD || row->shape == SHAPE_LIST) && (kind == READS || (kind == DEAR && owned)) &&
         exchange->row->operation != OPERATION_none && exchange->row->method == METHOD_GET &&
         (!owned || exchange->operation.values.of[row->owner].state == VALUE_SET) &&
         input_read(exchange) == LONTAR_OK && exchange->operation.values.of[FIELD_offset].integer == 0;
}

static void admit_session(struct exchange *exchange, const char *token, size_t length)
{
  const bool together = may_go_together(exchange);
  if (exchange->operation.row->owner == FIELD_token)
    value_set_text(&exchange->operation.values.of[FIELD_token], token, length);
  token_hash(token, length, exchange->bearer_hash);
  work_look_up(exchange, session_looked_up);
  if (together && !exchange->refused)
    work(exchange);
}

static void admit_service(struct exchange *exchange, const char *token, size_t length)
{
  if (keyring_find(exchange->handler->keyring, token, length) == NULL) {
    refuse(exchange, LONTAR_UNAUTHENTICATED);
    return;
  }
  exchange->principal = (struct principal){.who = WHO_SERVICE};
  enum lontar_error error = principal_may(&exchange->principal, exchange->row, &exchange->operation.values);
  if (error == LONTAR_OK)
    proceed(exchange);
  else
    refuse(exchange, error);
}

static bool is_loopback(const char *address)
{
  return address != NULL && (strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0);
}

static void admit(struct exchange *exchange)
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

static void answer_without_memory(struct handler *handler, struct front_request *request)
{
  const int64_t now = clock_steady();
  struct response response;
  handler->without_memory = now;
  response_init(&response);
  response.status = lontar_error_http_status(LONTAR_INTERNAL);
  board_request_count(handler->slot, response.status, now - request->arrived);
  request->exchange = NULL;
  front_respond(request, &response);
  response_free(&response);
}

static enum lontar_error find_row(struct exchange *exchange)
{
  const struct front_request *request = exchange->request;
  enum lontar_error error = route_find(request->method, request->path, request->path_length, &exchange->match);
  if (error != LONTAR_OK)
    return error;
  exchange->row = &route_rows[exchange->match.route];
  exchange->operation.row = &operation_rows[exchange->row->operation];
  return input_read_path(exchange);
}

void handler_request(void *owner, struct front_request *request)
{
  struct exchange *exchange = exchange_new(owner, request);
  if (exchange == NULL) {
    answer_without_memory(owner, request);
    return;
  }
  enum lontar_error error = find_row(exchange);
  work_enter(exchange);
  if (error == LONTAR_OK)
    admit(exchange);
  else
    refuse_input(exchange, error);
  work_leave(exchange);
}

void handler_gone(void *owner, struct front_request *request)
{
  struct exchange *exchange = request->exchange;
  (void)owner;
  if (exchange == NULL)
    return;
  exchange->holds++;
  work_enter(exchange);
  work_abandon(exchange);
  work_leave(exchange);
}
