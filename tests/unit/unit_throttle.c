/* Tests of master/throttle: the pauses before a process that died starts again. */
#include "master/throttle.h"
#include "unit.h"

static void a_long_life_is_followed_at_once(void)
{
  struct throttle throttle = {0};
  CU_ASSERT_EQUAL(throttle_died(&throttle, 5, 5 + THROTTLE_SHORT_LIFE), 0);
}

static void short_lives_double_the_pause_up_to_the_longest(void)
{
  static const int64_t pauses[] = {100000, 200000, 400000, 800000, 1600000, 3200000, 5000000, 5000000};
  struct throttle throttle = {0};
  for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++)
    CU_ASSERT_EQUAL(throttle_died(&throttle, 1000, 1000 + THROTTLE_SHORT_LIFE - 1), pauses[i]);
}

static void a_long_life_forgets_the_short_ones(void)
{
  struct throttle throttle = {0};
  (void)throttle_died(&throttle, 0, 1);
  (void)throttle_died(&throttle, 0, 1);
  CU_ASSERT_EQUAL(throttle_died(&throttle, 0, THROTTLE_SHORT_LIFE * 60), 0);
  CU_ASSERT_EQUAL(throttle_died(&throttle, 0, 1), THROTTLE_FIRST_PAUSE);
}

UNIT_CASES(throttle, UNIT_CASE(a_long_life_is_followed_at_once),
           UNIT_CASE(short_lives_double_the_pause_up_to_the_longest), UNIT_CASE(a_long_life_forgets_the_short_ones));
