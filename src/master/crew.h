/* The workers as their parent sees them: a place for each, who has it, and when it is filled again. Not thread-safe. */
#ifndef MASTER_CREW_H
#define MASTER_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "health/board.h"
#include "master/throttle.h"

struct config;

/* One worker's place. Times are steady microseconds. */
struct place {
  pid_t pid; /* 0: empty, to be filled at `due` */
  int64_t started;
  int64_t due;
  int64_t kill_at; /* when a worker that was told to abort is killed; 0: it was not */
  struct throttle throttle;
};

/* Borrows all it points to; the descriptors belong to the master. */
struct crew {
  int count;
  struct place places[BOARD_WORKERS_MAX];
  struct board *board;
  struct config *config; /* the one that the next worker starts with */
  const char *config_file;
  int listen_fd;
  int signal_fd; /* the master's alone, as is the next: a worker closes them */
  int pid_fd;
  int poke_fd; /* an eventfd: a worker that misses the database adds to it, and the prober looks */
};

/* Forks the worker of a place. In the worker it does not return; a fork that fails is logged and tried again later. */
void crew_spawn(struct crew *crew, int index);

/* Fills every empty place that is due. */
void crew_fill(struct crew *crew);

/* Buries a process, with a log line, and says when its place is due. False when it is none of the crew. */
bool crew_bury(struct crew *crew, pid_t pid, int status);

/* Ends workers whose heartbeat is older than HEALTH_HEARTBEAT_LIMIT: SIGABRT, two seconds later SIGKILL. */
void crew_check(struct crew *crew);

void crew_signal(const struct crew *crew, int number);

/* Number of living workers. */
int crew_alive(const struct crew *crew);

/* When the next empty place is due; INT64_MAX when none is empty. */
int64_t crew_due(const struct crew *crew);

#endif
