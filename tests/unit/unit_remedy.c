/* Tests of supervise/remedy: when what is ill is restarted, and when that is given up. The clock is the test's. */
#include "supervise/remedy.h"
#include "unit.h"

#define SECOND INT64_C(1000000)

static const struct remedy_limits limits = {
    .grace = 30 * SECOND, .attempts = 3, .interval = 300 * SECOND, .reset = 600 * SECOND};

/* A ward that is looked at each second. Any time but zero will do for the beginning. */
struct patient {
  struct board_ward ward;
  int64_t now;
  enum board_condition condition;
};

static struct patient patient_make(enum board_condition condition)
{
  return (struct patient){.now = 5000 * SECOND, .condition = condition};
}

static enum remedy look(struct patient *patient)
{
  patient->now += SECOND;
  return remedy_look(&patient->ward, &limits, patient->condition, patient->now);
}

/* Looks until something is done, and tells after how many seconds; -1 after an hour. */
static int64_t wait_for(struct patient *patient, enum remedy expected)
{
  const int64_t began = patient->now;
  while (patient->now - began < 3600 * SECOND) {
    const enum remedy remedy = look(patient);
    if (remedy == REMEDY_NONE)
      continue;
    CU_ASSERT_EQUAL(remedy, expected);
    return (patient->now - began) / SECOND;
  }
  return -1;
}

static void pass(struct patient *patient, int seconds)
{
  for (int i = 0; i < seconds; i++)
    CU_ASSERT_EQUAL(look(patient), REMEDY_NONE);
}

/* The first look begins the illness; the command takes no time. */
static void restart_and_fail(struct patient *patient, int64_t after)
{
  CU_ASSERT_EQUAL(wait_for(patient, REMEDY_RESTART), after);
  remedy_ended(&patient->ward, BOARD_RESTART_FAILED, patient->now);
}

static void the_well_and_the_unknown_are_left_alone(void)
{
  struct patient well = patient_make(BOARD_CONDITION_WELL);
  struct patient unknown = patient_make(BOARD_CONDITION_UNKNOWN);
  CU_ASSERT_EQUAL(wait_for(&well, REMEDY_NONE), -1);
  CU_ASSERT_EQUAL(wait_for(&unknown, REMEDY_NONE), -1);
}

static void an_illness_gets_the_grace_to_pass(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  pass(&patient, 30);
  CU_ASSERT_EQUAL(patient.ward.due, (uint64_t)(patient.now + SECOND));
  patient.condition = BOARD_CONDITION_WELL;
  pass(&patient, 1);
  CU_ASSERT_EQUAL(patient.ward.due, 0);
  patient.condition = BOARD_CONDITION_ILL;
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 31);
  CU_ASSERT_EQUAL(patient.ward.attempts, 1);
  CU_ASSERT_EQUAL(patient.ward.restart, BOARD_RESTART_RUNNING);
}

static void nothing_is_done_while_a_command_runs(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 31);
  pass(&patient, 1000);
}

static void restarts_keep_their_distance_and_end_in_an_escalation(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  restart_and_fail(&patient, 31);
  restart_and_fail(&patient, 300);
  restart_and_fail(&patient, 300);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_ESCALATE), 30);
  CU_ASSERT_EQUAL(patient.ward.attempts, 3);
  CU_ASSERT_EQUAL(patient.ward.due, 0);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_NONE), -1);
}

static void a_slow_restart_gets_the_grace_after_its_end(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 31);
  pass(&patient, 290);
  remedy_ended(&patient.ward, BOARD_RESTART_DONE, patient.now);
  restart_and_fail(&patient, 30);
}

static void one_that_hung_is_followed_by_force_after_the_grace(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 31);
  pass(&patient, 120);
  remedy_ended(&patient.ward, BOARD_RESTART_OVERDUE, patient.now);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_FORCE), 30);
  CU_ASSERT_EQUAL(patient.ward.attempts, 2);
  remedy_ended(&patient.ward, BOARD_RESTART_FAILED, patient.now);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 300);
}

static void what_was_forgotten_while_it_ran_is_followed_by_no_force(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 31);
  patient.ward = (struct board_ward){.restart = BOARD_RESTART_RUNNING};
  remedy_ended(&patient.ward, BOARD_RESTART_OVERDUE, patient.now);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 31);
}

/* The attempts are as many as without it. */
static void force_that_hangs_ends_in_an_escalation(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 31);
  for (int i = 0; i < 2; i++) {
    remedy_ended(&patient.ward, BOARD_RESTART_OVERDUE, patient.now);
    CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_FORCE), 30);
  }
  remedy_ended(&patient.ward, BOARD_RESTART_OVERDUE, patient.now);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_ESCALATE), 30);
}

static void a_relapse_waits_for_the_interval(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  restart_and_fail(&patient, 31);
  patient.condition = BOARD_CONDITION_WELL;
  pass(&patient, 100);
  patient.condition = BOARD_CONDITION_ILL;
  restart_and_fail(&patient, 200);
  CU_ASSERT_EQUAL(patient.ward.attempts, 2);
}

static void long_health_forgets(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  restart_and_fail(&patient, 31);
  patient.condition = BOARD_CONDITION_WELL;
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_FORGET), 601);
  CU_ASSERT_EQUAL(patient.ward.attempts, 0);
  CU_ASSERT_EQUAL(patient.ward.restart, BOARD_RESTART_NONE);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_NONE), -1);
}

static void health_must_be_whole_to_forget(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  restart_and_fail(&patient, 31);
  patient.condition = BOARD_CONDITION_WELL;
  pass(&patient, 600);
  patient.condition = BOARD_CONDITION_UNKNOWN;
  pass(&patient, 1);
  patient.condition = BOARD_CONDITION_WELL;
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_FORGET), 601);
}

static void long_health_ends_an_escalation(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  for (int i = 0; i < 3; i++)
    restart_and_fail(&patient, i == 0 ? 31 : 300);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_ESCALATE), 30);
  patient.condition = BOARD_CONDITION_WELL;
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_FORGET), 601);
  CU_ASSERT_EQUAL(patient.ward.escalated, 0);
  patient.condition = BOARD_CONDITION_ILL;
  restart_and_fail(&patient, 31);
}

static void a_relapse_after_the_escalation_is_not_restarted(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  for (int i = 0; i < 3; i++)
    restart_and_fail(&patient, i == 0 ? 31 : 300);
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_ESCALATE), 30);
  patient.condition = BOARD_CONDITION_WELL;
  pass(&patient, 500);
  patient.condition = BOARD_CONDITION_ILL;
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_NONE), -1);
}

static void without_restarts_it_escalates_after_the_grace(void)
{
  const struct remedy_limits none = {.grace = SECOND, .attempts = 0, .interval = SECOND, .reset = SECOND};
  struct board_ward ward = {0};
  CU_ASSERT_EQUAL(remedy_look(&ward, &none, BOARD_CONDITION_ILL, 10 * SECOND), REMEDY_NONE);
  CU_ASSERT_EQUAL(remedy_look(&ward, &none, BOARD_CONDITION_ILL, 11 * SECOND), REMEDY_ESCALATE);
  CU_ASSERT_EQUAL(remedy_look(&ward, &none, BOARD_CONDITION_ILL, 99 * SECOND), REMEDY_NONE);
  CU_ASSERT_EQUAL(ward.attempts, 0);
}

static void what_nobody_has_watched_begins_anew(void)
{
  struct patient patient = patient_make(BOARD_CONDITION_ILL);
  pass(&patient, 20);
  patient.now += REMEDY_BLIND;
  CU_ASSERT_EQUAL(wait_for(&patient, REMEDY_RESTART), 31);
}

/* What the promises are, whatever happens. */
struct promises {
  uint64_t restarts; /* since the last FORGET */
  bool escalated;
  int64_t restarted;
};

static void check_promises(struct promises *promises, enum remedy remedy, enum board_condition condition, int64_t now)
{
  if (remedy == REMEDY_RESTART) {
    CU_ASSERT_EQUAL(condition, BOARD_CONDITION_ILL);
    CU_ASSERT_FALSE(promises->escalated);
    CU_ASSERT(promises->restarts == 0 || now - promises->restarted >= limits.interval);
    CU_ASSERT(++promises->restarts <= (uint64_t)limits.attempts);
    promises->restarted = now;
  } else if (remedy == REMEDY_ESCALATE) {
    CU_ASSERT_FALSE(promises->escalated);
    CU_ASSERT_EQUAL(promises->restarts, (uint64_t)limits.attempts);
    promises->escalated = true;
  } else if (remedy == REMEDY_FORGET) {
    CU_ASSERT_EQUAL(condition, BOARD_CONDITION_WELL);
    *promises = (struct promises){0};
  }
}

static void promises_hold_whatever_happens(void)
{
  struct board_ward ward = {0};
  struct promises promises = {0};
  uint32_t random = 1;
  int64_t now = SECOND;
  enum board_condition condition = BOARD_CONDITION_WELL;
  for (int i = 0; i < 100000; i++) {
    random = random * 1664525 + 1013904223;
    now += (int64_t)(random >> 8) % (70 * SECOND);
    if (random >> 28 == 0)
      condition = (enum board_condition)((random >> 20) % 3);
    if (ward.restart == BOARD_RESTART_RUNNING && random >> 30 == 0)
      remedy_ended(&ward, BOARD_RESTART_DONE, now);
    check_promises(&promises, remedy_look(&ward, &limits, condition, now), condition, now);
    CU_ASSERT_EQUAL(ward.attempts, promises.restarts);
    CU_ASSERT_EQUAL(ward.escalated != 0, promises.escalated);
  }
}

UNIT_CASES(remedy, UNIT_CASE(the_well_and_the_unknown_are_left_alone), UNIT_CASE(an_illness_gets_the_grace_to_pass),
           UNIT_CASE(nothing_is_done_while_a_command_runs),
           UNIT_CASE(restarts_keep_their_distance_and_end_in_an_escalation),
           UNIT_CASE(a_slow_restart_gets_the_grace_after_its_end),
           UNIT_CASE(one_that_hung_is_followed_by_force_after_the_grace),
           UNIT_CASE(force_that_hangs_ends_in_an_escalation),
           UNIT_CASE(what_was_forgotten_while_it_ran_is_followed_by_no_force),
           UNIT_CASE(a_relapse_waits_for_the_interval), UNIT_CASE(long_health_forgets),
           UNIT_CASE(health_must_be_whole_to_forget), UNIT_CASE(long_health_ends_an_escalation),
           UNIT_CASE(a_relapse_after_the_escalation_is_not_restarted),
           UNIT_CASE(without_restarts_it_escalates_after_the_grace), UNIT_CASE(what_nobody_has_watched_begins_anew),
           UNIT_CASE(promises_hold_whatever_happens));
