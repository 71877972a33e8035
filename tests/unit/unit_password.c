/* Tests of authorize/password and authorize/hasher: new hashes, the original's, unknown users, the helper thread. */
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

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
  static const char *const hashes[] = {
      "",
      "$",
      "$argon2id$",
      "rahasia1",
      "$2b$12$abcdefghijklmnopqrstuv",
      "$argon2id$v=19$m=19456,t=2,p=1$",
      "$argon2id$v=19$m=19456,t=2,p=1$XYFZwug2t79t/mOcL/IeFg",
      "$argon2id$v=19$m=19456,t=2,p=1$XYFZwug2t79t/mOcL/IeFg$RDcc",
      "$argon2id$v=19$m=0,t=2,p=1$XYFZwug2t79t/mOcL/IeFg$RDccHIfUaY/NW3uL5QOy12zC83dr+34lZ8mA4mFKnIA",
      "$argon2id$v=19$m=19456,t=0,p=1$XYFZwug2t79t/mOcL/IeFg$RDccHIfUaY/NW3uL5QOy12zC83dr+34lZ8mA4mFKnIA",
      "$argon2id$v=19$m=+19456,t=2,p=1$XYFZwug2t79t/mOcL/IeFg$RDccHIfUaY/NW3uL5QOy12zC83dr+34lZ8mA4mFKnIA",
      "$argon2id$v=19$m=19456,t=2,p=1$XYFZwug2t79t/mOcL/IeFg$RDccHIfUaY/NW3uL5QOy12zC83dr+34lZ8mA4mFKnIA=",
  };
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

/* Argon2 asks for 19 MiB at once, the helper's thread for less. */
static void without_memory_nothing_is_wrong(void)
{
  enum { SPARE = 12 << 20 };
  struct rlimit whole;
  unsigned long pages = 0;
  char made[PASSWORD_HASH_SIZE];
  char foreign[PASSWORD_HASH_SIZE]; /* of another form than ours */
  struct hasher *hasher;
  struct outcome right = {0}, unknown = {0}, old = {0}, new = {0};
  if (unit_is_under_valgrind())
    return; /* it needs memory itself */
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(password_hash("rahasia1", 8, made), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(crypto_pwhash_str_alg(foreign, "rahasia1", 8, 3, PASSWORD_MEMORY, crypto_pwhash_ALG_ARGON2I13),
                        0);
  CU_ASSERT_EQUAL_FATAL(hasher_start(&hasher), LONTAR_OK);
  FILE *file = fopen("/proc/self/statm", "re");
  CU_ASSERT_TRUE_FATAL(file && fscanf(file, "%lu", &pages) == 1 && getrlimit(RLIMIT_AS, &whole) == 0);
  (void)fclose(file);
  const struct rlimit little = {pages * (rlim_t)sysconf(_SC_PAGESIZE) + SPARE, whole.rlim_max};
  CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_AS, &little), 0);
  CU_ASSERT_EQUAL(verify(made, "rahasia1"), PASSWORD_FAILED);
  CU_ASSERT_EQUAL(verify(made, "rahasia2"), PASSWORD_FAILED);
  CU_ASSERT_EQUAL(verify(foreign, "rahasia1"), PASSWORD_FAILED);
  CU_ASSERT_EQUAL(verify(foreign, "rahasia2"), PASSWORD_FAILED);
  CU_ASSERT_EQUAL(verify(OLD_HASH, "rahasia1"), PASSWORD_RIGHT_REHASH);
  CU_ASSERT_EQUAL(verify(OLD_HASH, "rahasia2"), PASSWORD_FAILED); /* as everybody whose password is not right */
  CU_ASSERT_EQUAL(password_hash("rahasia1", 8, made), LONTAR_BUSY);
  submit(hasher, HASHER_VERIFY, made, &right);
  submit(hasher, HASHER_VERIFY, NULL, &unknown);
  submit(hasher, HASHER_HASH, NULL, &new);
  submit(hasher, HASHER_VERIFY, OLD_HASH, &old);
  collect_until(hasher, &old);
  CU_ASSERT_EQUAL(right.error, LONTAR_BUSY);
  CU_ASSERT_EQUAL(unknown.error, LONTAR_BUSY);
  CU_ASSERT_EQUAL(new.error, LONTAR_BUSY);
  CU_ASSERT_EQUAL(old.error, LONTAR_OK);
  CU_ASSERT_EQUAL(old.verdict, PASSWORD_RIGHT_REHASH);
  CU_ASSERT_STRING_EQUAL(old.hash, "");
  CU_ASSERT_EQUAL(setrlimit(RLIMIT_AS, &whole), 0);
  CU_ASSERT_EQUAL(verify(made, "rahasia1"), PASSWORD_RIGHT);
  CU_ASSERT_EQUAL(verify(made, "rahasia2"), PASSWORD_WRONG);
  CU_ASSERT_EQUAL(verify(foreign, "rahasia1"), PASSWORD_RIGHT_REHASH);
  CU_ASSERT_EQUAL(verify(foreign, "rahasia2"), PASSWORD_WRONG);
  hasher_stop(hasher);
}

UNIT_CASES(password, UNIT_CASE(a_new_hash_is_argon2id_and_salted), UNIT_CASE(the_originals_hash_is_right_once),
           UNIT_CASE(other_parameters_ask_for_a_new_hash), UNIT_CASE(what_is_no_hash_is_wrong),
           UNIT_CASE(the_dummy_has_todays_parameters), UNIT_CASE(without_memory_nothing_is_wrong),
           UNIT_CASE(the_helper_hashes_verifies_and_renews), UNIT_CASE(a_cancelled_job_calls_nobody),
           UNIT_CASE(a_full_queue_is_busy_and_stop_drops_it));
