/* A worker's slice: takes jobs in, does what the policy says, and ends each round of the loop with one write a place.
 */
#include "pool/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pulse.h"
#include "log/log.h"
#include "pool/slice.h"

/* Microseconds. */
enum { TICK = 20000, STILL_AFTER = 2000000 };

static struct job *job_of(struct waiter *waiter)
{
  return (struct job *)(void *)((char *)waiter - offsetof(struct job, waiter));
}

static void send_job(struct pool *pool, int index, struct job *job)
{
  int64_t waited = clock_steady() - job->waiter.queued;
  if (waited > pool->numbers.longest_wait)
    pool->numbers.longest_wait = waited;
  event_active(pool->round_end, EV_TIMEOUT, 0);
  place_send(&pool->places[index], job);
}

static void act(struct pool *pool, const struct policy_action *action)
{
  struct place *place = &pool->places[action->slot];
  switch (action->act) {
  case POLICY_SEND:
    send_job(pool, action->slot, job_of(action->waiter));
    break;
  case POLICY_OPEN:
    place_open(pool, action->slot);
    break;
  case POLICY_CHECK:
    event_active(pool->round_end, EV_TIMEOUT, 0);
    place_check(place);
    break;
  case POLICY_CLOSE:
    place_close(place, action->reason);
    break;
  case POLICY_LATE:
    place_late(place);
    break;
  case POLICY_ABANDON:
    place_lose(place, LONTAR_DEADLINE, POLICY_HUNG, "the server does not answer");
    break;
  case POLICY_REFUSE:
    slice_finish(pool, job_of(action->waiter), action->error, NULL);
    break;
  }
}

/* Once for each change; the first word is the first connection's, or the first failure's. */
static void note_state(struct pool *pool)
{
  struct pool_numbers *numbers = &pool->numbers;
  bool down = policy_is_down(&pool->policy);
  if (down == numbers->down && (numbers->state_since != 0 || numbers->opened == 0))
    return;
  if (down)
    log_line(LOG_LEVEL_ERROR, "database is unavailable: %s; requests get 503 until it is back",
             pool->loss[0] != '\0' ? pool->loss : "the prober says so");
  else if (pool->policy.word == POLICY_DOWN) /* a server that takes no writes, for example */
    log_line(LOG_LEVEL_INFO, "a connection still answers, but the prober misses the database");
  else
    log_line(LOG_LEVEL_INFO, "database is available");
  numbers->down = down;
  numbers->state_since = clock_wall();
}

static void dispatch(struct pool *pool)
{
  struct policy_action action;
  policy_hold_dear(&pool->policy, pool->owner.is_crowded(pool->owner.owner));
  while (policy_next(&pool->policy, clock_steady(), &action))
    act(pool, &action);
  note_state(pool);
}

/* What came together in this round of the loop goes out together: one sync, one write for each connection. */
static void on_round_end(evutil_socket_t fd, short what, void *argument)
{
  struct pool *pool = argument;
  (void)fd;
  (void)what;
  policy_round_over(&pool->policy);
  for (int i = 0; i < pool->policy.reach; i++)
    if (pool->places[i].dirty)
      place_sync(&pool->places[i]);
  dispatch(pool);
}

/* A tick is exact enough for what silence means, and costs nothing with each answer. */
static void note_heard(struct pool *pool, int64_t now)
{
  for (int i = 0; i < pool->policy.reach; i++) {
    if (pool->places[i].heard)
      policy_heard(&pool->policy, i, now);
    pool->places[i].heard = false;
  }
}

static void on_tick(void *argument)
{
  struct pool *pool = argument;
  struct policy_action action;
  int64_t now = clock_steady();
  note_heard(pool, now);
  while (policy_due(&pool->policy, now, &action))
    act(pool, &action);
  for (int i = 0; i < pool->policy.reach; i++)
    place_inspect(&pool->places[i], now);
  dispatch(pool);
}

static bool make_events(struct pool *pool)
{
  pool->tick = pulse_new(pool->base, TICK, on_tick, pool);
  pool->round_end = event_new(pool->base, -1, 0, on_round_end, pool);
  return pool->tick != NULL && pool->round_end != NULL;
}

struct pool *pool_new(struct event_base *base, const char *url, const char *application_name,
                      const struct pool_settings *settings, const struct pool_owner *owner)
{
  struct pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL)
    return NULL;
  pool->dispatch = dispatch;
  pool->base = base;
  pool->owner = *owner;
  pool->held_limit = settings->held_limit;
  pool->prepared_statements = settings->prepared_statements;
  policy_init(&pool->policy, &settings->policy, &owner->budget);
  pool->dialer = dialer_new(base, url);
  pool->application_name = strdup(application_name);
  pool->places = calloc(POLICY_SLOTS_MAX, sizeof *pool->places);
  if (pool->dialer == NULL || pool->application_name == NULL || pool->places == NULL || !make_events(pool)) {
    pool_free(pool);
    return NULL;
  }
  policy_await(&pool->policy, pool_server_count(pool) > 1);
  dispatch(pool);
  return pool;
}

void pool_free(struct pool *pool)
{
  if (pool == NULL)
    return;
  for (int i = 0; pool->places != NULL && i < POLICY_SLOTS_MAX; i++)
    place_clear(&pool->places[i]);
  pulse_free(pool->tick);
  if (pool->round_end != NULL)
    event_free(pool->round_end);
  free(pool->places);
  dialer_free(pool->dialer);
  free(pool->application_name);
  free(pool);
}

void pool_submit(struct pool *pool, struct job *job)
{
  if (slice_ask(pool, job))
    dispatch(pool);
}

bool pool_cancel(struct pool *pool, struct job *job)
{
  job->unwanted = !policy_withdraw(&pool->policy, &job->waiter);
  return !job->unwanted;
}

void pool_blame(struct pool *pool, enum statement statement)
{
  if (pool->troubles.kinds[statement] == TROUBLE_NONE)
    slice_meet(pool, statement, TROUBLE_FAULT);
}

void pool_found_well(struct pool *pool, int64_t asked)
{
  troubles_over(&pool->troubles, asked);
}

uint64_t pool_share_troubles(struct pool *pool, uint64_t elsewhere, const uint64_t passed[STATEMENT_COUNT])
{
  struct troubles *troubles = &pool->troubles;
  troubles->elsewhere = elsewhere;
  for (int i = 0; troubles->count > 0 && i < STATEMENT_COUNT; i++)
    troubles_passed(troubles, (enum statement)i, (int64_t)__atomic_load_n(&passed[i], __ATOMIC_RELAXED));
  return troubles_bits(troubles);
}

/* A write that has no answer yet: where its kind of work stands still, that is long before any time limit. */
static bool stands_still(const struct policy *policy, int64_t now)
{
  const struct waiter *first = queue_first(&policy->queue, QUEUE_ALL);
  if (first != NULL && now - first->queued >= STILL_AFTER)
    return true;
  for (int i = 0; i < policy->reach; i++)
    if (policy->slots[i].writing && policy->slots[i].in_flight > 0 && now - policy->slots[i].heard >= STILL_AFTER)
      return true;
  return false;
}

void pool_troubles(struct pool *pool, int64_t ret_since[TROUBLE_KINDS])
{
  struct troubles *troubles = &pool->troubles;
  const int64_t now = clock_steady();
  if (!policy_is_down(&pool->policy))
    troubles_forget(troubles, TROUBLE_AWAY);
  troubles_look(troubles, now);
  memcpy(ret_since, troubles->since, sizeof troubles->since);
  if (ret_since[TROUBLE_WAITS] == 0 && stands_still(&pool->policy, now))
    ret_since[TROUBLE_WAITS] = now - STILL_AFTER;
}

void pool_drain(struct pool *pool)
{
  policy_drain(&pool->policy);
  on_tick(pool);
}

void pool_told(struct pool *pool, enum policy_word word, int64_t next_probe)
{
  pool->next_probe = next_probe;
  policy_told(&pool->policy, word, clock_steady());
  dispatch(pool);
}

int pool_server_count(const struct pool *pool)
{
  return dialer_server_count(pool->dialer);
}

uint64_t pool_servers(const struct pool *pool)
{
  return dialer_servers(pool->dialer);
}

/* A job that fails may bring another one, which opens a connection: that was begun later. */
static void move(struct pool *pool, int64_t moved)
{
  int count = 0;
  pool->moved = moved;
  policy_moved(&pool->policy, clock_steady());
  for (int i = 0; i < pool->policy.reach; i++) {
    if (pool->policy.slots[i].state == SLOT_CLOSED || pool->policy.slots[i].begun >= moved)
      continue;
    place_forsake(&pool->places[i]);
    count++;
  }
  if (count > 0)
    log_line(LOG_LEVEL_WARNING, "the database is at another server: closed connections count=%d", count);
}

void pool_aim(struct pool *pool, int server, int64_t moved)
{
  policy_await(&pool->policy, server == POOL_AWAIT);
  dialer_aim(pool->dialer, server == POOL_AWAIT ? DIALER_ANY : server, false);
  if (moved > pool->moved)
    move(pool, moved);
}

void pool_numbers(const struct pool *pool, struct pool_numbers *ret_numbers)
{
  const struct policy *policy = &pool->policy;
  *ret_numbers = pool->numbers;
  ret_numbers->waiting = policy->queue.count;
  for (int i = 0; i < policy->reach; i++) {
    const struct policy_slot *slot = &policy->slots[i];
    if (slot->state == SLOT_CLOSED || slot->state == SLOT_CONNECTING)
      continue;
    ret_numbers->open++;
    ret_numbers->busy += slot->in_flight > 0;
    ret_numbers->leaving += slot->state == SLOT_LEAVING;
    if (slot->proved > ret_numbers->answered)
      ret_numbers->answered = slot->proved;
  }
  ret_numbers->idle = ret_numbers->open - ret_numbers->busy;
  ret_numbers->overflow = policy->leased;
}

int pool_retry_after(const struct pool *pool)
{
  bool told = pool->policy.word >= POLICY_DOWN;
  int64_t left = clock_since((uint64_t)clock_steady(), told ? pool->next_probe : pool->policy.next_attempt);
  return left <= CLOCK_SECOND ? 1 : (int)((left + CLOCK_SECOND - 1) / CLOCK_SECOND);
}
