/* The pool's decisions as pure functions over slots and time. */
#include "pool/policy.h"

#include "base/clock.h"

static bool takes_read(const struct policy_slot *slot, int64_t now)
{
  if (slot->state != SLOT_READY || slot->writing)
    return false;
  return slot->in_flight == 0 || (slot->in_flight < POLICY_READ_DEPTH && now - slot->head_since < POLICY_SLOW);
}

/* The fullest pipeline that still has room: few busy connections make full pipelines and fewer wake-ups. */
static int pick_for_read(const struct policy_slot *slots, int count, int64_t now)
{
  int best = -1;
  for (int i = 0; i < count; i++)
    if (takes_read(&slots[i], now) && (best < 0 || slots[i].in_flight > slots[best].in_flight))
      best = i;
  return best;
}

/* Last in, first out among the idle, so that the others can grow old and close. */
static int pick_idle(const struct policy_slot *slots, int count)
{
  int best = -1;
  for (int i = 0; i < count; i++) {
    if (slots[i].state != SLOT_READY || slots[i].in_flight > 0)
      continue;
    if (best < 0 || slots[i].idle_since > slots[best].idle_since)
      best = i;
  }
  return best;
}

/* Whether all ready connections but one are writing, so that the one is for reads. */
static bool leaves_last(const struct policy_slot *slots, int count)
{
  int ready = 0;
  int writing = 0;
  for (int i = 0; i < count; i++) {
    ready += slots[i].state == SLOT_READY;
    writing += slots[i].state == SLOT_READY && slots[i].writing;
  }
  return ready > 1 && writing == ready - 1;
}

int policy_pick(const struct policy_slot *slots, int count, enum statement_kind kind, int joinable, int64_t now)
{
  if (kind == READS)
    return pick_for_read(slots, count, now);
  if (kind == APPENDS && joinable >= 0 && slots[joinable].state == SLOT_READY &&
      slots[joinable].in_flight < POLICY_APPENDS_A_COMMIT)
    return joinable;
  return leaves_last(slots, count) ? -1 : pick_idle(slots, count);
}

static int count_open(const struct policy_slot *slots, int count)
{
  int open = 0;
  for (int i = 0; i < count; i++)
    open += slots[i].state != SLOT_CLOSED;
  return open;
}

static int count_connecting(const struct policy_slot *slots, int count)
{
  int connecting = 0;
  for (int i = 0; i < count; i++)
    connecting += slots[i].state == SLOT_CONNECTING;
  return connecting;
}

bool policy_should_open(const struct policy_settings *settings, const struct policy_slot *slots, int count,
                        int64_t waited)
{
  int open = count_open(slots, count);
  if (open < settings->size)
    return true;
  return waited >= POLICY_OVERFLOW_AFTER && count_connecting(slots, count) == 0 &&
         open < settings->size + settings->max_overflow;
}

bool policy_should_drain(const struct policy_settings *settings, const struct policy_slot *slots, int count, int slot,
                         int64_t now)
{
  const struct policy_slot *it = &slots[slot];
  if (it->state != SLOT_READY)
    return false;
  if (now >= it->recycle_at)
    return true;
  return it->in_flight == 0 && now - it->idle_since >= settings->idle_timeout &&
         count_open(slots, count) > settings->size;
}

int64_t policy_recycle_at(const struct policy_settings *settings, int64_t now, uint32_t random)
{
  int64_t jitter = settings->recycle / 10;
  return now + settings->recycle - (jitter > 0 ? (int64_t)(random % (uint64_t)jitter) : 0);
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
