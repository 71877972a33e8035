/* Tests of supervise/ward: which command is run, and a call for a person that could not be made is made later. */
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "config/config.h"
#include "log/log.h"
#include "supervise/ward.h"
#include "unit.h"

static char nothing[] = "", command[] = "printf called";

static struct config config = {
    .supervise_lontard_command = nothing,
    .supervise_escalation_command = command,
    .supervise_command_timeout = 20 * CLOCK_SECOND,
    .supervise_grace = CLOCK_SECOND,
    .supervise_interval = CLOCK_SECOND,
    .supervise_reset = CLOCK_SECOND,
};

/* Without descriptors no command can be started. */
static rlim_t limit_files(rlim_t most)
{
  struct rlimit limit;
  (void)getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = most;
  CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
  return before;
}

static void look(struct ward *ward, enum board_condition condition, int64_t now)
{
  ward_act(ward, &config, ward_look(ward, &config, condition, now), now);
}

static void end_call(struct ward *ward)
{
  while (ward->call.pid != 0) {
    (void)poll(NULL, 0, 10);
    (void)ward_check(ward, clock_steady());
  }
}

static void escalate(struct ward *ward, struct board_ward *state)
{
  const int64_t now = clock_steady();
  ward_init(ward, BOARD_WARD_LONTARD, state);
  look(ward, BOARD_CONDITION_ILL, now - 2 * CLOCK_SECOND);
  look(ward, BOARD_CONDITION_ILL, now);
  CU_ASSERT(state->escalated != 0);
}

static void a_call_that_failed_is_made_later(void)
{
  struct board_ward state = {0};
  struct ward ward;
  const rlim_t before = limit_files(0);
  escalate(&ward, &state);
  CU_ASSERT_EQUAL(ward.call.pid, 0);
  (void)limit_files(before);
  look(&ward, BOARD_CONDITION_ILL, clock_steady());
  CU_ASSERT_NOT_EQUAL(ward.call.pid, 0);
  end_call(&ward);
  UNIT_TEXT(ward.call.tail, ward.call.length, "called");
  look(&ward, BOARD_CONDITION_ILL, clock_steady());
  CU_ASSERT_EQUAL(ward.call.pid, 0); /* once */
}

static void nobody_is_called_for_what_is_over(void)
{
  struct board_ward state = {0};
  struct ward ward;
  const rlim_t before = limit_files(0);
  escalate(&ward, &state);
  (void)limit_files(before);
  ward_reset(&ward);
  look(&ward, BOARD_CONDITION_WELL, clock_steady());
  CU_ASSERT_EQUAL(ward.call.pid, 0);
  CU_ASSERT_FALSE(ward.call_due);
}

/* What the next restart says after one that ended so. */
static void expect_restart(struct config *of, enum board_ward_index index, enum board_restart last, const char *words)
{
  const int64_t now = clock_steady();
  const uint64_t long_ago = (uint64_t)(now - 10 * CLOCK_SECOND);
  struct board_ward state = {.condition = BOARD_CONDITION_ILL,
                             .since = long_ago,
                             .seen = (uint64_t)now,
                             .attempts = 1,
                             .attempted = long_ago,
                             .ended = long_ago,
                             .restart = (uint64_t)last};
  struct ward ward;
  ward_init(&ward, index, &state);
  ward_act(&ward, of, ward_look(&ward, of, BOARD_CONDITION_ILL, now), now);
  CU_ASSERT_NOT_EQUAL(ward.restart.pid, 0);
  while (ward.restart.pid != 0) {
    (void)poll(NULL, 0, 10);
    (void)ward_check(&ward, clock_steady());
  }
  UNIT_TEXT(ward.restart.tail, ward.restart.length, words);
  CU_ASSERT_EQUAL(state.restart, BOARD_RESTART_DONE);
}

static void what_hung_is_followed_by_the_harder_command(void)
{
  static char plain[] = "printf plain", force[] = "printf force", url[] = "host=192.0.2.1", folder[] = "/nowhere";
  struct config of = config;
  of.supervise_attempts = 3;
  of.supervise_database_command = of.supervise_lontard_command = plain;
  of.supervise_database_force_command = force;
  of.database_url = url;
  of.run_dir = folder;
  expect_restart(&of, BOARD_WARD_DATABASE, BOARD_RESTART_FAILED, "plain");
  expect_restart(&of, BOARD_WARD_DATABASE, BOARD_RESTART_OVERDUE, "force");
  expect_restart(&of, BOARD_WARD_LONTARD, BOARD_RESTART_OVERDUE, "plain");
  of.supervise_database_force_command = nothing; /* and nobody is there to be killed */
  expect_restart(&of, BOARD_WARD_DATABASE, BOARD_RESTART_OVERDUE, "plain");
}

UNIT_CASES(ward, UNIT_CASE(what_hung_is_followed_by_the_harder_command), UNIT_CASE(a_call_that_failed_is_made_later),
           UNIT_CASE(nobody_is_called_for_what_is_over));
