/* A slice's policy, driven with a clock of the test's own. */
#ifndef UNIT_DRIVE_H
#define UNIT_DRIVE_H

#include "base/clock.h"
#include "pool/policy.h"
#include "unit.h"

static struct policy_settings settings = {
    .max_dear = POLICY_DEAR_SLOTS,
    .size = 2,
    .max_overflow = 1,
    .max_waiting = 100,
    .recycle = 1000 * CLOCK_SECOND,
    .idle_timeout = 10 * CLOCK_SECOND,
    .connect_timeout = 5 * CLOCK_SECOND,
    .statement_timeout = 5 * CLOCK_SECOND,
};

static struct policy policy;
static struct policy_action action;
static int64_t now;
static int left; /* of the shared overflow */
static bool open_within, others_want;

static inline bool take(void *owner, bool beyond)
{
  (void)owner;
  if (!beyond)
    return open_within;
  return left > 0 ? left--, true : false;
}

static inline void give(void *owner)
{
  (void)owner;
  left++;
}

static inline bool wanted(void *owner)
{
  (void)owner;
  return others_want;
}

static inline bool next(enum policy_act act)
{
  return policy_next(&policy, now, &action) && action.act == act;
}

/* Goes on with the pass until it comes to such an action, or to its end. */
static inline bool due(enum policy_act act)
{
  while (policy_due(&policy, now, &action))
    if (action.act == act)
      return true;
  return false;
}

static inline bool quiet(void)
{
  struct policy_action other;
  return !policy_next(&policy, now, &other);
}

/* A pool of so many, all ready and idle; the last slot was used last. */
static inline void begin_with(int size)
{
  const struct policy_budget budget = {take, give, wanted, NULL};
  settings.size = size;
  now = 1000 * CLOCK_SECOND;
  left = 1;
  open_within = true;
  others_want = false;
  policy_init(&policy, &settings, &budget);
  for (int i = 0; i < size; i++) {
    CU_ASSERT_TRUE_FATAL(next(POLICY_OPEN));
    CU_ASSERT_EQUAL(action.slot, i);
    CU_ASSERT_TRUE(quiet()); /* one after the other */
    policy_opened(&policy, i, ++now, 0);
  }
  CU_ASSERT_TRUE(quiet());
}

static inline void begin(void)
{
  begin_with(2);
}

static inline struct waiter waiter(enum statement_kind kind)
{
  return (struct waiter){.kind = kind, .wait_until = now + 30 * CLOCK_SECOND};
}

static inline void ask(struct waiter *who)
{
  CU_ASSERT_EQUAL(policy_ask(&policy, who, now), LONTAR_OK);
}

static inline bool sends(const struct waiter *who, int slot)
{
  return next(POLICY_SEND) && action.waiter == who && action.slot == slot;
}

#endif
