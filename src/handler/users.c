/* Users whose passwords are hashed or checked on the way. */
#include <stdio.h>
#include <string.h>

#include "handler/answer.h"
#include "handler/credentials.h"
#include "handler/exchange.h"
#include "handler/operation.h"
#include "handler/refuse.h"
#include "json/rows.h"

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

static void user_answer(struct exchange *exchange)
{
  answer_begin(exchange, STATUS_OK, ANSWER_JSON);
  buffer_append(&exchange->response.body, exchange->kept.data, exchange->kept.length);
}

static void others_ended(struct exchange *exchange, const PGresult *result)
{
  (void)result;
  user_answer(exchange);
}

/* A login that read the old hash may have made its session while the statement ran, unseen by it. */
static void password_changed(struct exchange *exchange, const PGresult *result)
{
  if (PQntuples(result) == 0)
    answer_nothing(exchange);
  else if (!rows_write_record(&exchange->kept, result, 0, STATEMENT_user_update) || exchange->kept.failed)
    refuse_internal(exchange, ANSWER_UNREADABLE);
  else
    exchange_try(exchange, STATEMENT_session_delete_others, others_ended, user_answer);
}

/* Whoever changes their own password stays where they did it. */
static void changed_user_hashed(struct exchange *exchange, const struct hasher_result *result)
{
  keep_hash(exchange, result);
  if (exchange->principal.user_id == exchange_value(exchange, FIELD_id)->integer)
    value_set_text(exchange_value(exchange, FIELD_kept_token_hash), exchange->bearer_hash,
                   strlen(exchange->bearer_hash));
  exchange_submit(exchange, STATEMENT_user_update, password_changed);
}

void users_update(struct exchange *exchange)
{
  if (exchange_value(exchange, FIELD_password)->state == VALUE_SET)
    exchange_hash(exchange, HASHER_HASH, NULL, 0, changed_user_hashed);
  else
    exchange_submit(exchange, STATEMENT_user_update, operation_answer);
}

void users_verify(struct exchange *exchange)
{
  credentials_check(exchange, user_answer);
}
