/* The choice of a connection for each class of those who wait. */
#include "pool/choice.h"

#include "pool/rules.h"

bool choice_is_usable(const struct policy_slot *slot, int64_t now)
{
  return slot->state == SLOT_READY && !slot->checking && !slot->barred && rules_is_proved(slot->proved, now);
}

bool choice_is_idle(const struct policy_slot *slot)
{
  return slot->state == SLOT_READY && slot->in_flight == 0 && !slot->barred;
}

/* ---- Looking over the slots ---- */

/* Few busy connections make full pipelines and fewer wake-ups; last in, first out among the idle, so that the others
 * can grow old and close. */
static bool is_better(const struct policy_slot *slot, const struct policy_slot *best)
{
  return slot->in_flight > best->in_flight ||
         (slot->in_flight == best->in_flight && slot->in_flight == 0 && slot->idle_since > best->idle_since);
}

/* Asked for every statement: the two that follow are worth a loop of their own for each question. */
#define ONE_LOOP static inline __attribute__((always_inline))

/* The best slot that is taken by `takes`, -1 when there is none. */
ONE_LOOP int pick_best(const struct policy *policy, int64_t now,
                       bool (*takes)(const struct policy_slot *slot, int64_t now))
{
  int best = -1;
  for (int i = 0; i < policy->reach; i++)
    if (takes(&policy->slots[i], now) && (best < 0 || is_better(&policy->slots[i], &policy->slots[best])))
      best = i;
  return best;
}

ONE_LOOP int count_of(const struct policy *policy, bool (*is)(const struct policy_slot *slot, int64_t now), int64_t now)
{
  int count = 0;
  for (int i = 0; i < policy->reach; i++)
    count += is(&policy->slots[i], now);
  return count;
}

static bool is_idle_and_usable(const struct policy_slot *slot, int64_t now)
{
  return choice_is_usable(slot, now) && slot->in_flight == 0;
}

static bool is_writing(const struct policy_slot *slot, int64_t now)
{
  (void)now;
  return slot->writing;
}

static bool is_writing_and_usable(const struct policy_slot *slot, int64_t now)
{
  return slot->writing && choice_is_usable(slot, now);
}

static bool is_appending(const struct policy_slot *slot, int64_t now)
{
  (void)now;
  return slot->appending;
}

static bool is_dear(const struct policy_slot *slot, int64_t now)
{
  (void)now;
  return slot->dear > 0;
}

static bool is_locked(const struct policy_slot *slot, int64_t now)
{
  (void)now;
  return slot->locked;
}

static bool is_given_up(const struct policy_slot *slot, int64_t now)
{
  (void)now;
  return slot->state == SLOT_LEAVING && slot->given_up;
}

static bool takes_read(const struct policy_slot *slot, int64_t now)
{
  if (!choice_is_usable(slot, now) || slot->writing || slot->alone)
    return false;
  return slot->in_flight == 0 || (slot->in_flight < POLICY_READ_DEPTH && now - slot->head_since < POLICY_SLOW);
}

static bool takes_read_apart(const struct policy_slot *slot, int64_t now)
{
  return slot->dear == 0 && takes_read(slot, now);
}

static bool takes_more_dear(const struct policy_slot *slot, int64_t now)
{
  return slot->dear > 0 && slot->dear < POLICY_DEAR_DEPTH && takes_read(slot, now);
}

static int pick_idle(const struct policy *policy, int64_t now)
{
  return pick_best(policy, now, is_idle_and_usable);
}

bool choice_has_idle(const struct policy *policy, int64_t now)
{
  return pick_idle(policy, now) >= 0;
}

/* ---- Reads ---- */

/* Beside the dear ones, where there is such a place. */
static int pick_for_read(const struct policy *policy, int64_t now)
{
  int apart = pick_best(policy, now, takes_read_apart);
  return apart >= 0 ? apart : pick_best(policy, now, takes_read);
}

/* Whether one more connection may have dear reads: one is left to the others, if there are two. */
static bool may_spread(const struct policy *policy, int64_t now)
{
  const int usable = count_of(policy, choice_is_usable, now);
  const int most = usable > policy->settings.max_dear ? policy->settings.max_dear : usable - 1;
  return count_of(policy, is_dear, now) < (most > 1 ? most : 1);
}

static int pick_for_dear(const struct policy *policy, int64_t now)
{
  int shared = pick_best(policy, now, takes_more_dear);
  if (shared >= 0 || !may_spread(policy, now))
    return shared;
  int idle = pick_idle(policy, now);
  return idle >= 0 ? idle : pick_best(policy, now, takes_read_apart);
}

/* Those who wait for locks have half of the connections at most. */
static bool has_room_for_locked(const struct policy *policy, int64_t now)
{
  const int half = count_of(policy, choice_is_usable, now) / 2;
  return count_of(policy, is_locked, now) < (half > 1 ? half : 1);
}

/* ---- Writes ---- */

/* Whether the last connection that does not write is left to reads: of several one, and also a single one while those
 * whose server does not answer hold the other places. */
static bool leaves_last(const struct policy *policy, int64_t now)
{
  const int usable = count_of(policy, choice_is_usable, now);
  const int writing = count_of(policy, is_writing_and_usable, now);
  return writing == usable - 1 && (usable > 1 || count_of(policy, is_given_up, now) > 0);
}

static int pick_for_write(const struct policy *policy, int64_t now)
{
  return leaves_last(policy, now) ? -1 : pick_idle(policy, now);
}

/* Appends gather behind those that are being committed: fewer and larger commits cost less. Commits that take long are
 * not waited for. */
static bool gathers(const struct policy *policy, const struct waiter *waiter, int64_t now)
{
  return count_of(policy, is_appending, now) >= POLICY_COMMITS && now - waiter->queued < POLICY_OVERFLOW_AFTER;
}

/* Appends join only what is sent together; other writes go alone. */
static int pick_for_append(const struct policy *policy, const struct waiter *waiter, int64_t now)
{
  const int joinable = policy->joinable;
  if (joinable >= 0 && choice_is_usable(&policy->slots[joinable], now) &&
      policy->slots[joinable].in_flight < POLICY_APPENDS_A_COMMIT)
    return joinable;
  return gathers(policy, waiter, now) ? -1 : pick_for_write(policy, now);
}

bool choice_refuses_writes(const struct policy *policy, int64_t now)
{
  const bool may_grow = policy->connecting > 0 || policy->open < policy->settings.size + policy->leased ||
                        (policy->leased < policy->settings.max_overflow && now >= policy->next_attempt);
  int writers = 0;
  int others = 0;
  for (int i = 0; i < policy->reach; i++) {
    const struct policy_slot *slot = &policy->slots[i];
    writers += slot->state != SLOT_LEAVING && slot->writing;
    others += slot->state == SLOT_READY && !slot->writing;
  }
  return !may_grow && writers == 0 && others <= 1 && count_of(policy, is_given_up, now) > 0;
}

/* ---- All ---- */

static int pick(const struct policy *policy, const struct waiter *waiter, int64_t now)
{
  switch (waiter->class) {
  case CLASS_READ:
    return pick_for_read(policy, now);
  case CLASS_DEAR:
    return policy->holds_dear ? -1 : pick_for_dear(policy, now);
  case CLASS_READ_ALONE:
    return pick_idle(policy, now);
  case CLASS_DEAR_ALONE:
    return !policy->holds_dear && may_spread(policy, now) ? pick_idle(policy, now) : -1;
  case CLASS_READ_LOCKED:
    return has_room_for_locked(policy, now) ? pick_idle(policy, now) : -1;
  case CLASS_APPEND:
    return pick_for_append(policy, waiter, now);
  case CLASS_WRITE:
    return pick_for_write(policy, now);
  case CLASS_WRITE_LOCKED:
    return has_room_for_locked(policy, now) ? pick_for_write(policy, now) : -1;
  case CLASSES:
    break;
  }
  return -1;
}

/* A write that only lacks an idle connection would wait for ever behind reads that keep all of them busy. */
static bool holds_back_reads(const struct policy *policy, const struct waiter *waiter, int64_t now)
{
  return (waiter->class == CLASS_WRITE || waiter->class == CLASS_APPEND) && count_of(policy, is_writing, now) == 0 &&
         pick_idle(policy, now) < 0;
}

struct waiter *choice_next(const struct policy *policy, int64_t now, int *ret_slot)
{
  unsigned classes = QUEUE_ALL;
  struct waiter *waiter;
  while ((waiter = queue_first(&policy->queue, classes)) != NULL) {
    int slot = pick(policy, waiter, now);
    if (slot >= 0) {
      *ret_slot = slot;
      return waiter;
    }
    classes &= ~(1U << waiter->class);
    if (holds_back_reads(policy, waiter, now))
      classes &= ~(unsigned)QUEUE_READS;
  }
  return NULL;
}
