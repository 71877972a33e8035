/* Asks for long, and looks whether a process of the daemon has grown. LONTAR_SOAK is the number of requests. */
#include <stdlib.h>

#include "system/check.h"
#include "system/crowd.h"
#include "system/stack.h"
#include "system/system.h"

enum { CONNECTIONS = 32, WARM_UP = 8000, REQUESTS = 20000, CHILDREN_MAX = 64, GROWTH_KB = 512 };

static void ask(size_t requests)
{
  struct crowd crowd = {.connections = CONNECTIONS, .requests = requests};
  crowd_run(&crowd);
  crowd_check("the long run", &crowd);
}

static void no_process_grows(void)
{
  const char *wanted = getenv("LONTAR_SOAK");
  pid_t pids[CHILDREN_MAX];
  long before[CHILDREN_MAX];
  ask(WARM_UP);
  size_t count = stack_children(pids, CHILDREN_MAX);
  CHECK(count >= 2, "want two workers at least, got %zu processes", count);
  for (size_t i = 0; i < count; i++)
    before[i] = stack_memory(pids[i]);
  ask(wanted ? strtoul(wanted, NULL, 10) : REQUESTS);
  for (size_t i = 0; i < count; i++) {
    long now = stack_memory(pids[i]);
    CHECK(now >= 0, "the process %d is gone", pids[i]);
    CHECK(now - before[i] <= GROWTH_KB, "the process %d grew from %ld to %ld kilobytes", pids[i], before[i], now);
  }
}

CU_TestInfo suite_soak[] = {{"no process grows", no_process_grows}, CU_TEST_INFO_NULL};
