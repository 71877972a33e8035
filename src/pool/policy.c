/* The pool's decisions over slots, waiters and time. */
#include "pool/policy.h"

#include "base/clock.h"
#include "pool/choice.h"
#include "pool/rules.h"
#include "repo/statement.h"

/* Microseconds. A budget that had nothing left is asked again after this; who met a lock is sent again after so much
 * for each time that he did, or less at random. */
enum { LEASE_PAUSE = 5000, LOCK_PAUSE = 50000 };

/* ---- Slots ---- */

static bool is_read(const struct waiter *waiter)
{
  return waiter->kind <= BULKY;
}

static bool is_dear(const struct waiter *waiter)
{
  return waiter->kind == DEAR || waiter->kind == BULKY;
}

static void unprove(struct policy *policy)
{
  for (int i = 0; i < policy->reach; i++)
    policy->slots[i].proved = RULES_UNPROVED;
}

static int wanted_size(const struct policy *policy)
{
  if (policy->draining)
    return policy->queue.count > 0 ? 1 : 0;
  return policy->settings.size;
}

static int leaving(const struct policy *policy)
{
  int count = 0;
  for (int i = 0; i < policy->reach; i++)
    count += policy->slots[i].state == SLOT_DRAINING || policy->slots[i].state == SLOT_LEAVING;
  return count;
}

static void settle_leases(struct policy *policy)
{
  int beyond = policy->open > policy->settings.size ? policy->open - policy->settings.size : 0;
  for (; policy->leased > beyond; policy->leased--)
    policy->budget.give(policy->budget.owner);
}

/* ---- What the owner tells ---- */

static void set_settings(struct policy *policy, const struct policy_settings *settings)
{
  policy->settings = *settings;
  if (policy->settings.size > POLICY_SLOTS_MAX)
    policy->settings.size = POLICY_SLOTS_MAX;
  if (policy->settings.max_overflow > POLICY_SLOTS_MAX - policy->settings.size)
    policy->settings.max_overflow = POLICY_SLOTS_MAX - policy->settings.size;
}

void policy_init(struct policy *policy, const struct policy_settings *settings, const struct policy_budget *budget)
{
  *policy = (struct policy){.budget = *budget, .joinable = -1};
  queue_init(&policy->queue);
  set_settings(policy, settings);
}

void policy_drain(struct policy *policy)
{
  policy->draining = true;
}

void policy_hold_dear(struct policy *policy, bool hold)
{
  policy->holds_dear = hold;
}

enum lontar_error policy_ask(struct policy *policy, struct waiter *waiter, int64_t now)
{
  if (policy_is_down(policy))
    return LONTAR_UNAVAILABLE;
  if (policy->settings.max_waiting > 0 && policy->queue.count >= policy->settings.max_waiting)
    return LONTAR_BUSY;
  if (!is_read(waiter) && choice_refuses_writes(policy, now))
    return LONTAR_BUSY;
  queue_add(&policy->queue, waiter, now);
  return LONTAR_OK;
}

void policy_ask_again(struct policy *policy, struct waiter *waiter, int64_t now)
{
  queue_return(&policy->queue, waiter, now);
}

void policy_ask_later(struct policy *policy, struct waiter *waiter, int attempt, int64_t now, uint32_t random)
{
  int64_t pause = waiter->locked ? LOCK_PAUSE : RULES_CONFLICT_PAUSE;
  queue_delay(&policy->queue, waiter, now + rules_pause(pause, attempt, random));
}

bool policy_withdraw(struct policy *policy, struct waiter *waiter)
{
  return queue_remove(&policy->queue, waiter);
}

void policy_round_over(struct policy *policy)
{
  policy->joinable = -1;
}

void policy_opened(struct policy *policy, int slot, int64_t now, uint32_t random)
{
  struct policy_slot *it = &policy->slots[slot];
  policy->connecting = 0;
  policy->failures = 0;
  it->state = SLOT_READY;
  it->late = false;
  it->opened = it->idle_since = it->proved = now;
  it->recycle_at = rules_recycle_at(now, policy->settings.recycle, random);
}

void policy_heard(struct policy *policy, int slot, int64_t now)
{
  policy->slots[slot].heard = now;
}

void policy_answered(struct policy *policy, int slot, const struct waiter *waiter, int64_t now)
{
  struct policy_slot *it = &policy->slots[slot];
  it->proved = it->head_since = it->heard = now;
  it->dear -= waiter != NULL && is_dear(waiter);
  if (policy->joinable == slot)
    policy->joinable = -1; /* what is answered was closed before */
  if (--it->in_flight > 0)
    return;
  it->writing = it->appending = it->alone = it->locked = false;
  if (!it->checking)
    it->idle_since = now;
  it->checking = false;
}

void policy_retire(struct policy *policy, int slot, enum policy_reason reason)
{
  struct policy_slot *it = &policy->slots[slot];
  if (it->state != SLOT_READY)
    return;
  it->state = SLOT_DRAINING;
  it->reason = reason;
}

void policy_renew(struct policy *policy, int slot, int64_t now)
{
  struct policy_slot *it = &policy->slots[slot];
  if (it->recycle_at > now)
    it->recycle_at = now;
}

/* An attempt to connect has failed. */
static void note_failure(struct policy *policy, enum policy_reason reason, int64_t now, uint32_t random)
{
  policy->connecting = 0;
  if (reason != POLICY_DISMISSED)
    policy->next_attempt = now + rules_back_off(++policy->failures, random);
}

/* What was open there is not usable any more. */
static void note_end(struct policy *policy, int slot, enum policy_reason reason, int64_t now, uint32_t random)
{
  const enum slot_state state = policy->slots[slot].state;
  if (policy->joinable == slot)
    policy->joinable = -1;
  if (state == SLOT_CONNECTING)
    note_failure(policy, reason, now, random);
  else if (state != SLOT_LEAVING && reason >= POLICY_DISMISSED)
    unprove(policy);
}

void policy_leaving(struct policy *policy, int slot, enum policy_reason reason, int64_t now, uint32_t random)
{
  note_end(policy, slot, reason, now, random);
  policy->slots[slot] =
      (struct policy_slot){.state = SLOT_LEAVING, .reason = reason, .given_up = reason == POLICY_HUNG};
}

void policy_demoted(struct policy *policy, int64_t now)
{
  for (int i = 0; i < policy->reach; i++)
    if (now - policy->slots[i].opened >= CLOCK_SECOND)
      policy_retire(policy, i, POLICY_LOST);
}

void policy_closed(struct policy *policy, int slot, enum policy_reason reason, int64_t now, uint32_t random)
{
  note_end(policy, slot, reason, now, random);
  policy->slots[slot] = (struct policy_slot){.state = SLOT_CLOSED};
  while (policy->reach > 0 && policy->slots[policy->reach - 1].state == SLOT_CLOSED)
    policy->reach--;
  policy->open--;
  settle_leases(policy);
}

void policy_told(struct policy *policy, enum policy_word word, int64_t now)
{
  if (policy->word == word)
    return;
  policy->word = word;
  if (word >= POLICY_DOWN)
    unprove(policy);
  if (word == POLICY_UP) {
    policy->failures = 0;
    policy->next_attempt = now;
  }
}

void policy_await(struct policy *policy, bool await)
{
  policy->awaiting = await;
}

void policy_moved(struct policy *policy, int64_t now)
{
  policy->failures = 0;
  policy->next_attempt = now;
}

/* A connection that answers is believed more than the prober; without any, its word counts, or our own failures. */
bool policy_is_down(const struct policy *policy)
{
  if (policy->word == POLICY_UNFIT)
    return true;
  if (policy->word != POLICY_DOWN && policy->failures == 0)
    return false;
  for (int i = 0; i < policy->reach; i++) {
    const struct policy_slot *slot = &policy->slots[i];
    bool open = slot->state == SLOT_READY || slot->state == SLOT_DRAINING;
    if (open && (policy->word != POLICY_DOWN || slot->proved != RULES_UNPROVED))
      return false;
  }
  return true;
}

/* ---- What is to be done ---- */

static bool refuse(struct policy *policy, struct waiter *waiter, enum lontar_error error, struct policy_action *ret)
{
  (void)queue_remove(&policy->queue, waiter);
  *ret = (struct policy_action){.act = POLICY_REFUSE, .waiter = waiter, .error = error};
  return true;
}

static bool next_refuse(struct policy *policy, int64_t now, struct policy_action *ret)
{
  if (policy->queue.count == 0)
    return false;
  if (policy_is_down(policy))
    return refuse(policy, queue_any(&policy->queue), LONTAR_UNAVAILABLE, ret);
  struct waiter *write = queue_first(&policy->queue, QUEUE_WRITES);
  return write != NULL && choice_refuses_writes(policy, now) && refuse(policy, write, LONTAR_BUSY, ret);
}

static void fly(struct policy *policy, int slot, int64_t now)
{
  struct policy_slot *it = &policy->slots[slot];
  if (it->in_flight++ == 0)
    it->head_since = it->heard = now;
}

static bool next_send(struct policy *policy, int64_t now, struct policy_action *ret)
{
  int slot;
  struct waiter *waiter = choice_next(policy, now, &slot);
  if (waiter == NULL)
    return false;
  struct policy_slot *it = &policy->slots[slot];
  (void)queue_remove(&policy->queue, waiter);
  fly(policy, slot, now);
  it->writing = it->writing || !is_read(waiter);
  it->dear += is_dear(waiter);
  it->alone = waiter->alone || waiter->locked || waiter->kind == BULKY;
  it->locked = waiter->locked;
  if (waiter->class == CLASS_APPEND) {
    policy->joinable = slot;
    it->appending = true;
  }
  *ret = (struct policy_action){.act = POLICY_SEND, .slot = slot, .waiter = waiter};
  return true;
}

static bool check(struct policy *policy, int slot, int64_t now, struct policy_action *ret)
{
  policy->slots[slot].checking = true;
  fly(policy, slot, now);
  *ret = (struct policy_action){.act = POLICY_CHECK, .slot = slot};
  return true;
}

/* Somebody waits: whatever is idle but not proved may be all there is. */
static bool next_check(struct policy *policy, int64_t now, struct policy_action *ret)
{
  if (queue_first(&policy->queue, QUEUE_ALL) == NULL)
    return false;
  for (int i = 0; i < policy->reach; i++)
    if (choice_is_idle(&policy->slots[i]) && !choice_is_usable(&policy->slots[i], now))
      return check(policy, i, now, ret);
  return false;
}

/* Dear reads wait for each other, and those who met a lock for its end: a further connection would not help them. */
static bool waits_long(const struct policy *policy, int64_t now)
{
  const unsigned helped =
      QUEUE_ALL & ~(1U << CLASS_DEAR | 1U << CLASS_DEAR_ALONE | 1U << CLASS_READ_LOCKED | 1U << CLASS_WRITE_LOCKED);
  const struct waiter *first = queue_first(&policy->queue, helped);
  return first != NULL && now - first->queued >= POLICY_OVERFLOW_AFTER;
}

static bool may_lease(const struct policy *policy, int64_t now)
{
  return !policy->draining && policy->leased < policy->settings.max_overflow && waits_long(policy, now);
}

/* One after the other, so that a starting server is not stormed and the connections do not all grow old together. */
static bool may_open(struct policy *policy, int64_t now)
{
  if (policy->connecting > 0 || now < policy->next_attempt || policy->word >= POLICY_DOWN || policy->awaiting)
    return false;
  bool beyond = policy->open >= wanted_size(policy);
  if (beyond && !may_lease(policy, now))
    return false;
  if (!policy->budget.take(policy->budget.owner, beyond)) {
    policy->next_attempt = now + LEASE_PAUSE;
    return false;
  }
  policy->leased += beyond;
  return true;
}

static bool next_open(struct policy *policy, int64_t now, struct policy_action *ret)
{
  if (!may_open(policy, now))
    return false;
  int slot = 0;
  while (policy->slots[slot].state != SLOT_CLOSED)
    slot++;
  policy->slots[slot] = (struct policy_slot){.state = SLOT_CONNECTING, .begun = now};
  if (policy->reach <= slot)
    policy->reach = slot + 1;
  policy->open++;
  policy->connecting++;
  *ret = (struct policy_action){.act = POLICY_OPEN, .slot = slot};
  return true;
}

bool policy_next(struct policy *policy, int64_t now, struct policy_action *ret_action)
{
  return next_refuse(policy, now, ret_action) || next_send(policy, now, ret_action) ||
         next_check(policy, now, ret_action) || next_open(policy, now, ret_action);
}

/* ---- What time makes due ---- */

static bool is_hung(const struct policy *policy, const struct policy_slot *slot, int64_t now)
{
  int64_t limit = slot->checking ? RULES_CHECK_LIMIT : policy->settings.statement_timeout + RULES_GRACE;
  return slot->in_flight > 0 && now - slot->heard > limit;
}

/* One beyond the size has been idle for too long, sooner when another slice wants it. */
static bool is_spare(const struct policy *policy, const struct policy_slot *slot, int64_t now)
{
  const int64_t idle = slot->in_flight == 0 ? now - slot->idle_since : 0;
  return idle >= policy->settings.idle_timeout ||
         (idle >= POLICY_SHARE_AFTER && policy->budget.wanted(policy->budget.owner));
}

/* A connection grown old waits until no other is being replaced, and stays while none can be opened in its place. */
static void retire_due(struct policy *policy, int slot, int64_t now)
{
  const struct policy_slot *it = &policy->slots[slot];
  const int others = leaving(policy);
  const int live = policy->open - others;
  if (it->state != SLOT_READY)
    return;
  if (policy->draining) {
    if (it->in_flight == 0 && live > wanted_size(policy))
      policy_retire(policy, slot, POLICY_RETIRED);
  } else if (now >= it->recycle_at && others == 0 && policy->connecting == 0 && policy->failures == 0) {
    policy_retire(policy, slot, POLICY_RECYCLED);
  } else if (live > policy->settings.size && is_spare(policy, it, now)) {
    policy_retire(policy, slot, POLICY_IDLE);
  }
}

/* It may be that the server has taken it in and only sleeps, so that another would be one more for it: this one goes
 * on, and counts as a failed attempt meanwhile. */
static bool be_late(struct policy *policy, int slot, struct policy_action *ret)
{
  policy->slots[slot].late = true;
  policy->failures++;
  *ret = (struct policy_action){.act = POLICY_LATE, .slot = slot};
  return true;
}

static bool due_at(struct policy *policy, int slot, int64_t now, struct policy_action *ret)
{
  struct policy_slot *it = &policy->slots[slot];
  if (it->state == SLOT_CLOSED || it->state == SLOT_LEAVING)
    return false;
  if (it->state == SLOT_CONNECTING)
    return !it->late && now - it->begun > policy->settings.connect_timeout && be_late(policy, slot, ret);
  if (is_hung(policy, it, now)) {
    *ret = (struct policy_action){.act = POLICY_ABANDON, .slot = slot};
    return true;
  }
  retire_due(policy, slot, now);
  if (it->state == SLOT_DRAINING && it->in_flight == 0) {
    *ret = (struct policy_action){.act = POLICY_CLOSE, .slot = slot, .reason = it->reason};
    return true;
  }
  return choice_is_idle(it) && now - it->proved >= POLICY_CHECK_EVERY && check(policy, slot, now, ret);
}

bool policy_due(struct policy *policy, int64_t now, struct policy_action *ret_action)
{
  while (policy->cursor < policy->reach)
    if (due_at(policy, policy->cursor++, now, ret_action))
      return true;
  queue_wake(&policy->queue, now);
  struct waiter *expired = queue_expired(&policy->queue, now);
  if (expired != NULL)
    return refuse(policy, expired, LONTAR_BUSY, ret_action);
  policy->cursor = 0;
  return false;
}
