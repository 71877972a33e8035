/* The workers as their parent sees them: a place for each, who has it, who follows, and when it is filled again. Not
 * thread-safe. */
#ifndef MASTER_CREW_H
#define MASTER_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/clock.h"
#include "health/board.h"
#include "master/throttle.h"

/* What workers get beyond shutdown_timeout, so that they end by their own clock and not by ours. */
#define CREW_GRACE CLOCK_SECOND

struct config;

enum member_state {
  MEMBER_NONE,
  MEMBER_STARTING, /* a successor that is not ready: its predecessor serves */
  MEMBER_SERVING,
  MEMBER_RETIRING, /* hands over its connections and ends, or was sent away before it had any */
};

/* One process; the board's slot of its place and turn is its own. Times are steady microseconds. */
struct member {
  enum member_state state;
  pid_t pid;
  int64_t started;
  int64_t kill_at; /* when it is killed; 0: no such time is set */
  int generation;  /* the crew's when it began, or its candidate's */
  bool aborted;    /* told so, because it did not move */
  bool adopted;    /* its numbers are on an earlier board: of another image that forked it, or one that was damaged */
};

/* One worker's place: at most one that serves, and beside it one that starts or one that retires. */
struct place {
  struct member members[BOARD_TURNS];
  int inbox;   /* connections that are handed to its workers are read here, */
  int outbox;  /* and written here; both are inherited by every worker */
  int64_t due; /* when a process may begin here */
  struct throttle throttle;
};

/*
 * Borrows all it points to; the descriptors belong to the master.
 *
 * What a reload has read is a candidate until a successor serves with it, and so far one successor after the other
 * tries it. Whoever is replaced meanwhile is replaced with the configuration that the others have.
 */
struct crew {
  int count;
  struct place places[BOARD_WORKERS_MAX];
  int generation; /* who began with another one is to be succeeded */
  int newest;     /* the last one given out: the candidate's, while there is one */
  bool proved;    /* a worker has served with `config`; the first one of all needs no proof */
  struct board *board;
  struct config *config;
  struct config *candidate; /* NULL: there is none */
  int listen_fd;
  int signal_fd; /* the master's alone, as is the next: a worker closes them */
  int pid_fd;
  int poke_fd; /* an eventfd: a worker that misses the database adds to it, and the prober looks */
};

/* Each place of a crew and both its turns; ends with return, not with break. */
#define CREW_EACH(crew, place, turn)                                                                                   \
  for (int place = 0; place < (crew)->count; place++)                                                                  \
    for (int turn = 0; turn < BOARD_TURNS; turn++)

/* Opens the places' inboxes. 0, or -1 with errno. */
int crew_open(struct crew *crew);

/* Forks a worker, to serve at once or to wait behind its predecessor, there perhaps with the candidate. In the worker
 * it does not return; a fork that fails is logged and tried again later. */
void crew_spawn(struct crew *crew, int index, int turn, enum member_state state, bool tries);

/* Fills every empty place that is due. */
void crew_fill(struct crew *crew);

/* Buries a process, with a log line, and says when its place is due. False when it is none of the crew. */
bool crew_bury(struct crew *crew, pid_t pid, int status);

/* Ends members whose heartbeat is older than BOARD_HEARTBEAT_LIMIT, by SIGABRT and two seconds later by SIGKILL, and
 * those that are due to be killed. */
void crew_check(struct crew *crew);

void crew_signal(const struct crew *crew, int number);

/* Number of living processes. */
int crew_alive(const struct crew *crew);

/* When crew_fill or crew_recycle has something to begin; INT64_MAX when nothing waits for its time. */
int64_t crew_due(const struct crew *crew);

/* ---- recycle.c ---- */

/* Ends those who are not in their places yet, but for those of this generation; 0: all of them. */
void crew_send_away(struct crew *crew, int kept);

/* From now on every worker is to be succeeded by one with the crew's configuration. */
void crew_renew(struct crew *crew);

/* From now on successors try this one. The candidate that there was is the caller's to free. */
void crew_try(struct crew *crew, struct config *candidate);

/* Whether the candidate is to become the crew's configuration: a worker serves with it, or with the other one none ever
 * did. */
bool crew_is_decided(const struct crew *crew);

/* Makes it that, so that every worker is to be succeeded. The configuration that there was is the caller's to free. */
void crew_decide(struct crew *crew);

/* A worker's predecessor has died: it serves in its place, unless it only tries the candidate. */
void crew_inherit(struct crew *crew, int index, int turn);

/* Lets ready successors take their places, and retires their predecessors. */
void crew_take_places(struct crew *crew);

/* Starts the next successor, one at a time; beside it one that tries the candidate. */
void crew_recycle(struct crew *crew);

/* Whether all places have a worker of the crew's generation. */
bool crew_is_renewed(const struct crew *crew);

#endif
