/* One of the two that are looked after: its state, the commands under way for it, and the log lines. Not thread-safe.
 * Times are steady microseconds. */
#ifndef SUPERVISE_WARD_H
#define SUPERVISE_WARD_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"
#include "supervise/errand.h"
#include "supervise/remedy.h"

struct config;

struct ward {
  enum board_ward_index index;
  struct board_ward *state; /* borrowed */
  struct errand restart;
  struct errand call; /* for a person */
  bool call_due;      /* it was to be made, and could not be yet */
};

void ward_init(struct ward *ward, enum board_ward_index index, struct board_ward *state);

/* Takes a look into account and tells what is to be done, which ward_act then does: between both the caller saves the
 * state, so that no attempt is ever forgotten. */
enum remedy ward_look(struct ward *ward, const struct config *config, enum board_condition condition, int64_t now);
void ward_act(struct ward *ward, const struct config *config, enum remedy remedy, int64_t now);

/* Looks after the commands under way; true when one has ended. */
bool ward_check(struct ward *ward, int64_t now);

/* Forgets restarts and escalation. */
void ward_reset(struct ward *ward);

#endif
