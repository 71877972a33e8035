/* What a slice is given, what it asks of its surroundings, and what it shows of itself. */
#ifndef POOL_SURROUNDINGS_H
#define POOL_SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "pool/slots.h"

struct pool_settings {
  struct policy_settings policy;
  int64_t held_limit;       /* microseconds after which a job's `held` is called */
  bool prepared_statements; /* taken at pool_new only */
};

/*
 * What the slice asks of its surroundings. `suspect` is told of every connection that is lost or cannot be opened.
 * `passed`: a statement has done its work that another worker has trouble with.
 * `troubled`: requests meet something that they did not meet before; with `doubt` the prober may know better.
 * `note`: this process of the server was left and has not been seen to end; somebody shall end it and look. The number
 * of the note, or -1 when there is no room at the moment. `is_gone`: it was looked for and is not there any more.
 * `forget`: nobody waits for it any longer. `is_crowded`: so much waits to be written that no dear read is sent now.
 */
struct pool_owner {
  struct policy_budget budget;
  void (*suspect)(void *owner);
  void (*troubled)(void *owner, bool doubt);
  void (*passed)(void *owner, enum statement statement);
  int (*note)(void *owner, int backend);
  bool (*is_gone)(void *owner, int note);
  void (*forget)(void *owner, int note);
  bool (*is_crowded)(void *owner);
  void *owner;
};

/* What the board shows of a slice. */
struct pool_numbers {
  int open;
  int idle;
  int busy;
  int overflow;
  int leaving; /* of the open ones: closed here, and not yet seen to end at the server */
  int waiting;
  int64_t longest_wait; /* microseconds, since the start */
  int64_t opened;       /* counts since the start */
  int64_t closed[POLICY_REASONS];
  int64_t failed;
  int64_t answered;    /* when the server last answered on any connection, steady; 0: never */
  bool down;           /* the database is known to be away */
  int64_t state_since; /* wall clock */
};

#endif
