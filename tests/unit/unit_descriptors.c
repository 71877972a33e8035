/* Tests of worker/descriptors: what is counted, and when none is left. */
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "unit.h"
#include "worker/descriptors.h"

static void descriptors_are_counted_once_a_second(void)
{
  struct descriptors descriptors = {.open = 0};
  const int64_t now = clock_steady();
  CU_ASSERT_FALSE(descriptors_look(&descriptors, 0, now));
  const uint64_t before = descriptors.open;
  const int more = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CU_ASSERT_FALSE(descriptors_look(&descriptors, 0, now + CLOCK_SECOND / 2));
  CU_ASSERT_EQUAL(descriptors.open, before);
  CU_ASSERT_FALSE(descriptors_look(&descriptors, 0, now + CLOCK_SECOND));
  CU_ASSERT_EQUAL(descriptors.open, before + 1);
  (void)close(more);
}

static void a_denial_lasts_for_two_seconds(void)
{
  struct descriptors descriptors = {.told = clock_steady()};
  const int64_t now = clock_steady();
  CU_ASSERT_TRUE(descriptors_look(&descriptors, now - CLOCK_SECOND, now));
  CU_ASSERT_FALSE(descriptors_look(&descriptors, now - 2 * CLOCK_SECOND, now));
}

static void full_is_when_the_folder_cannot_be_read(void)
{
  struct descriptors descriptors = {.told = clock_steady()};
  struct rlimit before;
  CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = open("/dev/null", O_RDONLY | O_CLOEXEC);
  CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next + 1, before.rlim_max}), 0);
  CU_ASSERT_TRUE(descriptors_look(&descriptors, 0, clock_steady()));
  CU_ASSERT_EQUAL(descriptors.open, (uint64_t)next + 1);
  CU_ASSERT_EQUAL(descriptors.limit, (uint64_t)next + 1);
  CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
  (void)close(next);
}

UNIT_CASES(descriptors, UNIT_CASE(descriptors_are_counted_once_a_second), UNIT_CASE(a_denial_lasts_for_two_seconds),
           UNIT_CASE(full_is_when_the_folder_cannot_be_read));
