/* The one operation that is more than a statement: does this password belong to this user? */
#include <json-c/json.h>
#include <string.h>

#include <lontar/repository.h>

#include "library/failure.h"
#include "library/input.h"
#include "library/rows.h"
#include "library/run.h"

/* Replaces an old hash. That it fails must not keep anybody out: the next time tries again. */
static void password_renew(struct lontar_database *database, const struct value *id, const struct value *old,
                           const struct value *password)
{
  char hash[PASSWORD_HASH_SIZE];
  struct values values = {0};
  if (password_hash(password->text, password->length, hash) != LONTAR_OK)
    return;
  values.of[FIELD_id] = *id;
  values.of[FIELD_old_password_hash] = *old;
  value_set_text(&values.of[FIELD_password_hash], hash, strlen(hash));
  CLEANUP_RESULT PGresult *result = NULL;
  (void)run_statement(database, STATEMENT_user_rehash, &values, &result, NULL);
}

/* Compares with the hash in the result's row; without a row it takes as long and is wrong. */
static enum password_verdict verify_row(struct lontar_database *database, const PGresult *result,
                                        const struct value *password)
{
  const char *dummy = password_dummy_hash();
  enum password_verdict verdict;
  if (PQntuples(result) == 0) {
    verdict = password_verify(dummy, strlen(dummy), password->text, password->length);
    return verdict == PASSWORD_FAILED ? PASSWORD_FAILED : PASSWORD_WRONG;
  }
  struct value hash = run_column(STATEMENT_user_credentials, result, 0, FIELD_password_hash);
  struct value id = run_column(STATEMENT_user_credentials, result, 0, FIELD_id);
  verdict = password_verify(hash.text, hash.length, password->text, password->length);
  if (verdict == PASSWORD_RIGHT_REHASH)
    password_renew(database, &id, &hash, password);
  return verdict;
}

enum lontar_error lontar_repository_user_verify(struct lontar_database *database, struct json_object *object,
                                                struct json_object **ret, struct lontar_failure *failure)
{
  static const enum field required[] = {FIELD_username, FIELD_password, FIELD_none};
  struct input input;
  CLEANUP_RESULT PGresult *result = NULL;
  failure_clear(failure);
  enum lontar_error error = input_read(STATEMENT_user_credentials, required, object, &input, failure);
  if (error == LONTAR_OK)
    error = run_statement(database, STATEMENT_user_credentials, &input.values, &result, failure);
  if (error != LONTAR_OK)
    return error;
  enum password_verdict verdict = verify_row(database, result, &input.values.of[FIELD_password]);
  if (verdict == PASSWORD_FAILED)
    return failure_set(failure, LONTAR_BUSY, "no memory is left to check the password");
  if (verdict == PASSWORD_WRONG)
    return failure_set(failure, LONTAR_BAD_CREDENTIALS, "username or password is wrong");
  json_object *user = ret ? row_from_statement(STATEMENT_user_credentials, result, 0) : NULL;
  if (ret && !user)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  if (ret) {
    json_object_object_del(user, field_rows[FIELD_password_hash].name);
    *ret = user;
  }
  return LONTAR_OK;
}
