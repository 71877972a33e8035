/* Tests of worker/settings: one worker's share of the configuration's numbers. */
#include "unit.h"
#include "worker/settings.h"

static void a_worker_without_a_limit_is_never_weary(void)
{
  const struct config config = {.max_requests = 0};
  CU_ASSERT_EQUAL(worker_request_limit(&config, 0, 0), UINT64_MAX);
  CU_ASSERT_EQUAL(worker_request_limit(&config, 1000, UINT32_MAX), UINT64_MAX);
}

static void the_limit_is_up_to_a_tenth_lower(void)
{
  const struct config config = {.max_requests = 1000};
  uint64_t least = UINT64_MAX, most = 0;
  for (uint32_t random = 0; random < 1000; random++) {
    const uint64_t limit = worker_request_limit(&config, 5000, random);
    least = limit < least ? limit : least;
    most = limit > most ? limit : most;
  }
  CU_ASSERT_EQUAL(least, 5900);
  CU_ASSERT_EQUAL(most, 6000);
  const struct config smallest = {.max_requests = 1};
  CU_ASSERT_EQUAL(worker_request_limit(&smallest, 7, UINT32_MAX), 8);
}

UNIT_CASES(settings, UNIT_CASE(a_worker_without_a_limit_is_never_weary), UNIT_CASE(the_limit_is_up_to_a_tenth_lower));
