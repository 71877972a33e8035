/* Stack traces: what a dying process leaves in its log, and that it dies as it would have. */
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/thread.h"
#include "log/log.h"
#include "log/trace.h"
#include "unit.h"

enum { TEXT_SIZE = 64 << 10 };

/* What a child wrote to standard error while it died of `fault`, and of which signal. */
static int die(void (*fault)(void), char text[TEXT_SIZE])
{
  int ends[2], status = 0;
  size_t length = 0;
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    (void)setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    (void)dup2(ends[1], STDERR_FILENO);
    log_init(LOG_LEVEL_INFO, "worker/7");
    trace_init();
    fault();
    _exit(EXIT_SUCCESS);
  }
  (void)close(ends[1]);
  for (ssize_t got; length < TEXT_SIZE - 1 && (got = read(ends[0], text + length, TEXT_SIZE - 1 - length)) > 0;)
    length += (size_t)got;
  text[length] = '\0';
  (void)close(ends[0]);
  CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static __attribute__((noinline)) void abort_here(void)
{
  abort();
}

static void who_aborts_still_dies_of_it(void)
{
  static char text[TEXT_SIZE];
  CU_ASSERT_EQUAL(die(abort_here, text), SIGABRT);
}

#ifdef HAVE_UNWIND

static int *volatile nowhere; /* NULL, which the compiler does not know */

static __attribute__((noinline)) void write_nowhere(void)
{
  *nowhere = 1;
}

static volatile bool forever = true;

static __attribute__((noinline)) int descend(int depth)
{
  volatile char room[512] = {0};
  return forever ? descend(depth + 1) + room[depth % 512] : depth;
}

static volatile size_t shift; /* of the stack's use */

static void overflow_the_stack(void)
{
  volatile char *room = alloca(16 + shift);
  room[0] = 0;
  (void)descend(0);
}

/* What a worker does that its master calls stuck, and what is done to it. */
static __attribute__((noinline)) void spin(void)
{
  while (forever)
    ;
}

static void spin_until_aborted(void)
{
  const pid_t self = getpid();
  if (fork() == 0) {
    (void)usleep(50000);
    (void)kill(self, SIGABRT);
    _exit(EXIT_SUCCESS);
  }
  spin();
}

static void *write_nowhere_there(void *argument)
{
  write_nowhere();
  return argument;
}

static void fault_in_a_helper(void)
{
  pthread_t helper;
  if (thread_start(&helper, write_nowhere_there, NULL))
    (void)pthread_join(helper, NULL);
}

/* Each of the lines is one of that log and process, and one of them names the function. */
static void check_trace(const char *text, const char *first, const char *function)
{
  char wanted[64];
  size_t lines = 0, told = 0;
  const char *found = strstr(text, first);
  for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
    lines++;
  for (const char *at = text; (at = strstr(at, " error worker/7 (pid ")) != NULL; at++)
    told++;
  (void)snprintf(wanted, sizeof wanted, " trace: #0 %s", function);
  CU_ASSERT_PTR_NOT_NULL(found);
  CU_ASSERT_PTR_NOT_NULL(strstr(text, wanted));
  CU_ASSERT(lines > 1 && lines == told);
  if (found == NULL || strstr(text, wanted) == NULL || lines != told)
    printf("\n%s", text);
}

static void a_fault_tells_where(void)
{
  static char text[TEXT_SIZE];
  CU_ASSERT_EQUAL(die(write_nowhere, text), SIGSEGV);
  check_trace(text, " trace: signal=11 code=1 address=0x0\n", "write_nowhere");
}

/* Where it is the push of a call that finds no room, valgrind has moved the stack pointer already, and nobody finds the
 * caller; 16 bytes further on it is something else. */
static void a_full_stack_has_room_for_it(void)
{
  static char text[TEXT_SIZE];
  bool whole = false;
  for (shift = 0; shift <= 16 && !whole; shift += 16) {
    CU_ASSERT_EQUAL(die(overflow_the_stack, text), SIGSEGV);
    check_trace(text, " trace: signal=11 ", "descend");
    whole = strstr(text, " trace: #63 ") != NULL;
  }
  CU_ASSERT_TRUE(whole);
  CU_ASSERT_PTR_NULL(strstr(text, " trace: #64 "));
  if (!whole)
    printf("\n%s", text);
}

static void a_helper_tells_too(void)
{
  static char text[TEXT_SIZE];
  CU_ASSERT_EQUAL(die(fault_in_a_helper, text), SIGSEGV);
  check_trace(text, " trace: signal=11 code=1 address=0x0\n", "write_nowhere");
}

static void a_loop_without_end_is_told(void)
{
  static char text[TEXT_SIZE];
  CU_ASSERT_EQUAL(die(spin_until_aborted, text), SIGABRT);
  check_trace(text, " trace: signal=6 code=0\n", "spin");
}

UNIT_CASES(trace, UNIT_CASE(who_aborts_still_dies_of_it), UNIT_CASE(a_fault_tells_where),
           UNIT_CASE(a_loop_without_end_is_told), UNIT_CASE(a_full_stack_has_room_for_it),
           UNIT_CASE(a_helper_tells_too));

#else

UNIT_CASES(trace, UNIT_CASE(who_aborts_still_dies_of_it));

#endif
