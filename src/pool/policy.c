/* The pool's decisions over slots, waiters and time. */
#include "pool/policy.h"

#include "base/clock.h"

/* No answer that counts. */
#define NEVER (INT64_MIN / 2)

/* A budget that had nothing left is asked again after this. */
enum { LEASE_PAUSE = 5000 };

/* ---- Slots ---- */

static bool is_usable(const struct policy_slot *slot, int64_t now)
{
  return slot->state == SLOT_READY && !slot->checking && !slot->barred && now - slot->proved < POLICY_CHECK_AFTER;
}

static bool is_idle(const struct policy_slot *slot)
{
  return slot->state == SLOT_READY && slot->in_flight == 0 && !slot->barred;
}

static bool takes_read(const struct policy_slot *slot, int64_t now)
{
  if (!is_usable(slot, now) || slot->writing)
    return false;
  return slot->in_flight == 0 || (slot->in_flight < POLICY_READ_DEPTH && now - slot->head_since < POLICY_SLOW);
}

/* Few busy connections make full pipelines and fewer wake-ups; last in, first out among the idle, so that the others
 * can grow old and close. */
static bool is_better(const struct policy_slot *slot, const struct policy_slot *best)
{
  return slot->in_flight > best->in_flight ||
         (slot->in_flight == best->in_flight && slot->in_flight == 0 && slot->idle_since > best->idle_since);
}

static int pick_for_read(const struct policy *policy, int64_t now)
{
  int best = -1;
  for (int i = 0; i < policy->reach; i++)
    if (takes_read(&policy->slots[i], now) && (best < 0 || is_better(&policy->slots[i], &policy->slots[best])))
      best = i;
  return best;
}

static int pick_idle(const struct policy *policy, int64_t now)
{
  int best = -1;
  for (int i = 0; i < policy->reach; i++) {
    const struct policy_slot *slot = &policy->slots[i];
    if (is_usable(slot, now) && slot->in_flight == 0 && (best < 0 || is_better(slot, &policy->slots[best])))
      best = i;
  }
  return best;
}

/* Whether all usable connections but one are writing, so that the one is for reads. */
static bool leaves_last(const struct policy *policy, int64_t now)
{
  int usable = 0;
  int writing = 0;
  for (int i = 0; i < policy->reach; i++) {
    const struct policy_slot *slot = &policy->slots[i];
    if (!is_usable(slot, now))
      continue;
    usable++;
    writing += slot->writing;
  }
  return usable > 1 && writing == usable - 1;
}

static int commits(const struct policy *policy)
{
  int count = 0;
  for (int i = 0; i < policy->reach; i++)
    count += policy->slots[i].appending;
  return count;
}

/* Appends gather behind those that are being committed: fewer and larger commits cost less. Commits that take long are
 * not waited for. */
static bool gathers(const struct policy *policy, const struct waiter *waiter, int64_t now)
{
  return waiter->kind == APPENDS && !waiter->alone && commits(policy) >= POLICY_COMMITS &&
         now - waiter->queued < POLICY_OVERFLOW_AFTER;
}

/* Appends join only what is sent together; other writes go alone. */
static int pick(const struct policy *policy, const struct waiter *waiter, int64_t now)
{
  int joinable = policy->joinable;
  if (waiter->kind == READS && !waiter->alone)
    return pick_for_read(policy, now);
  if (waiter->kind == APPENDS && !waiter->alone && joinable >= 0 && is_usable(&policy->slots[joinable], now) &&
      policy->slots[joinable].in_flight < POLICY_APPENDS_A_COMMIT)
    return joinable;
  return gathers(policy, waiter, now) || leaves_last(policy, now) ? -1 : pick_idle(policy, now);
}

static bool anyone_writes(const struct policy *policy)
{
  for (int i = 0; i < policy->reach; i++)
    if (policy->slots[i].writing)
      return true;
  return false;
}

/* After a loss nothing is known of the others: each is checked before it is handed out again. */
static void unprove(struct policy *policy)
{
  for (int i = 0; i < policy->reach; i++)
    policy->slots[i].proved = NEVER;
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
  policy->reach = policy->settings.size + policy->settings.max_overflow;
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

enum lontar_error policy_ask(struct policy *policy, struct waiter *waiter, int64_t now)
{
  if (policy_is_down(policy))
    return LONTAR_UNAVAILABLE;
  if (policy->settings.max_waiting > 0 && policy->queue.count >= policy->settings.max_waiting)
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
  int64_t most = 10 * CLOCK_MILLISECOND * attempt;
  queue_delay(&policy->queue, waiter, now + (int64_t)(random % (uint64_t)most));
}

bool policy_withdraw(struct policy *policy, struct waiter *waiter)
{
  return queue_remove(&policy->queue, waiter);
}

void policy_round_over(struct policy *policy)
{
  policy->joinable = -1;
}

static int64_t recycle_at(const struct policy *policy, int64_t now, uint32_t random)
{
  int64_t jitter = policy->settings.recycle / 10;
  return now + policy->settings.recycle - (jitter > 0 ? (int64_t)(random % (uint64_t)jitter) : 0);
}

void policy_opened(struct policy *policy, int slot, int64_t now, uint32_t random)
{
  struct policy_slot *it = &policy->slots[slot];
  policy->connecting = 0;
  policy->failures = 0;
  it->state = SLOT_READY;
  it->opened = it->idle_since = it->proved = now;
  it->recycle_at = recycle_at(policy, now, random);
}

void policy_answered(struct policy *policy, int slot, int64_t now, int64_t next_sent)
{
  struct policy_slot *it = &policy->slots[slot];
  it->proved = it->head_since = now;
  it->sent = next_sent;
  if (policy->joinable == slot)
    policy->joinable = -1; /* what is answered was closed before */
  if (--it->in_flight > 0)
    return;
  it->writing = it->appending = false;
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

void policy_leaving(struct policy *policy, int slot)
{
  policy->slots[slot].state = SLOT_LEAVING;
}

void policy_demoted(struct policy *policy, int64_t now)
{
  for (int i = 0; i < policy->reach; i++)
    if (now - policy->slots[i].opened >= CLOCK_SECOND)
      policy_retire(policy, i, POLICY_LOST);
}

void policy_closed(struct policy *policy, int slot, enum policy_reason reason, int64_t now, uint32_t random)
{
  bool was_connecting = policy->slots[slot].state == SLOT_CONNECTING;
  policy->slots[slot] = (struct policy_slot){.state = SLOT_CLOSED};
  policy->open--;
  if (policy->joinable == slot)
    policy->joinable = -1;
  if (was_connecting) {
    policy->connecting = 0;
    if (reason != POLICY_DISMISSED)
      policy->next_attempt = now + policy_back_off(++policy->failures, random);
  } else if (reason >= POLICY_DISMISSED) {
    unprove(policy);
  }
  settle_leases(policy);
}

void policy_told(struct policy *policy, enum policy_word word, int64_t now)
{
  if (policy->word == word)
    return;
  policy->word = word;
  if (word == POLICY_DOWN)
    unprove(policy);
  if (word == POLICY_UP) {
    policy->failures = 0;
    policy->next_attempt = now;
  }
}

/* A connection that answers is believed more than the prober; without any, its word counts, or our own failures. */
bool policy_is_down(const struct policy *policy)
{
  if (policy->word != POLICY_DOWN && policy->failures == 0)
    return false;
  for (int i = 0; i < policy->reach; i++) {
    const struct policy_slot *slot = &policy->slots[i];
    bool open = slot->state == SLOT_READY || slot->state == SLOT_DRAINING;
    if (open && (policy->word != POLICY_DOWN || slot->proved != NEVER))
      return false;
  }
  return true;
}

int64_t policy_back_off(int failures, uint32_t random)
{
  int64_t pause = 100 * CLOCK_MILLISECOND;
  for (int i = 1; i < failures && pause < 5 * CLOCK_SECOND; i++)
    pause *= 2;
  if (pause > 5 * CLOCK_SECOND)
    pause = 5 * CLOCK_SECOND;
  return pause + (int64_t)(random % (uint64_t)(pause / 10));
}

/* ---- What is to be done ---- */

static bool refuse(struct policy *policy, struct waiter *waiter, enum lontar_error error, struct policy_action *ret)
{
  (void)queue_remove(&policy->queue, waiter);
  *ret = (struct policy_action){.act = POLICY_REFUSE, .waiter = waiter, .error = error};
  return true;
}

static bool next_refuse(struct policy *policy, struct policy_action *ret)
{
  return policy->queue.count > 0 && policy_is_down(policy) &&
         refuse(policy, queue_any(&policy->queue), LONTAR_UNAVAILABLE, ret);
}

static void fly(struct policy *policy, int slot, int64_t now)
{
  struct policy_slot *it = &policy->slots[slot];
  if (it->in_flight++ == 0)
    it->head_since = it->sent = now;
}

static bool assign(struct policy *policy, struct waiter *waiter, int slot, int64_t now, struct policy_action *ret)
{
  (void)queue_remove(&policy->queue, waiter);
  fly(policy, slot, now);
  policy->slots[slot].writing = policy->slots[slot].writing || waiter->kind != READS;
  if (waiter->kind == APPENDS && !waiter->alone) {
    policy->joinable = slot;
    policy->slots[slot].appending = true;
  }
  *ret = (struct policy_action){.act = POLICY_SEND, .slot = slot, .waiter = waiter};
  return true;
}

/* In the order of asking, but one that finds no connection does not hold up those of another kind: except that a write
 * which waits while nobody writes makes later reads wait too, or a steady stream of them would never let it in. */
static bool next_send(struct policy *policy, int64_t now, struct policy_action *ret)
{
  unsigned kinds = QUEUE_ALL;
  struct waiter *waiter;
  while ((waiter = queue_first(&policy->queue, kinds)) != NULL) {
    int slot = pick(policy, waiter, now);
    if (slot >= 0)
      return assign(policy, waiter, slot, now, ret);
    kinds &= ~(1U << waiter->kind);
    if (waiter->kind != READS && !anyone_writes(policy))
      kinds &= ~(1U << READS);
  }
  return false;
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
    if (is_idle(&policy->slots[i]) && !is_usable(&policy->slots[i], now))
      return check(policy, i, now, ret);
  return false;
}

static bool waits_long(const struct policy *policy, int64_t now)
{
  const struct waiter *first = queue_first(&policy->queue, QUEUE_ALL);
  return first != NULL && now - first->queued >= POLICY_OVERFLOW_AFTER;
}

static bool may_lease(const struct policy *policy, int64_t now)
{
  return !policy->draining && policy->leased < policy->settings.max_overflow && waits_long(policy, now);
}

/* One after the other, so that a starting server is not stormed and the connections do not all grow old together. */
static bool may_open(struct policy *policy, int64_t now)
{
  if (policy->connecting > 0 || now < policy->next_attempt || policy->word == POLICY_DOWN)
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
  policy->open++;
  policy->connecting++;
  *ret = (struct policy_action){.act = POLICY_OPEN, .slot = slot};
  return true;
}

bool policy_next(struct policy *policy, int64_t now, struct policy_action *ret_action)
{
  return next_refuse(policy, ret_action) || next_send(policy, now, ret_action) || next_check(policy, now, ret_action) ||
         next_open(policy, now, ret_action);
}

/* ---- What time makes due ---- */

static bool abandon(int slot, enum lontar_error error, enum policy_reason reason, struct policy_action *ret)
{
  *ret = (struct policy_action){.act = POLICY_ABANDON, .slot = slot, .error = error, .reason = reason};
  return true;
}

static bool is_hung(const struct policy *policy, const struct policy_slot *slot, int64_t now)
{
  int64_t limit = slot->checking ? POLICY_CHECK_LIMIT : policy->settings.statement_timeout + POLICY_GRACE;
  return slot->in_flight > 0 && now - slot->sent > limit;
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

static bool due_at(struct policy *policy, int slot, int64_t now, struct policy_action *ret)
{
  struct policy_slot *it = &policy->slots[slot];
  if (it->state == SLOT_CLOSED || it->state == SLOT_LEAVING)
    return false;
  if (it->state == SLOT_CONNECTING)
    return now - it->begun > policy->settings.connect_timeout && abandon(slot, LONTAR_UNAVAILABLE, POLICY_HUNG, ret);
  if (is_hung(policy, it, now))
    return abandon(slot, LONTAR_DEADLINE, POLICY_HUNG, ret);
  retire_due(policy, slot, now);
  if (it->state == SLOT_DRAINING && it->in_flight == 0) {
    *ret = (struct policy_action){.act = POLICY_CLOSE, .slot = slot, .reason = it->reason};
    return true;
  }
  return is_idle(it) && now - it->proved >= POLICY_CHECK_EVERY && check(policy, slot, now, ret);
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
