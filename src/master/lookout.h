/* The prober as its parent sees it: when it is started, whether it lives, how it is replaced. Not thread-safe. */
#ifndef MASTER_LOOKOUT_H
#define MASTER_LOOKOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "master/throttle.h"

struct board;
struct config;

/* Times are steady microseconds. Borrows all it points to; the descriptor belongs to the master. */
struct lookout {
  struct board *board;
  struct config *config; /* the one that the next prober starts with */
  int poke_fd;
  pid_t pid; /* 0: there is none; one is started at `due` */
  int64_t due;
  int64_t started;
  struct throttle throttle;
  bool unmark_failed; /* the marker of a prober that died still stands */
};

/* Starts a prober when there is none and one is due. In the prober it does not return. */
void lookout_fill(struct lookout *lookout);

/* Removes the marker of a prober or a lontard that died: nobody would. While that fails, lookout_check tries again,
 * and the next prober does. */
void lookout_unmark(struct lookout *lookout);

/* Notes that the prober died, with a log line, and removes its marker. False when it is not the pid's. */
bool lookout_bury(struct lookout *lookout, pid_t pid, int status);

/* Kills a prober that has not moved for longer than its marker is good. To be called each second. */
void lookout_check(struct lookout *lookout);

void lookout_signal(const struct lookout *lookout, int number);

/* When the next prober is due; INT64_MAX while one lives. */
int64_t lookout_due(const struct lookout *lookout);

#endif
