/* Logins and changes of passwords: the stored hash, a verdict, perhaps a new hash, and the sessions that follow. */
#include <stdio.h>
#include <string.h>

#include "operation/step.h"

static void set_old_hash(struct operation *operation)
{
  value_set_text(&operation->values.of[FIELD_old_password_hash], operation->stored_hash,
                 strlen(operation->stored_hash));
}

static void check(struct operation *operation);

/* The password was changed while it was checked. */
static void changed(struct operation *operation, const PGresult *rows)
{
  (void)rows;
  if (operation->checked_again) {
    step_fail(operation, LONTAR_BAD_CREDENTIALS, NULL);
    return;
  }
  operation->checked_again = true;
  check(operation);
}

/* Such a change has ended the sessions that there were; this one came later, and nobody learns of it. */
static void confirmed(struct operation *operation, const PGresult *rows)
{
  struct value count;
  if (step_value(operation, rows, FIELD_count, &count) && count.integer == 0)
    step_try(operation, STATEMENT_session_delete, changed, changed);
}

static void opened(struct operation *operation, const PGresult *rows)
{
  if (!step_value(operation, rows, FIELD_expires_at, &operation->values.of[FIELD_expires_at]))
    return;
  set_old_hash(operation);
  step_rows(operation, STATEMENT_session_confirm, confirmed);
}

static void right(struct operation *operation, const PGresult *rows)
{
  (void)rows;
  if (operation->row->shape != SHAPE_LOGIN)
    return;
  operation->values.of[FIELD_token].state = VALUE_ABSENT; /* a second attempt has another one */
  step_token(operation);
  step_rows(operation, STATEMENT_session_create, opened);
}

/* Without a row the hash was changed meanwhile: whoever makes a session finds that out. */
static void rehashed(struct operation *operation, const PGresult *rows)
{
  if (PQntuples(rows) > 0)
    (void)snprintf(operation->stored_hash, sizeof operation->stored_hash, "%s", operation->hash);
  right(operation, NULL);
}

/* That an old hash cannot be replaced must not keep anybody out: the next login tries again. */
static void verified(struct operation *operation, const PGresult *rows)
{
  (void)rows;
  if (operation->verdict != PASSWORD_RIGHT && operation->verdict != PASSWORD_RIGHT_REHASH) {
    step_fail(operation, LONTAR_BAD_CREDENTIALS, NULL);
  } else if (operation->verdict == PASSWORD_RIGHT_REHASH && operation->hash[0] != '\0') {
    set_old_hash(operation);
    step_try(operation, STATEMENT_user_rehash, rehashed, right);
  } else {
    right(operation, NULL);
  }
}

static void found(struct operation *operation, const PGresult *rows)
{
  struct values *values = &operation->values;
  struct value hash;
  if (PQntuples(rows) == 0) {
    step_hash(operation, WANT_VERDICT, NULL, verified);
    return;
  }
  if (!step_value(operation, rows, FIELD_id, &values->of[FIELD_id]) ||
      !step_value(operation, rows, FIELD_password_hash, &hash) || !step_keep(operation, rows))
    return;
  values->of[FIELD_user_id] = values->of[FIELD_id];
  (void)snprintf(operation->stored_hash, sizeof operation->stored_hash, "%.*s", (int)hash.length, hash.text);
  step_hash(operation, WANT_VERDICT, operation->stored_hash, verified);
}

static void check(struct operation *operation)
{
  step_rows(operation, STATEMENT_user_credentials, found);
}

void step_credentials(struct operation *operation, const PGresult *rows)
{
  (void)rows;
  check(operation);
}

/* A login that read the old hash may have made its session while the statement ran, unseen by it. */
static void password_written(struct operation *operation, const PGresult *rows)
{
  if (PQntuples(rows) == 0)
    step_absent(operation);
  else if (step_keep(operation, rows))
    step_try(operation, STATEMENT_session_delete_others, step_end, step_end);
}

static void password_hashed(struct operation *operation, const PGresult *rows)
{
  (void)rows;
  step_rows(operation, operation->row->statement, password_written);
}

/* Whoever changes their own password stays where they did it. */
void step_change_user(struct operation *operation, const PGresult *rows)
{
  struct values *values = &operation->values;
  if (operation->caller_token != NULL && operation->caller == values->of[FIELD_id].integer)
    value_set_text(&values->of[FIELD_kept_token_hash], operation->caller_token, strlen(operation->caller_token));
  if (values->of[FIELD_password].state == VALUE_SET)
    step_hash(operation, WANT_HASH, NULL, password_hashed);
  else
    step_plain(operation, rows);
}

static void whose_found(struct operation *operation, const PGresult *rows)
{
  if (PQntuples(rows) > 0 && step_value(operation, rows, FIELD_user_id, &operation->values.of[FIELD_user_id]))
    step_delete(operation, STATEMENT_session_delete_all);
}

void step_logout(struct operation *operation, const PGresult *rows)
{
  const struct value *all = &operation->values.of[FIELD_all];
  (void)rows;
  if (all->state == VALUE_SET && all->length == strlen("true"))
    step_rows(operation, STATEMENT_session_principal, whose_found);
  else
    step_delete(operation, STATEMENT_session_delete);
}
