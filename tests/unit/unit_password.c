/* Tests of authorize/password and authorize/hasher: new hashes, the original's, unknown users, the helper thread. */
#include <poll.h>
#include <sodium.h>

#include <lontar/error.h>

#include "authorize/hasher.h"
#include "authorize/password.h"
#include "unit.h"

/* SHA-256 of "rahasia1", as the original stores it. */
static const char OLD_HASH[] = "9a01eaca9c555682e26f0d3f29edb3bebeae379195fa1d2dfd7084763e3b0962";

static enum password_verdict verify(const char *hash, const char *password)
{
  return password_verify(hash, strlen(hash), password, strlen(password));
}

static void a_new_hash_is_argon2id_and_salted(void)
{
  char first[PASSWORD_HASH_SIZE], second[PASSWORD_HASH_SIZE];
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(password_hash("rahasia1", 8, first), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(password_hash("rahasia1", 8, second), LONTAR_OK);
  CU_ASSERT_EQUAL(memcmp(first, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
  CU_ASSERT_STRING_NOT_EQUAL(first, second);
  CU_ASSERT_EQUAL(verify(first, "rahasia1"), PASSWORD_RIGHT);
  CU_ASSERT_EQUAL(verify(first, "rahasia2"), PASSWORD_WRONG);
  CU_ASSERT_EQUAL(verify(first, ""), PASSWORD_WRONG);
}

static void the_originals_hash_is_right_once(void)
{
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  CU_ASSERT_EQUAL(verify(OLD_HASH, "rahasia1"), PASSWORD_RIGHT_REHASH);
  CU_ASSERT_EQUAL(verify(OLD_HASH, "rahasia2"), PASSWORD_WRONG);
  CU_ASSERT_EQUAL(password_verify(OLD_HASH, 63, "rahasia1", 8), PASSWORD_WRONG);
}

static void other_parameters_ask_for_a_new_hash(void)
{
  char hash[PASSWORD_HASH_SIZE];
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(crypto_pwhash_str_alg(hash, "rahasia1", 8, 1, 8 * 1024 * 1024, crypto_pwhash_ALG_ARGON2ID13),
                        0);
  CU_ASSERT_EQUAL(verify(hash, "rahasia1"), PASSWORD_RIGHT_REHASH);
}

static void what_is_no_hash_is_wrong(void)
{
  static const char *const hashes[] = {"", "$", "$argon2id$", "rahasia1", "$2b$12$abcdefghijklmnopqrstuv"};
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
    CU_ASSERT_EQUAL(verify(hashes[i], "rahasia1"), PASSWORD_WRONG);
}

static void the_dummy_has_todays_parameters(void)
{
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  CU_ASSERT_EQUAL(crypto_pwhash_str_needs_rehash(password_dummy_hash(), PASSWORD_PASSES, PASSWORD_MEMORY), 0);
  CU_ASSERT_EQUAL(verify(password_dummy_hash(), "rahasia1"), PASSWORD_WRONG);
}

struct outcome {
  int calls;
  int error;
  enum password_verdict verdict;
  char hash[PASSWORD_HASH_SIZE];
};

static void note(const struct hasher_result *result, void *data)
{
  struct outcome *outcome = data;
  outcome->calls++;
  outcome->error = result->error;
  outcome->verdict = result->verdict;
  memcpy(outcome->hash, result->hash, strlen(result->hash) + 1);
}

static void submit(struct hasher *hasher, enum hasher_kind kind, const char *hash, struct outcome *outcome)
{
  struct hasher_job *job = hasher_job_new(kind, "rahasia1", 8, hash, hash ? strlen(hash) : 0, note, outcome);
  CU_ASSERT_PTR_NOT_NULL_FATAL(job);
  CU_ASSERT_EQUAL_FATAL(hasher_submit(hasher, job), LONTAR_OK);
}

static void collect_until(struct hasher *hasher, const struct outcome *outcome)
{
  struct pollfd ready = {.fd = hasher_fd(hasher), .events = POLLIN};
  while (outcome->calls == 0 && poll(&ready, 1, 20000) == 1)
    hasher_collect(hasher);
  CU_ASSERT_EQUAL_FATAL(outcome->calls, 1);
}

static void the_helper_hashes_verifies_and_renews(void)
{
  struct hasher *hasher;
  struct outcome made = {0}, renewed = {0}, unknown = {0};
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(hasher_start(&hasher), LONTAR_OK);
  submit(hasher, HASHER_HASH, NULL, &made);
  submit(hasher, HASHER_VERIFY, OLD_HASH, &renewed);
  submit(hasher, HASHER_VERIFY, NULL, &unknown);
  collect_until(hasher, &unknown);
  CU_ASSERT_EQUAL(made.error, LONTAR_OK);
  CU_ASSERT_EQUAL(verify(made.hash, "rahasia1"), PASSWORD_RIGHT);
  CU_ASSERT_EQUAL(renewed.verdict, PASSWORD_RIGHT_REHASH);
  CU_ASSERT_EQUAL(verify(renewed.hash, "rahasia1"), PASSWORD_RIGHT);
  CU_ASSERT_EQUAL(unknown.verdict, PASSWORD_WRONG);
  CU_ASSERT_STRING_EQUAL(unknown.hash, "");
  hasher_stop(hasher);
}

static void a_cancelled_job_calls_nobody(void)
{
  struct hasher *hasher;
  struct outcome cancelled = {0}, next = {0};
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(hasher_start(&hasher), LONTAR_OK);
  struct hasher_job *job = hasher_job_new(HASHER_HASH, "rahasia1", 8, NULL, 0, note, &cancelled);
  CU_ASSERT_EQUAL_FATAL(hasher_submit(hasher, job), LONTAR_OK);
  hasher_cancel(job);
  submit(hasher, HASHER_HASH, NULL, &next);
  collect_until(hasher, &next);
  CU_ASSERT_EQUAL(cancelled.calls, 0);
  hasher_stop(hasher);
}

static void a_full_queue_is_busy_and_stop_drops_it(void)
{
  struct hasher *hasher;
  struct outcome outcome = {0};
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(hasher_start(&hasher), LONTAR_OK);
  for (int i = 0; i < HASHER_QUEUE_MAX; i++)
    submit(hasher, HASHER_HASH, NULL, &outcome);
  struct hasher_job *job = hasher_job_new(HASHER_HASH, "rahasia1", 8, NULL, 0, note, &outcome);
  CU_ASSERT_EQUAL(hasher_submit(hasher, job), LONTAR_BUSY);
  hasher_job_free(job);
  hasher_stop(hasher);
  CU_ASSERT_EQUAL(outcome.calls, 0);
}

UNIT_CASES(password, UNIT_CASE(a_new_hash_is_argon2id_and_salted), UNIT_CASE(the_originals_hash_is_right_once),
           UNIT_CASE(other_parameters_ask_for_a_new_hash), UNIT_CASE(what_is_no_hash_is_wrong),
           UNIT_CASE(the_dummy_has_todays_parameters), UNIT_CASE(the_helper_hashes_verifies_and_renews),
           UNIT_CASE(a_cancelled_job_calls_nobody), UNIT_CASE(a_full_queue_is_busy_and_stop_drops_it));
