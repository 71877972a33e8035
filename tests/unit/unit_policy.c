/* The pool's decisions over time: what is opened, checked, given up and closed. */
#include "drive.h"
#include "pool/rules.h"

static void overflow_is_leased_for_those_who_wait_and_given_back(void)
{
  struct waiter writes[3];
  begin();
  for (int i = 0; i < 3; i++) {
    writes[i] = waiter(WRITES);
    ask(&writes[i]);
  }
  CU_ASSERT_TRUE(sends(&writes[0], 1));
  now += POLICY_OVERFLOW_AFTER - 1;
  CU_ASSERT_TRUE(quiet());
  now++;
  CU_ASSERT_TRUE(next(POLICY_OPEN) && action.slot == 2);
  CU_ASSERT_EQUAL(left, 0);
  policy_opened(&policy, 2, now, 0);
  CU_ASSERT_TRUE(sends(&writes[1], 2));
  now += POLICY_OVERFLOW_AFTER;
  CU_ASSERT_TRUE(quiet()); /* nothing is left to lease */
  CU_ASSERT_TRUE(policy_withdraw(&policy, &writes[2]));
  policy_answered(&policy, 2, NULL, now);
  policy_answered(&policy, 1, NULL, now);
  now += settings.idle_timeout;
  CU_ASSERT_TRUE(due(POLICY_CLOSE) && action.reason == POLICY_IDLE);
  policy_closed(&policy, action.slot, POLICY_IDLE, now, 0);
  CU_ASSERT_EQUAL(left, 1);
  CU_ASSERT_FALSE(due(POLICY_CLOSE)); /* two are its size */
}

static void idle_overflow_goes_early_when_others_want_it(void)
{
  struct waiter writes[2];
  begin();
  for (int i = 0; i < 2; i++) {
    writes[i] = waiter(WRITES);
    ask(&writes[i]);
  }
  CU_ASSERT_TRUE(sends(&writes[0], 1));
  now += POLICY_OVERFLOW_AFTER;
  CU_ASSERT_TRUE(next(POLICY_OPEN));
  policy_opened(&policy, 2, now, 0);
  CU_ASSERT_TRUE(sends(&writes[1], 2));
  policy_answered(&policy, 2, NULL, now);
  others_want = true;
  now = policy.slots[0].idle_since + POLICY_SHARE_AFTER - 1;
  CU_ASSERT_FALSE(due(POLICY_CLOSE));
  now++;
  CU_ASSERT_TRUE(due(POLICY_CLOSE) && action.reason == POLICY_IDLE);
}

static void nothing_is_opened_before_the_server_is_known(void)
{
  begin();
  policy_closed(&policy, 0, POLICY_LOST, now, 0);
  policy_await(&policy, true);
  CU_ASSERT_TRUE(quiet());
  policy_await(&policy, false);
  CU_ASSERT_TRUE(next(POLICY_OPEN));
}

/* Failures at the former server are no reason to wait with the new one. */
static void after_a_move_it_connects_at_once(void)
{
  begin();
  policy_closed(&policy, 0, POLICY_LOST, now, 0);
  CU_ASSERT_TRUE(next(POLICY_OPEN));
  policy_closed(&policy, action.slot, POLICY_LOST, now, 0);
  CU_ASSERT_TRUE(quiet());
  policy_moved(&policy, now);
  CU_ASSERT_TRUE(next(POLICY_OPEN));
}

static void within_its_size_a_slice_asks_too(void)
{
  begin();
  policy_closed(&policy, 0, POLICY_LOST, now, 0);
  open_within = false;
  CU_ASSERT_TRUE(quiet());
  open_within = true;
  CU_ASSERT_TRUE(quiet()); /* asked again after a pause */
  now += 5 * CLOCK_MILLISECOND;
  CU_ASSERT_TRUE(next(POLICY_OPEN));
}

static void an_old_connection_drains_and_one_after_the_other(void)
{
  begin();
  struct waiter read = waiter(READS);
  ask(&read);
  CU_ASSERT_TRUE(sends(&read, 1));
  policy_renew(&policy, 0, now); /* as if it had grown old */
  policy_renew(&policy, 1, now);
  CU_ASSERT_TRUE(due(POLICY_CLOSE) && action.slot == 0 && action.reason == POLICY_RECYCLED);
  policy_closed(&policy, 0, POLICY_RECYCLED, now, 0);
  policy.failures = 1; /* none can be opened in its place */
  CU_ASSERT_TRUE(!due(POLICY_CLOSE) && policy.slots[1].state == SLOT_READY);
  policy.failures = 0;
  CU_ASSERT_TRUE(!due(POLICY_CLOSE) && policy.slots[1].state == SLOT_DRAINING); /* busy: never cut */
}

static void recycles_with_jitter_below_a_tenth(void)
{
  begin();
  for (uint32_t random = 0; random < 4000000000U; random += 123456789U) {
    policy.slots[0].state = SLOT_CONNECTING;
    policy_opened(&policy, 0, now, random);
    CU_ASSERT_TRUE(policy.slots[0].recycle_at > now + settings.recycle / 10 * 9);
    CU_ASSERT_TRUE(policy.slots[0].recycle_at <= now + settings.recycle);
  }
  int64_t one = policy.slots[0].recycle_at;
  policy_opened(&policy, 0, now, 7);
  CU_ASSERT_NOT_EQUAL(policy.slots[0].recycle_at, one);
}

static void the_idle_are_checked_before_they_are_handed_out(void)
{
  struct waiter read;
  begin();
  now += RULES_CHECK_AFTER;
  read = waiter(READS);
  ask(&read);
  CU_ASSERT_TRUE(next(POLICY_CHECK) && action.slot == 0);
  CU_ASSERT_TRUE(next(POLICY_CHECK) && action.slot == 1);
  CU_ASSERT_TRUE(quiet());
  policy_answered(&policy, 0, NULL, ++now);
  CU_ASSERT_TRUE(sends(&read, 0));
  now += RULES_CHECK_LIMIT + 1;
  CU_ASSERT_TRUE(due(POLICY_ABANDON) && action.slot == 1);
}

static void the_idle_are_checked_before_anybody_asks(void)
{
  begin();
  now += POLICY_CHECK_EVERY - 1;
  CU_ASSERT_TRUE(due(POLICY_CHECK) && action.slot == 0);
  policy_answered(&policy, 0, NULL, now);
  CU_ASSERT_EQUAL(policy.slots[0].idle_since, 1000 * CLOCK_SECOND + 1); /* a check is no use */
}

static void after_a_loss_the_others_are_checked(void)
{
  struct waiter read;
  begin();
  policy_closed(&policy, 0, POLICY_LOST, now, 0);
  read = waiter(READS);
  ask(&read);
  CU_ASSERT_TRUE(next(POLICY_CHECK) && action.slot == 1);
  policy_answered(&policy, 1, NULL, now);
  CU_ASSERT_TRUE(sends(&read, 1));
}

static void a_silent_server_is_given_up_after_its_own_limit_and_a_grace(void)
{
  struct waiter first, second;
  begin();
  first = second = waiter(READS);
  ask(&first);
  CU_ASSERT_TRUE(sends(&first, 1));
  now += 2000;
  ask(&second);
  CU_ASSERT_TRUE(sends(&second, 1));
  now += settings.statement_timeout;
  policy_answered(&policy, 1, NULL, now); /* the second's turn begins */
  now += settings.statement_timeout;
  policy_heard(&policy, 1, now); /* it goes on */
  now += settings.statement_timeout + RULES_GRACE;
  CU_ASSERT_FALSE(due(POLICY_ABANDON));
  now++;
  CU_ASSERT_TRUE(due(POLICY_ABANDON) && action.slot == 1);
}

static void who_was_given_up_keeps_its_place_until_its_end_is_seen(void)
{
  struct waiter write, read, late;
  begin();
  left = 0;
  write = late = waiter(WRITES);
  read = waiter(READS);
  ask(&write);
  CU_ASSERT_TRUE(sends(&write, 1));
  policy_leaving(&policy, 1, POLICY_HUNG, now, 0);
  CU_ASSERT_TRUE(quiet() && policy.open == 2);
  policy_answered(&policy, 0, NULL, now + 1); /* after a loss it had to be checked */
  policy.slots[0].in_flight = 0;
  now += POLICY_OVERFLOW_AFTER;
  ask(&read);
  CU_ASSERT_TRUE(sends(&read, 0)); /* what is left is for reads */
  policy_answered(&policy, 0, &read, now);
  policy.next_attempt = now + 1; /* nothing more may be opened */
  CU_ASSERT_EQUAL(policy_ask(&policy, &late, now), LONTAR_BUSY);
  policy_closed(&policy, 1, POLICY_HUNG, now, 0);
  now++;
  CU_ASSERT_EQUAL(policy_ask(&policy, &late, now), LONTAR_OK);
  CU_ASSERT_TRUE(sends(&late, 0));
  CU_ASSERT_TRUE(next(POLICY_OPEN) && action.slot == 1);
}

static void writes_that_wait_are_refused_when_every_place_for_them_is_left(void)
{
  struct waiter writes[2];
  begin();
  left = 0;
  for (int i = 0; i < 2; i++) {
    writes[i] = waiter(WRITES);
    ask(&writes[i]);
  }
  CU_ASSERT_TRUE(sends(&writes[0], 1) && quiet());
  policy_leaving(&policy, 1, POLICY_HUNG, now, 0);
  CU_ASSERT_TRUE(next(POLICY_CHECK) && action.slot == 0);
  policy_answered(&policy, 0, NULL, now);
  now += POLICY_OVERFLOW_AFTER;
  CU_ASSERT_TRUE(quiet()); /* it asks for another first */
  CU_ASSERT_TRUE(next(POLICY_REFUSE) && action.waiter == &writes[1] && action.error == LONTAR_BUSY);
}

static void a_connection_that_is_late_goes_on_and_counts_as_failed(void)
{
  struct waiter read;
  begin();
  policy_closed(&policy, 0, POLICY_LOST, now, 0);
  policy_closed(&policy, 1, POLICY_LOST, now, 0);
  CU_ASSERT_TRUE(next(POLICY_OPEN));
  now += settings.connect_timeout;
  CU_ASSERT_FALSE(due(POLICY_LATE));
  now++;
  CU_ASSERT_TRUE(due(POLICY_LATE) && action.slot == 0);
  CU_ASSERT_FALSE(due(POLICY_LATE));
  read = waiter(READS);
  CU_ASSERT_EQUAL(policy_ask(&policy, &read, now), LONTAR_UNAVAILABLE);
  now += 100 * CLOCK_SECOND;
  CU_ASSERT_TRUE(quiet()); /* no other one is begun */
  policy_opened(&policy, 0, now, 0);
  ask(&read);
  CU_ASSERT_TRUE(sends(&read, 0));
}

static void without_a_connection_failures_mean_down_and_nobody_queues(void)
{
  struct waiter waiting, late;
  begin();
  policy_closed(&policy, 0, POLICY_LOST, now, 0);
  policy_closed(&policy, 1, POLICY_LOST, now, 0);
  waiting = late = waiter(READS);
  ask(&waiting);
  CU_ASSERT_TRUE(next(POLICY_OPEN));
  CU_ASSERT_TRUE(quiet());
  policy_closed(&policy, 0, POLICY_LOST, now, 0);
  CU_ASSERT_TRUE(policy_is_down(&policy));
  CU_ASSERT_TRUE(next(POLICY_REFUSE) && action.waiter == &waiting && action.error == LONTAR_UNAVAILABLE);
  CU_ASSERT_EQUAL(policy_ask(&policy, &late, now), LONTAR_UNAVAILABLE);
  CU_ASSERT_TRUE(quiet());
  now += 200 * CLOCK_MILLISECOND;
  CU_ASSERT_TRUE(next(POLICY_OPEN));
  policy_opened(&policy, 0, now, 0);
  CU_ASSERT_FALSE(policy_is_down(&policy));
}

static void the_probers_word_stops_attempts_and_begins_them(void)
{
  begin();
  policy_told(&policy, POLICY_DOWN, now);
  CU_ASSERT_TRUE(policy_is_down(&policy));
  CU_ASSERT_TRUE(due(POLICY_CHECK) && action.slot == 0);
  CU_ASSERT_TRUE(due(POLICY_CHECK) && action.slot == 1);
  policy_closed(&policy, 0, POLICY_LOST, now, 0);
  policy_answered(&policy, 1, NULL, now);
  CU_ASSERT_FALSE(policy_is_down(&policy)); /* an answer is worth more than a word */
  policy_closed(&policy, 1, POLICY_LOST, now, 0);
  CU_ASSERT_TRUE(policy_is_down(&policy));
  now += 100 * CLOCK_SECOND;
  CU_ASSERT_TRUE(quiet());
  policy_told(&policy, POLICY_UP, now);
  CU_ASSERT_FALSE(policy_is_down(&policy));
  CU_ASSERT_TRUE(next(POLICY_OPEN));
}

/* The schema is missing: whoever is connected would only meet that. */
static void an_answer_of_a_server_that_is_unfit_proves_nothing(void)
{
  begin();
  policy_told(&policy, POLICY_UNFIT, now);
  CU_ASSERT_TRUE(policy_is_down(&policy));
  CU_ASSERT_TRUE(due(POLICY_CHECK) && action.slot == 0);
  policy_answered(&policy, 0, NULL, now);
  CU_ASSERT_TRUE(policy_is_down(&policy));
  policy_closed(&policy, 1, POLICY_LOST, now, 0);
  CU_ASSERT_FALSE(next(POLICY_OPEN));
  policy_told(&policy, POLICY_UP, now);
  CU_ASSERT_FALSE(policy_is_down(&policy));
  CU_ASSERT_TRUE(next(POLICY_OPEN));
}

static void too_many_and_too_late_are_refused(void)
{
  struct waiter writes[101], late;
  begin();
  for (int i = 0; i < 100; i++) {
    writes[i] = waiter(WRITES);
    ask(&writes[i]);
  }
  late = waiter(READS);
  CU_ASSERT_EQUAL(policy_ask(&policy, &late, now), LONTAR_BUSY);
  now = writes[0].wait_until - 1;
  CU_ASSERT_FALSE(due(POLICY_REFUSE));
  now++;
  CU_ASSERT_TRUE(due(POLICY_REFUSE) && action.error == LONTAR_BUSY);
}

static void a_retry_waits_at_random_and_goes_first(void)
{
  struct waiter read, later;
  begin();
  read = later = waiter(READS);
  policy_ask_later(&policy, &read, 2, now, 15 * CLOCK_MILLISECOND);
  CU_ASSERT_TRUE(quiet());
  now += 15 * CLOCK_MILLISECOND;
  CU_ASSERT_FALSE(due(POLICY_CLOSE));
  ask(&later);
  CU_ASSERT_TRUE(sends(&read, 1));
}

static void who_is_being_closed_still_counts(void)
{
  begin();
  now += settings.recycle;
  CU_ASSERT_TRUE(due(POLICY_CLOSE));
  policy_leaving(&policy, action.slot, POLICY_RECYCLED, now, 0);
  CU_ASSERT_FALSE(due(POLICY_CLOSE));
  CU_ASSERT_TRUE(quiet()); /* none is opened in its place yet */
  policy_closed(&policy, 0, POLICY_RECYCLED, now, 0);
  CU_ASSERT_TRUE(next(POLICY_OPEN));
}

static void draining_keeps_one_connection_for_those_who_wait(void)
{
  struct waiter read;
  begin();
  read = waiter(READS);
  ask(&read);
  CU_ASSERT_TRUE(sends(&read, 1));
  policy_drain(&policy);
  CU_ASSERT_TRUE(due(POLICY_CLOSE) && action.slot == 0);
  policy_closed(&policy, 0, POLICY_RETIRED, now, 0);
  CU_ASSERT_FALSE(due(POLICY_CLOSE));
  CU_ASSERT_TRUE(quiet());
  policy_answered(&policy, 1, NULL, now);
  CU_ASSERT_TRUE(due(POLICY_CLOSE) && action.slot == 1);
  policy_closed(&policy, 1, POLICY_RETIRED, now, 0);
  CU_ASSERT_TRUE(quiet());
  ask(&read);
  CU_ASSERT_TRUE(next(POLICY_OPEN));
}

static void a_demoted_server_loses_what_is_a_second_old(void)
{
  begin();
  policy.slots[1].opened = now - CLOCK_SECOND;
  policy_demoted(&policy, now);
  CU_ASSERT_EQUAL(policy.slots[0].state, SLOT_READY);
  CU_ASSERT_TRUE(due(POLICY_CLOSE) && action.slot == 1 && action.reason == POLICY_LOST);
}

UNIT_CASES(policy, UNIT_CASE(overflow_is_leased_for_those_who_wait_and_given_back),
           UNIT_CASE(idle_overflow_goes_early_when_others_want_it), UNIT_CASE(within_its_size_a_slice_asks_too),
           UNIT_CASE(nothing_is_opened_before_the_server_is_known), UNIT_CASE(after_a_move_it_connects_at_once),
           UNIT_CASE(an_old_connection_drains_and_one_after_the_other), UNIT_CASE(recycles_with_jitter_below_a_tenth),
           UNIT_CASE(the_idle_are_checked_before_they_are_handed_out),
           UNIT_CASE(the_idle_are_checked_before_anybody_asks), UNIT_CASE(after_a_loss_the_others_are_checked),
           UNIT_CASE(a_silent_server_is_given_up_after_its_own_limit_and_a_grace),
           UNIT_CASE(who_was_given_up_keeps_its_place_until_its_end_is_seen),
           UNIT_CASE(writes_that_wait_are_refused_when_every_place_for_them_is_left),
           UNIT_CASE(a_connection_that_is_late_goes_on_and_counts_as_failed),
           UNIT_CASE(without_a_connection_failures_mean_down_and_nobody_queues),
           UNIT_CASE(the_probers_word_stops_attempts_and_begins_them),
           UNIT_CASE(an_answer_of_a_server_that_is_unfit_proves_nothing), UNIT_CASE(too_many_and_too_late_are_refused),
           UNIT_CASE(a_retry_waits_at_random_and_goes_first), UNIT_CASE(who_is_being_closed_still_counts),
           UNIT_CASE(draining_keeps_one_connection_for_those_who_wait),
           UNIT_CASE(a_demoted_server_loses_what_is_a_second_old));
