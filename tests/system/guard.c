/* Sessions by the server's own processes, memory by the kernel's account. */
#include "system/guard.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/check.h"
#include "system/parts.h"
#include "system/stack.h"

enum { PAUSE_US = 50000, LINE_SIZE = 256, KILOBYTES = 1024 };

#define WEIGHT "VmHWM:"

struct bound {
  size_t most;
  const char *during; /* when that was seen */
};

static struct {
  pthread_mutex_t lock;
  const char *during;
  size_t looks;
  struct bound sessions;
  struct bound memory; /* kilobytes */
} guard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void note(struct bound *bound, size_t value)
{
  if (value > bound->most)
    *bound = (struct bound){value, guard.during};
}

/* The most that it ever had, in kilobytes. */
static size_t memory_of(pid_t pid)
{
  char path[64], line[LINE_SIZE];
  size_t kilobytes = 0;
  (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "re");
  while (file && kilobytes == 0 && fgets(line, sizeof line, file))
    if (strncmp(line, WEIGHT, strlen(WEIGHT)) == 0)
      kilobytes = strtoul(line + strlen(WEIGHT), NULL, 10);
  if (file)
    fclose(file);
  return kilobytes;
}

static void look(void)
{
  const size_t sessions = parts_backends().count;
  const struct parts workers = parts_workers();
  size_t heaviest = 0;
  for (size_t i = 0; i < workers.count; i++) {
    const size_t memory = memory_of(workers.pids[i]);
    heaviest = memory > heaviest ? memory : heaviest;
  }
  pthread_mutex_lock(&guard.lock);
  guard.looks++;
  note(&guard.sessions, sessions);
  note(&guard.memory, heaviest);
  pthread_mutex_unlock(&guard.lock);
}

static void *watch(void *unused)
{
  for (;; (void)usleep(PAUSE_US))
    look();
  return unused;
}

void guard_start(void)
{
  pthread_t thread;
  need(pthread_create(&thread, NULL, watch, NULL) == 0 && pthread_detach(thread) == 0, "no thread");
}

void guard_during(const char *name)
{
  pthread_mutex_lock(&guard.lock);
  guard.during = name;
  pthread_mutex_unlock(&guard.lock);
}

static const char *when(const struct bound *bound)
{
  return bound->during ? bound->during : "between faults";
}

void guard_report(void)
{
  const size_t sessions = (size_t)stack_times("LONTAR_CHAOS_BACKENDS", 0) + 1; /* and the prober's */
  const size_t memory = (size_t)stack_times("LONTAR_CHAOS_MEMORY", 0) * KILOBYTES;
  pthread_mutex_lock(&guard.lock);
  printf("\n    in %zu looks %zu sessions at most (%s), a worker of %zu MB at most (%s)\n", guard.looks,
         guard.sessions.most, when(&guard.sessions), guard.memory.most / KILOBYTES, when(&guard.memory));
  CHECK(guard.sessions.most <= sessions, "%zu sessions at the server, %zu are allowed (%s)", guard.sessions.most,
        sessions, when(&guard.sessions));
  CHECK(memory == 0 || guard.memory.most <= memory, "a worker had %zu MB (%s)", guard.memory.most / KILOBYTES,
        when(&guard.memory));
  pthread_mutex_unlock(&guard.lock);
}
