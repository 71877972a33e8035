/* Who is sent where: the choice of a connection for each class of those who wait. */
#include "drive.h"

static void reads_fill_one_pipeline_before_the_next(void)
{
  struct waiter reads[POLICY_READ_DEPTH + 1];
  begin();
  for (int i = 0; i <= POLICY_READ_DEPTH; i++) {
    reads[i] = waiter(READS);
    ask(&reads[i]);
    CU_ASSERT_TRUE(sends(&reads[i], i < POLICY_READ_DEPTH ? 1 : 0));
  }
}

static void reads_do_not_queue_behind_a_slow_statement(void)
{
  struct waiter slow, read;
  begin();
  slow = read = waiter(READS);
  ask(&slow);
  CU_ASSERT_TRUE(sends(&slow, 1));
  now += POLICY_SLOW;
  ask(&read);
  CU_ASSERT_TRUE(sends(&read, 0));
}

static void writes_go_alone_and_leave_the_last_connection_to_reads(void)
{
  struct waiter first, second, read;
  begin();
  first = second = waiter(WRITES);
  read = waiter(READS);
  ask(&first);
  CU_ASSERT_TRUE(sends(&first, 1));
  ask(&second);
  CU_ASSERT_TRUE(quiet());
  ask(&read);
  CU_ASSERT_TRUE(sends(&read, 0));
}

static void a_waiting_write_holds_back_later_reads_while_nobody_writes(void)
{
  struct waiter before[2], write, later;
  begin();
  for (int i = 0; i < 2; i++) {
    before[i] = waiter(READS);
    ask(&before[i]);
    CU_ASSERT_TRUE(next(POLICY_SEND));
    now += POLICY_SLOW;
  }
  write = waiter(WRITES);
  later = waiter(READS);
  ask(&write);
  now -= POLICY_SLOW; /* one of the two would take a read */
  ask(&later);
  CU_ASSERT_TRUE(quiet());
  policy_answered(&policy, 0, NULL, now);
  CU_ASSERT_TRUE(sends(&write, 0));
}

/* The right to a connection goes by what somebody wants, not by what happened to him. */
static void a_read_alone_takes_the_last_and_holds_up_nobody(void)
{
  struct waiter write, alone, other, read;
  begin();
  write = waiter(WRITES);
  alone = other = waiter(READS);
  alone.alone = other.alone = true;
  read = waiter(READS);
  ask(&write);
  CU_ASSERT_TRUE(sends(&write, 1));
  ask(&alone);
  CU_ASSERT_TRUE(sends(&alone, 0));
  ask(&other);
  ask(&read);
  CU_ASSERT_TRUE(quiet()); /* nothing joins one that is alone */
  policy_answered(&policy, 0, &alone, now);
  CU_ASSERT_TRUE(sends(&other, 0));
  policy_answered(&policy, 0, &other, now);
  CU_ASSERT_TRUE(sends(&read, 0));
}

/* A dear read that has to wait does not stand in the way of others, and opens no connection. */
static void dear_reads_have_a_few_connections_and_the_cheap_the_others(void)
{
  struct waiter dear[2 * POLICY_DEAR_DEPTH + 1], read;
  begin_with(3);
  for (int i = 0; i <= 2 * POLICY_DEAR_DEPTH; i++) {
    dear[i] = waiter(DEAR);
    ask(&dear[i]);
    if (i < 2 * POLICY_DEAR_DEPTH)
      CU_ASSERT_TRUE(sends(&dear[i], i < POLICY_DEAR_DEPTH ? 2 : 1));
  }
  read = waiter(READS);
  ask(&read);
  CU_ASSERT_TRUE(sends(&read, 0));
  now += POLICY_OVERFLOW_AFTER;
  CU_ASSERT_TRUE(quiet());
  policy_answered(&policy, 0, &read, now);
  for (int i = 0; i < POLICY_DEAR_DEPTH; i++)
    policy_answered(&policy, 2, &dear[i], now);
  CU_ASSERT_TRUE(next(POLICY_SEND) && action.waiter == &dear[2 * POLICY_DEAR_DEPTH]);
}

static void of_a_single_connection_dear_reads_may_have_all(void)
{
  struct waiter dear, read;
  begin_with(1);
  dear = waiter(DEAR);
  read = waiter(READS);
  ask(&dear);
  ask(&read);
  CU_ASSERT_TRUE(sends(&dear, 0) && sends(&read, 0));
}

static void who_waits_for_locks_has_half_of_the_connections(void)
{
  struct waiter locked[3], read;
  begin_with(4);
  for (int i = 0; i < 3; i++) {
    locked[i] = waiter(i < 2 ? READS : WRITES);
    locked[i].locked = true;
    policy_ask_later(&policy, &locked[i], 1, now, 0);
  }
  CU_ASSERT_FALSE(due(POLICY_CLOSE)); /* the delay is over */
  CU_ASSERT_TRUE(next(POLICY_SEND) && next(POLICY_SEND) && quiet());
  read = waiter(READS);
  ask(&read);
  CU_ASSERT_TRUE(next(POLICY_SEND) && action.waiter == &read);
}

static void appends_join_the_open_segment_until_the_round_is_over(void)
{
  struct waiter appends[POLICY_APPENDS_A_COMMIT + 1], alone, other;
  begin();
  for (int i = 0; i < POLICY_APPENDS_A_COMMIT; i++) {
    appends[i] = waiter(APPENDS);
    ask(&appends[i]);
    CU_ASSERT_TRUE(sends(&appends[i], 1));
  }
  appends[POLICY_APPENDS_A_COMMIT] = waiter(APPENDS);
  ask(&appends[POLICY_APPENDS_A_COMMIT]);
  CU_ASSERT_TRUE(quiet() && policy_withdraw(&policy, &appends[POLICY_APPENDS_A_COMMIT])); /* full */
  policy_answered(&policy, 1, NULL, now);
  policy_round_over(&policy);
  other = waiter(APPENDS);
  ask(&other);
  CU_ASSERT_TRUE(quiet() && policy_withdraw(&policy, &other));
  for (int i = 1; i < POLICY_APPENDS_A_COMMIT; i++)
    policy_answered(&policy, 1, NULL, now);
  alone = waiter(APPENDS);
  alone.alone = true;
  ask(&alone);
  CU_ASSERT_TRUE(sends(&alone, 1));
  other = waiter(APPENDS);
  ask(&other);
  CU_ASSERT_TRUE(quiet());
}

/* For 20 ms at most, and what has gathered goes together. */
static void appends_gather_behind_commits(void)
{
  struct waiter appends[POLICY_COMMITS + 2];
  begin_with(POLICY_COMMITS + 2); /* one more, and one for reads */
  for (int i = 0; i < POLICY_COMMITS + 2; i++) {
    appends[i] = waiter(APPENDS);
    ask(&appends[i]);
    CU_ASSERT_EQUAL(next(POLICY_SEND), i < POLICY_COMMITS);
    policy_round_over(&policy);
  }
  now += POLICY_OVERFLOW_AFTER - 1;
  CU_ASSERT_TRUE(quiet());
  now++;
  CU_ASSERT_TRUE(sends(&appends[POLICY_COMMITS], 1) && sends(&appends[POLICY_COMMITS + 1], 1));
}

UNIT_CASES(choice, UNIT_CASE(reads_fill_one_pipeline_before_the_next),
           UNIT_CASE(reads_do_not_queue_behind_a_slow_statement),
           UNIT_CASE(writes_go_alone_and_leave_the_last_connection_to_reads),
           UNIT_CASE(a_waiting_write_holds_back_later_reads_while_nobody_writes),
           UNIT_CASE(a_read_alone_takes_the_last_and_holds_up_nobody),
           UNIT_CASE(dear_reads_have_a_few_connections_and_the_cheap_the_others),
           UNIT_CASE(of_a_single_connection_dear_reads_may_have_all),
           UNIT_CASE(who_waits_for_locks_has_half_of_the_connections),
           UNIT_CASE(appends_join_the_open_segment_until_the_round_is_over), UNIT_CASE(appends_gather_behind_commits));
