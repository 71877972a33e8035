/* Tests of supervise/ward: a call for a person that could not be made is made later. */
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

UNIT_CASES(ward, UNIT_CASE(a_call_that_failed_is_made_later), UNIT_CASE(nobody_is_called_for_what_is_over));
