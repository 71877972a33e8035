/* Chats that are saved: a user's own, or by a service for a user. */
#include "handler/answer.h"
#include "handler/exchange.h"
#include "handler/operation.h"
#include "handler/refuse.h"

static void chat_created(struct exchange *exchange, const PGresult *result)
{
  answer_created_for_user(exchange, result, "chats");
}

void chats_create(struct exchange *exchange)
{
  struct value *user_id = exchange_value(exchange, FIELD_user_id);
  const struct principal *principal = &exchange->principal;
  const bool by_service = principal->who == WHO_SERVICE;
  if (by_service && user_id->state != VALUE_SET) {
    refuse_field(exchange, LONTAR_INVALID, FIELD_user_id, "is required");
    return;
  }
  if (!by_service && user_id->state == VALUE_SET && user_id->integer != principal->user_id) {
    refuse(exchange, LONTAR_FORBIDDEN);
    return;
  }
  if (!by_service)
    value_set_integer(user_id, principal->user_id);
  exchange_submit(exchange, STATEMENT_chat_create, chat_created);
}
