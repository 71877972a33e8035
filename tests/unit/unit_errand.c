/* Tests of supervise/errand with a real shell: its end, its words, its time. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "supervise/errand.h"
#include "unit.h"

/* Runs a command to its end and gives waitpid's status; -1 when half a minute was not enough. */
static int run(struct errand *errand, const char *command, int64_t limit)
{
  int status = -1;
  const int64_t began = clock_steady();
  const struct errand_order order = {command, "database", "It's away.", NULL, NULL};
  CU_ASSERT_TRUE_FATAL(errand_start(errand, &order, began, limit));
  while (clock_steady() - began < 30 * CLOCK_SECOND) {
    struct pollfd output = {.fd = errand->output, .events = POLLIN};
    (void)poll(&output, 1, 20);
    errand_read(errand);
    if (errand_check(errand, clock_steady(), &status))
      return status;
  }
  return -1;
}

static void a_command_tells_its_status_and_its_words(void)
{
  struct errand errand;
  int status = run(&errand, "echo one; echo two >&2; exit 3", 20 * CLOCK_SECOND);
  CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 3);
  UNIT_TEXT(errand.tail, errand.length, "one\ntwo\n");
  CU_ASSERT_EQUAL(errand.pid, 0);
  CU_ASSERT_EQUAL(errand.output, -1);
}

static void a_command_knows_what_it_is_about(void)
{
  struct errand errand;
  CU_ASSERT_EQUAL(run(&errand, "printf %s \"$LONTAR_ABOUT: $LONTAR_MESSAGE\"", 20 * CLOCK_SECOND), 0);
  UNIT_TEXT(errand.tail, errand.length, "database: It's away.");
}

static void the_last_words_are_kept(void)
{
  struct errand errand;
  CU_ASSERT_EQUAL(run(&errand, "yes | head -c 100000; printf end", 20 * CLOCK_SECOND), 0);
  CU_ASSERT_EQUAL(errand.length, ERRAND_TAIL);
  CU_ASSERT_EQUAL(memcmp(errand.tail + ERRAND_TAIL - 4, "\nend", 4), 0);
}

static void nothing_is_to_be_read_by_a_command(void)
{
  struct errand errand;
  CU_ASSERT_EQUAL(run(&errand, "cat", 20 * CLOCK_SECOND), 0);
  CU_ASSERT_EQUAL(errand.length, 0);
}

/* Whether the process in the errand's output still runs; one that was killed is gone soon. */
static bool lives_on(const struct errand *errand)
{
  char text[32] = "";
  memcpy(text, errand->tail, errand->length < sizeof text - 1 ? errand->length : 0);
  const pid_t pid = (pid_t)strtol(text, NULL, 10);
  CU_ASSERT_FATAL(pid > 1);
  for (int i = 0; i < 200 && kill(pid, 0) == 0; i++)
    (void)poll(NULL, 0, 10);
  return kill(pid, 0) == 0;
}

static void its_whole_group_is_ended_in_time(void)
{
  struct errand errand;
  int status = run(&errand, "sleep 60 & echo $!; wait", CLOCK_SECOND / 5);
  CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  CU_ASSERT_TRUE(errand.overdue);
  CU_ASSERT_FALSE(lives_on(&errand));
}

static void what_it_leaves_behind_holds_nobody_up(void)
{
  struct errand errand;
  const int64_t began = clock_steady();
  CU_ASSERT_EQUAL(run(&errand, "sleep 20 & echo $!", 20 * CLOCK_SECOND), 0);
  CU_ASSERT(clock_steady() - began < 15 * CLOCK_SECOND);
  CU_ASSERT_EQUAL(kill((pid_t)strtol(errand.tail, NULL, 10), SIGKILL), 0);
}

static void a_deaf_command_is_killed(void)
{
  struct errand errand;
  int status = 0;
  const struct errand_order order = {"trap '' TERM; echo; sleep 60; sleep 60", "", "", NULL, NULL};
  CU_ASSERT_TRUE_FATAL(errand_start(&errand, &order, 0, 1000));
  struct pollfd output = {.fd = errand.output, .events = POLLIN};
  CU_ASSERT_EQUAL(poll(&output, 1, 20000), 1); /* it has set its trap */
  CU_ASSERT_FALSE(errand_check(&errand, 999, &status));
  CU_ASSERT_FALSE(errand.overdue);
  CU_ASSERT_FALSE(errand_check(&errand, 1000, &status));
  CU_ASSERT_TRUE(errand.overdue);
  CU_ASSERT_FALSE(errand_check(&errand, 1000 + ERRAND_GRACE, &status));
  for (int i = 0; i < 1000 && !errand_check(&errand, 1001, &status); i++)
    (void)poll(NULL, 0, 10);
  CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* The shell ends of SIGTERM; whom it has begun does not. */
static void what_is_left_of_an_overdue_command_is_killed(void)
{
  const struct errand_order order = {"sh -c 'trap \"\" TERM; echo $$; sleep 60; sleep 60' & wait", "", "", NULL, NULL};
  struct errand errand;
  int status = 0;
  CU_ASSERT_TRUE_FATAL(errand_start(&errand, &order, 0, 1000));
  struct pollfd output = {.fd = errand.output, .events = POLLIN};
  CU_ASSERT_EQUAL(poll(&output, 1, 20000), 1);
  CU_ASSERT_FALSE(errand_check(&errand, 1000, &status));
  for (int i = 0; i < 1000 && !errand.ended; i++) {
    (void)poll(NULL, 0, 10);
    CU_ASSERT_FALSE(errand_check(&errand, 1001, &status));
  }
  CU_ASSERT(errand.look_at < ERRAND_GRACE);
  CU_ASSERT_FALSE(errand_check(&errand, 1000 + ERRAND_GRACE, &status));
  CU_ASSERT_TRUE(errand_check(&errand, 1001 + ERRAND_GRACE, &status));
  CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  CU_ASSERT_FALSE(lives_on(&errand));
}

static void say_first(const char *argument)
{
  (void)setenv("LONTAR_FIRST", argument, 1);
}

static void what_comes_first_comes_first(void)
{
  const struct errand_order order = {"printf %s \"$LONTAR_FIRST\"", "", "", say_first, "hello"};
  struct errand errand;
  int status;
  CU_ASSERT_TRUE_FATAL(errand_start(&errand, &order, 0, CLOCK_SECOND));
  for (int i = 0; i < 1000 && !errand_check(&errand, 1, &status); i++)
    (void)poll(NULL, 0, 10);
  UNIT_TEXT(errand.tail, errand.length, "hello");
  CU_ASSERT_PTR_NULL(getenv("LONTAR_FIRST"));
}

UNIT_CASES(errand, UNIT_CASE(a_command_tells_its_status_and_its_words), UNIT_CASE(a_command_knows_what_it_is_about),
           UNIT_CASE(the_last_words_are_kept), UNIT_CASE(nothing_is_to_be_read_by_a_command),
           UNIT_CASE(its_whole_group_is_ended_in_time), UNIT_CASE(what_it_leaves_behind_holds_nobody_up),
           UNIT_CASE(a_deaf_command_is_killed), UNIT_CASE(what_is_left_of_an_overdue_command_is_killed),
           UNIT_CASE(what_comes_first_comes_first));
