/* Tests of health/probe: what the prober does next and what it says, driven by a clock of the tests' own. */
#include "health/probe.h"
#include "unit.h"

#define MS 1000

static struct probe began(void)
{
  struct probe probe;
  probe_begin(&probe, 5000 * MS);
  return probe;
}

/* Up since `at`, by a connection that was begun a second before. */
static struct probe up(int64_t at)
{
  struct probe probe;
  probe_begin(&probe, at - 1000 * MS);
  CU_ASSERT_EQUAL(probe_due(&probe, at - 1000 * MS, 0), PROBE_OPEN);
  CU_ASSERT_EQUAL(probe_answered(&probe, at), PROBE_WAIT);
  return probe;
}

static void expect(const struct probe *probe, enum board_database word, enum probe_step step, int64_t until)
{
  CU_ASSERT_EQUAL(probe->word, word);
  CU_ASSERT_EQUAL(probe->step, step);
  CU_ASSERT_EQUAL(probe->until, until);
}

static void it_begins_by_asking_and_says_nothing_before(void)
{
  struct probe probe = began();
  CU_ASSERT_EQUAL(probe_due(&probe, 4999 * MS, 0), PROBE_WAIT);
  CU_ASSERT_EQUAL(probe_due(&probe, 5000 * MS, 0), PROBE_OPEN);
  expect(&probe, BOARD_DATABASE_UNKNOWN, PROBE_OPENING, 5000 * MS + PROBE_DEADLINE);
  CU_ASSERT_EQUAL(probe_answered(&probe, 5003 * MS), PROBE_WAIT);
  expect(&probe, BOARD_DATABASE_UP, PROBE_LISTENING, 5003 * MS + PROBE_INTERVAL);
}

static void an_open_connection_is_asked_now_and_then(void)
{
  struct probe probe = up(9000 * MS);
  CU_ASSERT_EQUAL(probe_due(&probe, 9999 * MS, 0), PROBE_WAIT);
  CU_ASSERT_EQUAL(probe_due(&probe, 10000 * MS, 0), PROBE_ASK);
  expect(&probe, BOARD_DATABASE_UP, PROBE_CHECKING, 10000 * MS + PROBE_DEADLINE);
  (void)probe_answered(&probe, 10001 * MS);
  expect(&probe, BOARD_DATABASE_UP, PROBE_LISTENING, 10001 * MS + PROBE_INTERVAL);
}

static void an_ended_connection_is_a_suspicion_and_a_refused_one_the_proof(void)
{
  struct probe probe = up(9000 * MS);
  CU_ASSERT_EQUAL(probe_failed(&probe, 9100 * MS, false, 0), PROBE_OPEN);
  expect(&probe, BOARD_DATABASE_UP, PROBE_OPENING, 9100 * MS + PROBE_DEADLINE);
  CU_ASSERT_EQUAL(probe_failed(&probe, 9101 * MS, false, 0), PROBE_CLOSE);
  expect(&probe, BOARD_DATABASE_DOWN, PROBE_PAUSING, 9101 * MS + PROBE_FIRST_PAUSE);
}

static void an_ended_connection_followed_by_a_good_one_is_nothing(void)
{
  struct probe probe = up(9000 * MS);
  (void)probe_failed(&probe, 9100 * MS, false, 0);
  (void)probe_answered(&probe, 9105 * MS);
  expect(&probe, BOARD_DATABASE_UP, PROBE_LISTENING, 9105 * MS + PROBE_INTERVAL);
}

static void a_connection_that_did_not_last_is_followed_after_a_pause(void)
{
  struct probe probe = up(9000 * MS);
  (void)probe_failed(&probe, 9100 * MS, false, 0);
  (void)probe_answered(&probe, 9105 * MS);
  CU_ASSERT_EQUAL(probe_failed(&probe, 9106 * MS, false, 0), PROBE_CLOSE);
  expect(&probe, BOARD_DATABASE_UP, PROBE_PAUSING, 9100 * MS + PROBE_GAP);
}

static void silence_is_a_suspicion_and_silence_again_the_proof(void)
{
  struct probe probe = up(9000 * MS);
  int64_t now = 10000 * MS;
  CU_ASSERT_EQUAL(probe_due(&probe, now, 0), PROBE_ASK);
  CU_ASSERT_EQUAL(probe_due(&probe, now + PROBE_DEADLINE - 1, 0), PROBE_WAIT);
  CU_ASSERT_EQUAL(probe_due(&probe, now += PROBE_DEADLINE, 0), PROBE_OPEN);
  expect(&probe, BOARD_DATABASE_UP, PROBE_OPENING, now + PROBE_DEADLINE);
  CU_ASSERT_EQUAL(probe_due(&probe, now += PROBE_DEADLINE, 0), PROBE_CLOSE);
  expect(&probe, BOARD_DATABASE_DOWN, PROBE_PAUSING, now + PROBE_FIRST_PAUSE);
}

static void a_silent_server_on_this_machine_is_waited_for(void)
{
  struct probe probe = up(9000 * MS);
  const int64_t began = 9100 * MS;
  CU_ASSERT_EQUAL(probe_failed(&probe, began, false, 0), PROBE_OPEN);
  CU_ASSERT_EQUAL(probe_silent(&probe, false), PROBE_WAIT);
  expect(&probe, BOARD_DATABASE_DOWN, PROBE_OPENING, began + PROBE_PATIENCE);
  CU_ASSERT_EQUAL(probe_due(&probe, began + PROBE_PATIENCE - 1, 0), PROBE_WAIT);
  struct probe heard = probe;
  CU_ASSERT_EQUAL(probe_answered(&heard, began + 30000 * MS), PROBE_WAIT);
  expect(&heard, BOARD_DATABASE_UP, PROBE_LISTENING, began + 30000 * MS + PROBE_INTERVAL);
  CU_ASSERT_EQUAL(probe_due(&probe, began + PROBE_PATIENCE, 0), PROBE_CLOSE);
  expect(&probe, BOARD_DATABASE_DOWN, PROBE_PAUSING, began + PROBE_PATIENCE + PROBE_FIRST_PAUSE);
  (void)probe_due(&probe, probe.until, 0);
  CU_ASSERT_EQUAL(probe_silent(&probe, true), PROBE_WAIT);
  CU_ASSERT_EQUAL(probe.word, BOARD_DATABASE_UP);
}

static void pauses_double_and_never_reach_half_a_second(void)
{
  static const int64_t pauses[] = {100 * MS, 200 * MS, 400 * MS, 400 * MS, 400 * MS};
  struct probe probe = began();
  int64_t now = 5000 * MS;
  for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
    const uint32_t random = i == 4 ? UINT32_MAX : 0;
    CU_ASSERT_EQUAL(probe_due(&probe, now, random), PROBE_OPEN);
    (void)probe_failed(&probe, now, false, random);
    CU_ASSERT_TRUE(probe.until >= now + pauses[i] && probe.until < now + pauses[i] + pauses[i] / 10);
    CU_ASSERT_TRUE(random == 0 || probe.until > now + pauses[i]);
    CU_ASSERT_TRUE(probe.until - now < 500 * MS);
    now = probe.until;
  }
}

static void an_answer_forgets_the_failures(void)
{
  struct probe probe = began();
  for (int64_t now = 5000 * MS; probe.failures < 3; now = probe.until) {
    (void)probe_due(&probe, now, 0);
    (void)probe_failed(&probe, now, false, 0);
  }
  (void)probe_due(&probe, probe.until, 0);
  const int64_t now = probe.until;
  (void)probe_answered(&probe, now);
  expect(&probe, BOARD_DATABASE_UP, PROBE_LISTENING, now + PROBE_INTERVAL);
  CU_ASSERT_EQUAL(probe.failures, 0);
}

static void a_server_that_refuses_only_the_prober_is_up(void)
{
  struct probe probe = began();
  (void)probe_due(&probe, 5000 * MS, 0);
  CU_ASSERT_EQUAL(probe_failed(&probe, 5001 * MS, true, 0), PROBE_CLOSE);
  expect(&probe, BOARD_DATABASE_UP, PROBE_PAUSING, 5001 * MS + PROBE_FIRST_PAUSE);
}

static void a_poke_connects_at_once_but_not_in_a_storm(void)
{
  struct probe probe = up(9000 * MS);
  probe_poked(&probe, 9500 * MS);
  CU_ASSERT_EQUAL(probe_due(&probe, 9500 * MS, 0), PROBE_OPEN);
  (void)probe_answered(&probe, 9501 * MS);
  probe_poked(&probe, 9502 * MS);
  expect(&probe, BOARD_DATABASE_UP, PROBE_LISTENING, 9500 * MS + PROBE_GAP);
  CU_ASSERT_EQUAL(probe_due(&probe, 9500 * MS + PROBE_GAP - 1, 0), PROBE_WAIT);
  CU_ASSERT_EQUAL(probe_due(&probe, 9500 * MS + PROBE_GAP, 0), PROBE_OPEN);
  (void)probe_answered(&probe, 9521 * MS);
  CU_ASSERT_EQUAL(probe_due(&probe, 9521 * MS + PROBE_INTERVAL, 0), PROBE_ASK);
}

static void a_poke_does_not_wait_for_a_question_on_the_open_connection(void)
{
  struct probe probe = up(9000 * MS);
  CU_ASSERT_EQUAL(probe_due(&probe, 10000 * MS, 0), PROBE_ASK);
  probe_poked(&probe, 10001 * MS);
  CU_ASSERT_EQUAL(probe_due(&probe, 10001 * MS, 0), PROBE_OPEN);
  expect(&probe, BOARD_DATABASE_UP, PROBE_OPENING, 10001 * MS + PROBE_DEADLINE);
}

static void a_poke_while_it_connects_connects_once_more(void)
{
  struct probe probe = up(9000 * MS);
  (void)probe_failed(&probe, 9100 * MS, false, 0);
  probe_poked(&probe, 9101 * MS);
  CU_ASSERT_EQUAL(probe_due(&probe, 9101 * MS, 0), PROBE_WAIT);
  (void)probe_answered(&probe, 9103 * MS);
  expect(&probe, BOARD_DATABASE_UP, PROBE_LISTENING, 9100 * MS + PROBE_GAP);
  CU_ASSERT_EQUAL(probe_due(&probe, probe.until, 0), PROBE_OPEN);
  (void)probe_answered(&probe, 9123 * MS);
  CU_ASSERT_EQUAL(probe.until, 9123 * MS + PROBE_INTERVAL);
}

static void a_poke_hurries_nothing_while_the_database_is_away(void)
{
  struct probe probe = began();
  (void)probe_due(&probe, 5000 * MS, 0);
  (void)probe_failed(&probe, 5000 * MS, false, 0);
  probe_poked(&probe, 5001 * MS);
  CU_ASSERT_EQUAL(probe.until, 5000 * MS + PROBE_FIRST_PAUSE);
}

static void a_poke_hurries_a_prober_that_is_shut_out(void)
{
  struct probe probe = began();
  (void)probe_due(&probe, 5000 * MS, 0);
  for (int i = 0; i < 3; i++) {
    (void)probe_failed(&probe, probe.until, true, 0);
    (void)probe_due(&probe, probe.until, 0);
  }
  const int64_t now = probe.began + 10 * MS;
  (void)probe_failed(&probe, now, true, 0);
  probe_poked(&probe, now);
  CU_ASSERT_EQUAL(probe.until, probe.began + PROBE_GAP);
}

static void after_a_promotion_it_asks_elsewhere_at_once(void)
{
  struct probe probe = up(5000 * MS);
  CU_ASSERT_EQUAL(probe_moved(&probe, 5001 * MS), PROBE_OPEN);
  expect(&probe, BOARD_DATABASE_UP, PROBE_OPENING, 5001 * MS + PROBE_DEADLINE);
}

static void a_new_connection_that_somebody_ends_is_followed_by_one_more(void)
{
  struct probe probe = up(5000 * MS);
  CU_ASSERT_FALSE(probe_again(&probe)); /* the open one is a suspicion */
  probe_poked(&probe, 5500 * MS);
  CU_ASSERT_EQUAL(probe_due(&probe, 5500 * MS, 0), PROBE_OPEN);
  CU_ASSERT_TRUE(probe_again(&probe));
  CU_ASSERT_EQUAL(probe_moved(&probe, 5501 * MS), PROBE_OPEN);
  CU_ASSERT_EQUAL(probe.word, BOARD_DATABASE_UP);
  CU_ASSERT_FALSE(probe_again(&probe));
  CU_ASSERT_EQUAL(probe.failures, 1);
  CU_ASSERT_EQUAL(probe_answered(&probe, 5502 * MS), PROBE_WAIT);
  CU_ASSERT_EQUAL(probe.failures, 0);
}

UNIT_CASES(probe, UNIT_CASE(a_new_connection_that_somebody_ends_is_followed_by_one_more),
           UNIT_CASE(after_a_promotion_it_asks_elsewhere_at_once),
           UNIT_CASE(it_begins_by_asking_and_says_nothing_before), UNIT_CASE(an_open_connection_is_asked_now_and_then),
           UNIT_CASE(an_ended_connection_is_a_suspicion_and_a_refused_one_the_proof),
           UNIT_CASE(an_ended_connection_followed_by_a_good_one_is_nothing),
           UNIT_CASE(a_connection_that_did_not_last_is_followed_after_a_pause),
           UNIT_CASE(silence_is_a_suspicion_and_silence_again_the_proof),
           UNIT_CASE(a_silent_server_on_this_machine_is_waited_for),
           UNIT_CASE(pauses_double_and_never_reach_half_a_second), UNIT_CASE(an_answer_forgets_the_failures),
           UNIT_CASE(a_server_that_refuses_only_the_prober_is_up),
           UNIT_CASE(a_poke_connects_at_once_but_not_in_a_storm),
           UNIT_CASE(a_poke_does_not_wait_for_a_question_on_the_open_connection),
           UNIT_CASE(a_poke_while_it_connects_connects_once_more),
           UNIT_CASE(a_poke_hurries_nothing_while_the_database_is_away),
           UNIT_CASE(a_poke_hurries_a_prober_that_is_shut_out));
