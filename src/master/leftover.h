/*
 * What a master that died has left: workers and a prober that the kernel's SIGTERM has not ended, such as one that a
 * debugger holds. Whoever has the run_dir's lock ends them. Not thread-safe.
 */
#ifndef MASTER_LEFTOVER_H
#define MASTER_LEFTOVER_H

#include <stdint.h>
#include <sys/types.h>

enum { LEFTOVER_MAX = 256 };

struct leftover {
  int count;
  pid_t processes[LEFTOVER_MAX];
  int64_t end_at; /* steady; when those that are left are killed */
};

/* Finds them; `limit` is how long they may take to end requests. To be called by who has the lock. */
void leftover_find(struct leftover *leftover, const char *run_dir, int64_t limit);

/* Kills those that are stopped, and all when their time is over. To be called each second. */
void leftover_check(struct leftover *leftover, const char *run_dir, int64_t now);

#endif
