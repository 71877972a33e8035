/* Decides by what a ward has been through. */
#include "supervise/remedy.h"

static uint64_t later(uint64_t one, uint64_t other)
{
  return one > other ? one : other;
}

/* An interruption begins the condition anew. */
static void note(struct board_ward *ward, enum board_condition condition, uint64_t now)
{
  if (ward->condition != (uint64_t)condition || now - ward->seen > (uint64_t)REMEDY_BLIND)
    ward->since = now;
  ward->condition = (uint64_t)condition;
  ward->seen = now;
}

/* A restart gets as long to help as an illness gets to pass. */
static uint64_t patience(const struct board_ward *ward, const struct remedy_limits *limits)
{
  return later(ward->since, ward->ended) + (uint64_t)limits->grace;
}

static enum remedy treat(struct board_ward *ward, const struct remedy_limits *limits, uint64_t now)
{
  const bool left = ward->attempts < (uint64_t)limits->attempts;
  const bool hung = ward->attempts > 0 && ward->restart == BOARD_RESTART_OVERDUE;
  uint64_t due = patience(ward, limits);
  if (left && ward->attempts > 0 && !hung)
    due = later(due, ward->attempted + (uint64_t)limits->interval);
  ward->due = left ? due : 0;
  if (now < due)
    return REMEDY_NONE;
  if (!left) {
    ward->escalated = now;
    return REMEDY_ESCALATE;
  }
  ward->attempts++;
  ward->attempted = now;
  ward->restart = BOARD_RESTART_RUNNING;
  ward->due = 0;
  return hung ? REMEDY_FORCE : REMEDY_RESTART;
}

static enum remedy forget(struct board_ward *ward)
{
  ward->attempts = ward->attempted = ward->ended = ward->escalated = 0;
  ward->restart = BOARD_RESTART_NONE;
  return REMEDY_FORGET;
}

enum remedy remedy_look(struct board_ward *ward, const struct remedy_limits *limits, enum board_condition condition,
                        int64_t now)
{
  note(ward, condition, (uint64_t)now);
  ward->due = 0;
  if (ward->restart == BOARD_RESTART_RUNNING)
    return REMEDY_NONE;
  if (condition == BOARD_CONDITION_ILL && ward->escalated == 0)
    return treat(ward, limits, (uint64_t)now);
  const bool marked = ward->attempts > 0 || ward->escalated != 0;
  if (condition == BOARD_CONDITION_WELL && marked && (uint64_t)now - ward->since >= (uint64_t)limits->reset)
    return forget(ward);
  return REMEDY_NONE;
}

void remedy_ended(struct board_ward *ward, enum board_restart how, int64_t now)
{
  ward->restart = (uint64_t)how;
  ward->ended = (uint64_t)now;
}
