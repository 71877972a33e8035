/* The check of a password: stored hash, helper thread, perhaps a new hash. */
#include "handler/credentials.h"

#include <stdio.h>
#include <string.h>

#include "handler/answer.h"
#include "handler/refuse.h"
#include "json/rows.h"

enum { KEPT_KEEP = 16 * 1024 };

/* Without a row the hash was changed meanwhile: whoever makes a session finds that out. */
static void credentials_rehashed(struct exchange *exchange, const PGresult *result)
{
  if (PQntuples(result) > 0)
    (void)snprintf(exchange->stored_hash, sizeof exchange->stored_hash, "%s", exchange->new_hash);
  exchange->right(exchange);
}

/* That an old hash cannot be replaced must not keep anybody out: the next login tries again. */
static void replace_hash(struct exchange *exchange, const char *new_hash)
{
  int length = snprintf(exchange->new_hash, sizeof exchange->new_hash, "%s", new_hash);
  value_set_text(exchange_value(exchange, FIELD_password_hash), exchange->new_hash, (size_t)length);
  value_set_text(exchange_value(exchange, FIELD_old_password_hash), exchange->stored_hash,
                 strlen(exchange->stored_hash));
  exchange_try(exchange, STATEMENT_user_rehash, credentials_rehashed, exchange->right);
}

static void credentials_verified(struct exchange *exchange, const struct hasher_result *result)
{
  switch (result->verdict) {
  case PASSWORD_FAILED: /* comes with an error, which was answered */
  case PASSWORD_WRONG:
    refuse(exchange, LONTAR_BAD_CREDENTIALS);
    break;
  case PASSWORD_RIGHT:
    exchange->right(exchange);
    break;
  case PASSWORD_RIGHT_REHASH:
    if (result->hash[0] != '\0')
      replace_hash(exchange, result->hash);
    else
      exchange->right(exchange);
    break;
  }
}

/* Keeps what the later steps need of the user; the result is gone by then. */
static bool keep_user(struct exchange *exchange, const PGresult *result)
{
  struct value id;
  struct value hash;
  buffer_clear(&exchange->kept, KEPT_KEEP);
  if (!result_value(result, 0, STATEMENT_user_credentials, FIELD_id, &id) || id.state != VALUE_SET ||
      !result_value(result, 0, STATEMENT_user_credentials, FIELD_password_hash, &hash) || hash.state != VALUE_SET ||
      !rows_write_record(&exchange->kept, result, 0, STATEMENT_user_credentials) || exchange->kept.failed)
    return false;
  *exchange_value(exchange, FIELD_id) = id;
  *exchange_value(exchange, FIELD_user_id) = id;
  (void)snprintf(exchange->stored_hash, sizeof exchange->stored_hash, "%.*s", (int)hash.length, hash.text);
  return true;
}

static void credentials_found(struct exchange *exchange, const PGresult *result)
{
  if (PQntuples(result) == 0)
    exchange_hash(exchange, HASHER_VERIFY, NULL, 0, credentials_verified);
  else if (keep_user(exchange, result))
    exchange_hash(exchange, HASHER_VERIFY, exchange->stored_hash, strlen(exchange->stored_hash), credentials_verified);
  else
    refuse_internal(exchange, ANSWER_UNREADABLE);
}

void credentials_check(struct exchange *exchange, exchange_act *right)
{
  exchange->right = right;
  exchange_submit(exchange, STATEMENT_user_credentials, credentials_found);
}

void credentials_changed(struct exchange *exchange)
{
  if (exchange->checked_again) {
    refuse(exchange, LONTAR_BAD_CREDENTIALS);
    return;
  }
  exchange->checked_again = true;
  exchange_submit(exchange, STATEMENT_user_credentials, credentials_found);
}
