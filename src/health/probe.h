/*
 * The prober's decisions, apart from its doing: when it connects and asks, and what it then says of the database. Pure:
 * time is passed in (microseconds on the steady clock), so tests drive it with a clock of their own.
 *
 * One connection at a time. While the database is up it lies open, so that the server's end is noticed at once, and is
 * asked a trifle now and then. A connection that ends or stays silent is only a suspicion: another one decides.
 */
#ifndef HEALTH_PROBE_H
#define HEALTH_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"

/* An open connection is asked this often. A worker's poke asks at once, by a new one: of a killed server's processes
 * each ends in its own time, and the one behind the open connection may be the last. */
#define PROBE_INTERVAL INT64_C(1000000)

/* While nothing proves the database away, connections begin this far apart; each costs the server a process. */
#define PROBE_GAP INT64_C(20000)

/* Longest wait for an answer, and for a connection with its first answer. The answer costs the server microseconds, so
 * a busy one gives it in time; and two in a row must fail before the database counts as away. */
#define PROBE_DEADLINE INT64_C(1000000)

/* Pause before the next connection after a failed one: the first, doubling up to the longest, up to a tenth longer at
 * random. Short, because 200 must come within a second of the server's return, and a local attempt costs nearly
 * nothing. */
#define PROBE_FIRST_PAUSE INT64_C(100000)
#define PROBE_LONGEST_PAUSE INT64_C(400000)

/* How long in all a connection to a silent server on this machine waits. When that wakes up it begins with those that
 * have waited longest, and each that was given up meanwhile costs it a process: after a minute of new ones each second
 * it took 1.7 s. */
#define PROBE_PATIENCE INT64_C(60000000)

enum probe_step {
  PROBE_PAUSING,   /* no connection until `until` */
  PROBE_OPENING,   /* a new connection and its first answer, which is late at `until` */
  PROBE_LISTENING, /* an open one, asked again at `until` */
  PROBE_CHECKING,  /* the same, asked; the answer must be there at `until` */
};

/* What the caller does after a call. */
enum probe_action {
  PROBE_WAIT,  /* nothing before `until` or the next event */
  PROBE_OPEN,  /* close what is open, connect and ask */
  PROBE_ASK,   /* ask on the open connection */
  PROBE_CLOSE, /* close what is open */
};

struct probe {
  enum board_database word;
  enum probe_step step;
  int64_t until;
  int64_t began; /* when the last connection was begun */
  int failures;  /* connections that failed in a row */
  bool poked;    /* somebody doubts the last answer, or one that is still under way */
};

/* The word is UNKNOWN and the first connection due at once. */
void probe_begin(struct probe *probe, int64_t now);

/* `until` has come; before that it does nothing. */
enum probe_action probe_due(struct probe *probe, int64_t now, uint32_t random);

/* The server answered, and takes writes. */
enum probe_action probe_answered(struct probe *probe, int64_t now);

/* The connection failed, ended, or said that it takes no writes. `excused`: the server lives and refuses only this
 * connection while workers use theirs, so it is not away. */
enum probe_action probe_failed(struct probe *probe, int64_t now, bool excused, uint32_t random);

/* The connection that is being opened is silent at `until`; it is left to wait. `excused` as above. */
enum probe_action probe_silent(struct probe *probe, bool excused);

/* Whether a new one that was let in and then ended is tried once more first: somebody may have ended it alone. */
bool probe_again(struct probe *probe);

/* Another server is to be asked than before, or the same once more, at once; the word stays as it is. */
enum probe_action probe_moved(struct probe *probe, int64_t now);

/* The open connection is to be asked again at `at`, if that comes before its time. */
void probe_hurry(struct probe *probe, int64_t at);

/* A worker lost the database, or thinks so: `until` may be nearer now. */
void probe_poked(struct probe *probe, int64_t now);

#endif
