/* Users whose passwords are hashed or checked on the way. */
#include <stdio.h>

#include "handler/answer.h"
#include "handler/credentials.h"
#include "handler/exchange.h"
#include "handler/operation.h"

enum { STATUS_OK = 200 };

static void keep_hash(struct exchange *exchange, const struct hasher_result *result)
{
  int length = snprintf(exchange->new_hash, sizeof exchange->new_hash, "%s", result->hash);
  value_set_text(exchange_value(exchange, FIELD_password_hash), exchange->new_hash, (size_t)length);
}

static void new_user_hashed(struct exchange *exchange, const struct hasher_result *result)
{
  keep_hash(exchange, result);
  exchange_submit(exchange, STATEMENT_user_create, operation_answer);
}

void users_create(struct exchange *exchange)
{
  exchange_hash(exchange, HASHER_HASH, NULL, 0, new_user_hashed);
}

static void changed_user_hashed(struct exchange *exchange, const struct hasher_result *result)
{
  keep_hash(exchange, result);
  exchange_submit(exchange, STATEMENT_user_update, operation_answer);
}

void users_update(struct exchange *exchange)
{
  if (exchange_value(exchange, FIELD_password)->state == VALUE_SET)
    exchange_hash(exchange, HASHER_HASH, NULL, 0, changed_user_hashed);
  else
    exchange_submit(exchange, STATEMENT_user_update, operation_answer);
}

static void user_verified(struct exchange *exchange)
{
  answer_begin(exchange, STATUS_OK, ANSWER_JSON);
  buffer_append(&exchange->response.body, exchange->kept.data, exchange->kept.length);
}

void users_verify(struct exchange *exchange)
{
  credentials_check(exchange, user_verified);
}
