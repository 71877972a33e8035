/* Tests of master/limits: what the settings need, and how far the limit of open files is raised. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "master/limits.h"
#include "unit.h"

static void set(rlim_t soft, rlim_t hard)
{
  const struct rlimit limit = {soft, hard};
  CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void what_a_worker_may_need_grows_with_the_settings(void)
{
  const struct config small = {.pool_size = 10, .pool_max_overflow = 20};
  const struct config large = {.pool_size = 1000, .pool_max_overflow = 1000};
  CU_ASSERT_TRUE(limits_needed(&small, 2) > 1024 + 25);
  CU_ASSERT_EQUAL(limits_needed(&large, 2) - limits_needed(&small, 2), 495 + 980);
  CU_ASSERT_EQUAL(limits_needed(&small, 12) - limits_needed(&small, 2), 20 - 4);
}

static void the_soft_limit_becomes_the_hard_one(void)
{
  const struct config config = {.pool_size = 10, .pool_max_overflow = 20};
  char message[512] = "";
  struct rlimit before, after;
  CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
  CU_ASSERT_TRUE_FATAL(before.rlim_max > limits_needed(&config, 2));
  set(256, before.rlim_max);
  CU_ASSERT_TRUE(limits_raise(&config, 2, message, sizeof message));
  CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &after), 0);
  CU_ASSERT_EQUAL(after.rlim_cur, before.rlim_max);
  CU_ASSERT_STRING_EQUAL(message, "");
  set((rlim_t)limits_needed(&config, 2), before.rlim_max);
  CU_ASSERT_TRUE(limits_raise(&config, 2, message, sizeof message));
  CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &after), 0);
  CU_ASSERT_EQUAL(after.rlim_cur, limits_needed(&config, 2));
  set(before.rlim_cur, before.rlim_max);
}

static void a_hard_limit_that_is_too_low_is_told(void)
{
  const struct config config = {.pool_size = 1000, .pool_max_overflow = 1000};
  char message[512] = "", expected[64];
  if (unit_is_under_valgrind())
    return; /* it keeps descriptors for itself */
  if (fork() == 0) {
    set(256, 1024);
    const bool good = limits_raise(&config, 2, message, sizeof message);
    (void)snprintf(expected, sizeof expected,
                   "1024 files open and may need %llu:", (unsigned long long)limits_needed(&config, 2));
    _exit(!good && strstr(message, expected) != NULL && strstr(message, "LimitNOFILE") != NULL ? 0 : 1);
  }
  int status = -1;
  CU_ASSERT_TRUE(wait(&status) > 0);
  CU_ASSERT_EQUAL(status, 0);
}

UNIT_CASES(limits, UNIT_CASE(what_a_worker_may_need_grows_with_the_settings),
           UNIT_CASE(the_soft_limit_becomes_the_hard_one), UNIT_CASE(a_hard_limit_that_is_too_low_is_told));
