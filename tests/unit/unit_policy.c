/* The pool's decisions, driven with a clock of the test's own. */
#include "base/clock.h"
#include "pool/policy.h"
#include "unit.h"

enum { SLOTS = 4 };

static const struct policy_settings settings = {
    .size = 2, .max_overflow = 1, .recycle = 100 * CLOCK_SECOND, .idle_timeout = 10 * CLOCK_SECOND};

static struct policy_slot ready(int in_flight, bool writing, int64_t idle_since)
{
  return (struct policy_slot){.state = SLOT_READY,
                              .in_flight = in_flight,
                              .writing = writing,
                              .idle_since = idle_since,
                              .recycle_at = 1000 * CLOCK_SECOND};
}

static void reads_fill_one_pipeline_before_the_next(void)
{
  struct policy_slot slots[SLOTS] = {ready(0, false, 1), ready(5, false, 1), ready(POLICY_READ_DEPTH, false, 1)};
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, READS, -1, 0), 1);
  slots[1].in_flight = POLICY_READ_DEPTH;
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, READS, -1, 0), 0);
  slots[0].state = SLOT_DRAINING;
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, READS, -1, 0), -1);
}

static void reads_do_not_queue_behind_a_slow_statement(void)
{
  struct policy_slot slots[SLOTS] = {ready(0, false, 1), ready(5, false, 1)};
  slots[1].head_since = 1000;
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, READS, -1, 1000 + POLICY_SLOW - 1), 1);
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, READS, -1, 1000 + POLICY_SLOW), 0);
  slots[0].state = SLOT_CLOSED;
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, READS, -1, 1000 + POLICY_SLOW), -1);
}

static void reads_keep_away_from_writes(void)
{
  struct policy_slot slots[SLOTS] = {ready(3, true, 1), ready(0, false, 1)};
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, READS, 0, 0), 1);
  slots[1].state = SLOT_CLOSED;
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, READS, 0, 0), -1);
}

static void writes_take_the_last_used_idle_connection(void)
{
  struct policy_slot slots[SLOTS] = {ready(0, false, 7), ready(0, false, 9), ready(0, false, 8)};
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, WRITES, -1, 0), 1);
}

static void writes_leave_the_last_connection_to_reads(void)
{
  struct policy_slot slots[SLOTS] = {ready(1, true, 1), ready(0, false, 1)};
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, WRITES, -1, 0), -1);
  slots[1].state = SLOT_CLOSED;
  slots[0] = ready(0, false, 1);
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, WRITES, -1, 0), 0);
}

static void appends_join_the_open_group_up_to_its_size(void)
{
  struct policy_slot slots[SLOTS] = {ready(1, true, 1), ready(0, false, 1), ready(0, false, 2)};
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, APPENDS, 0, 0), 0);
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, WRITES, 0, 0), 2);
  slots[0].in_flight = POLICY_APPENDS_A_COMMIT;
  CU_ASSERT_EQUAL(policy_pick(slots, SLOTS, APPENDS, 0, 0), 2);
}

static void opens_up_to_the_size_and_beyond_it_only_for_those_who_wait(void)
{
  struct policy_slot slots[SLOTS] = {ready(1, false, 1)};
  CU_ASSERT_TRUE(policy_should_open(&settings, slots, SLOTS, -1));
  slots[1] = ready(1, false, 1);
  CU_ASSERT_FALSE(policy_should_open(&settings, slots, SLOTS, POLICY_OVERFLOW_AFTER - 1));
  CU_ASSERT_TRUE(policy_should_open(&settings, slots, SLOTS, POLICY_OVERFLOW_AFTER));
  slots[2].state = SLOT_CONNECTING;
  CU_ASSERT_FALSE(policy_should_open(&settings, slots, SLOTS, CLOCK_SECOND));
  slots[2] = ready(1, false, 1);
  CU_ASSERT_FALSE(policy_should_open(&settings, slots, SLOTS, CLOCK_SECOND));
}

static void drains_the_old_and_the_idle_overflow(void)
{
  struct policy_slot slots[SLOTS] = {ready(3, false, 0), ready(0, false, 0), ready(0, false, 0)};
  slots[0].recycle_at = 5 * CLOCK_SECOND;
  CU_ASSERT_FALSE(policy_should_drain(&settings, slots, SLOTS, 0, 5 * CLOCK_SECOND - 1));
  CU_ASSERT_TRUE(policy_should_drain(&settings, slots, SLOTS, 0, 5 * CLOCK_SECOND));
  CU_ASSERT_FALSE(policy_should_drain(&settings, slots, SLOTS, 1, 10 * CLOCK_SECOND - 1));
  CU_ASSERT_TRUE(policy_should_drain(&settings, slots, SLOTS, 1, 10 * CLOCK_SECOND));
  slots[2].state = SLOT_CLOSED;
  CU_ASSERT_FALSE(policy_should_drain(&settings, slots, SLOTS, 1, 10 * CLOCK_SECOND));
}

static void recycles_with_jitter_below_a_tenth(void)
{
  for (uint32_t random = 0; random < 4000000000U; random += 123456789U) {
    int64_t at = policy_recycle_at(&settings, 0, random);
    CU_ASSERT_TRUE(at > 90 * CLOCK_SECOND);
    CU_ASSERT_TRUE(at <= 100 * CLOCK_SECOND);
  }
  CU_ASSERT_NOT_EQUAL(policy_recycle_at(&settings, 0, 1), policy_recycle_at(&settings, 0, 2));
}

static void backs_off_from_a_tenth_of_a_second_to_five(void)
{
  CU_ASSERT_EQUAL(policy_back_off(1, 0), 100 * CLOCK_MILLISECOND);
  CU_ASSERT_EQUAL(policy_back_off(2, 0), 200 * CLOCK_MILLISECOND);
  CU_ASSERT_EQUAL(policy_back_off(7, 0), 5 * CLOCK_SECOND);
  CU_ASSERT_EQUAL(policy_back_off(1000000, 0), 5 * CLOCK_SECOND);
  CU_ASSERT_TRUE(policy_back_off(1000000, UINT32_MAX) < 5500 * CLOCK_MILLISECOND);
}

UNIT_CASES(policy, UNIT_CASE(reads_fill_one_pipeline_before_the_next),
           UNIT_CASE(reads_do_not_queue_behind_a_slow_statement), UNIT_CASE(reads_keep_away_from_writes),
           UNIT_CASE(writes_take_the_last_used_idle_connection), UNIT_CASE(writes_leave_the_last_connection_to_reads),
           UNIT_CASE(appends_join_the_open_group_up_to_its_size),
           UNIT_CASE(opens_up_to_the_size_and_beyond_it_only_for_those_who_wait),
           UNIT_CASE(drains_the_old_and_the_idle_overflow), UNIT_CASE(recycles_with_jitter_below_a_tenth),
           UNIT_CASE(backs_off_from_a_tenth_of_a_second_to_five));
