/* What the pool and the library's lender decide alike. */
#include "base/clock.h"
#include "pool/rules.h"
#include "unit.h"

static void backs_off_from_a_tenth_of_a_second_to_five(void)
{
  CU_ASSERT_EQUAL(rules_back_off(1, 0), 100 * CLOCK_MILLISECOND);
  CU_ASSERT_EQUAL(rules_back_off(2, 0), 200 * CLOCK_MILLISECOND);
  CU_ASSERT_EQUAL(rules_back_off(7, 0), 5 * CLOCK_SECOND);
  CU_ASSERT_EQUAL(rules_back_off(1000000, 0), 5 * CLOCK_SECOND);
  CU_ASSERT_TRUE(rules_back_off(1000000, UINT32_MAX) < 5500 * CLOCK_MILLISECOND);
}

static void lives_differ_by_up_to_a_tenth(void)
{
  const int64_t life = 3600 * CLOCK_SECOND;
  CU_ASSERT_EQUAL(rules_recycle_at(7, life, 0), 7 + life);
  CU_ASSERT_EQUAL(rules_recycle_at(7, life, 1000000), 7 + life - 1000000);
  CU_ASSERT_TRUE(rules_recycle_at(7, life, UINT32_MAX) > 7 + life / 10 * 9);
  CU_ASSERT_EQUAL(rules_recycle_at(7, 9, UINT32_MAX), 16); /* too short for a tenth */
}

static void who_has_not_answered_for_long_is_not_proved(void)
{
  CU_ASSERT_TRUE(rules_is_proved(0, RULES_CHECK_AFTER - 1));
  CU_ASSERT_FALSE(rules_is_proved(0, RULES_CHECK_AFTER));
  CU_ASSERT_FALSE(rules_is_proved(RULES_UNPROVED, 0));
}

static void pauses_grow_with_the_attempts(void)
{
  CU_ASSERT_EQUAL(rules_pause(10, 1, 9), 9);
  CU_ASSERT_EQUAL(rules_pause(10, 1, 10), 0);
  CU_ASSERT_EQUAL(rules_pause(10, 3, 29), 29);
}

UNIT_CASES(rules, UNIT_CASE(backs_off_from_a_tenth_of_a_second_to_five), UNIT_CASE(lives_differ_by_up_to_a_tenth),
           UNIT_CASE(who_has_not_answered_for_long_is_not_proved), UNIT_CASE(pauses_grow_with_the_attempts));
