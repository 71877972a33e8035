/*
 * When something ill is restarted, and when that is given up. Pure: time is passed in (steady microseconds), so tests
 * drive it with a clock of their own.
 *
 * Ill for longer than the grace: a restart. Still ill, or ill again: the next one, not before the interval is over. One
 * that ran over its time has restarted nothing, and would not the next time: a harder one follows, after the grace. All
 * of them used up: escalated, once, and no restart any more. Well for the time of reset: everything begins again.
 */
#ifndef SUPERVISE_REMEDY_H
#define SUPERVISE_REMEDY_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"

struct remedy_limits {
  int64_t grace;
  int64_t attempts;
  int64_t interval;
  int64_t reset;
};

/* What the caller does after a look. */
enum remedy {
  REMEDY_NONE,
  REMEDY_RESTART,  /* run the command; the attempt is counted already */
  REMEDY_FORCE,    /* the same, by force */
  REMEDY_ESCALATE, /* call for a person, once */
  REMEDY_FORGET,   /* nothing but to tell: it was well for long, restarts are counted from zero */
};

/* Without a look for longer than this, nobody knows how it has been meanwhile. */
#define REMEDY_BLIND INT64_C(60000000)

/* Takes one look into account. */
enum remedy remedy_look(struct board_ward *ward, const struct remedy_limits *limits, enum board_condition condition,
                        int64_t now);

/* The restart's command has ended. */
void remedy_ended(struct board_ward *ward, enum board_restart how, int64_t now);

#endif
