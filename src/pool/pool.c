/* A worker's slice of connections: who waits, what is sent where, what is opened, replaced and given up. */
#include "pool/pool.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/slice.h"

enum {
  TICK = 20000,   /* microseconds */
  GRACE = 500000, /* microseconds beyond PostgreSQL's own statement_timeout before a socket is abandoned */
};

static void count_waiting(struct pool *pool, const struct job *job, int change)
{
  pool->waiting_count += change;
  pool->waiting_of[statement_rows[job->statement].kind] += change;
}

void pool_fail_waiting(struct pool *pool, enum lontar_error error)
{
  struct job_list failed = TAILQ_HEAD_INITIALIZER(failed);
  struct job *job;
  TAILQ_CONCAT(&failed, &pool->waiting, link);
  memset(pool->waiting_of, 0, sizeof pool->waiting_of);
  pool->waiting_count = 0;
  while ((job = TAILQ_FIRST(&failed)) != NULL) {
    TAILQ_REMOVE(&failed, job, link);
    pool_finish(job, error, NULL);
  }
}

void pool_enqueue_first(struct pool *pool, struct job *job)
{
  job->queued = clock_steady();
  TAILQ_INSERT_HEAD(&pool->waiting, job, link);
  count_waiting(pool, job, 1);
}

/* One connection at a time while the database is away, so that a restarting server is not stormed. */
static bool may_attempt(const struct pool *pool, int64_t now)
{
  if (now < pool->next_attempt)
    return false;
  if (pool->failures == 0)
    return true;
  for (int i = 0; i < pool->reach; i++)
    if (pool->slots[i].state == SLOT_CONNECTING)
      return false;
  return true;
}

/* How long the first of the queue has waited, -1 when nobody waits. */
static int64_t longest_waiting(const struct pool *pool, int64_t now)
{
  const struct job *first = TAILQ_FIRST(&pool->waiting);
  return first == NULL ? -1 : now - first->queued;
}

static void open_wanted(struct pool *pool, int64_t now)
{
  for (int i = 0; i < pool->reach; i++) {
    if (pool->slots[i].state != SLOT_CLOSED)
      continue;
    if (!may_attempt(pool, now) ||
        !policy_should_open(&pool->settings.policy, pool->slots, pool->reach, longest_waiting(pool, now)))
      return;
    place_open(&pool->places[i]);
  }
}

static bool send_to(struct pool *pool, int index, struct job *job)
{
  struct place *place = &pool->places[index];
  struct policy_slot *slot = &pool->slots[index];
  enum statement_kind kind = statement_rows[job->statement].kind;
  place->dirty = true;
  event_active(pool->round_end, EV_TIMEOUT, 0);
  if (!connection_send(place->connection, job)) {
    slot->state = SLOT_DRAINING; /* broken: the end of this round settles it */
    return false;
  }
  if (slot->in_flight++ == 0)
    slot->head_since = clock_steady();
  slot->writing = slot->writing || kind != READS;
  if (kind == APPENDS && !job->alone)
    pool->joinable = index;
  return true;
}

static void note_wait(struct pool *pool, const struct job *job)
{
  int64_t waited = clock_steady() - job->queued;
  if (waited > pool->numbers.longest_wait)
    pool->numbers.longest_wait = waited;
}

/* A job that was undone by another's failure is sent in a segment of its own. */
static int pick(const struct pool *pool, const struct job *job)
{
  enum statement_kind kind = statement_rows[job->statement].kind;
  if (job->alone)
    return policy_pick(pool->slots, pool->reach, WRITES, -1, clock_steady());
  return policy_pick(pool->slots, pool->reach, kind, pool->joinable, clock_steady());
}

static bool anyone_writes(const struct pool *pool)
{
  for (int i = 0; i < pool->reach; i++)
    if (pool->slots[i].writing)
      return true;
  return false;
}

/* Which kinds find no connection in this pass. A write that waits while only reads are under way makes later reads wait
 * too, or a steady stream of them would never let it in. */
static void block(const struct pool *pool, enum statement_kind kind, bool *blocked)
{
  blocked[kind] = true;
  if (kind != READS && !anyone_writes(pool))
    blocked[READS] = true;
}

static bool all_blocked(const struct pool *pool, const bool *blocked)
{
  for (int kind = READS; kind <= APPENDS; kind++)
    if (!blocked[kind] && pool->waiting_of[kind] > 0)
      return false;
  return true;
}

/* Sends what can be sent, in order; a job that finds no connection does not hold up those of another kind. */
void pool_dispatch(struct pool *pool)
{
  bool blocked[APPENDS + 1] = {false};
  struct job *next;
  for (struct job *job = TAILQ_FIRST(&pool->waiting); job != NULL && !all_blocked(pool, blocked); job = next) {
    next = TAILQ_NEXT(job, link);
    enum statement_kind kind = statement_rows[job->statement].kind;
    int index = blocked[kind] ? -1 : pick(pool, job);
    if (index < 0) {
      if (!blocked[kind])
        block(pool, kind, blocked);
      continue;
    }
    TAILQ_REMOVE(&pool->waiting, job, link);
    count_waiting(pool, job, -1);
    note_wait(pool, job);
    if (!send_to(pool, index, job))
      pool_enqueue_first(pool, job);
  }
  if (pool->waiting_count > 0)
    open_wanted(pool, clock_steady());
}

/* What came together in this round of the loop goes out together: one sync, one write for each connection. */
static void on_round_end(evutil_socket_t fd, short what, void *argument)
{
  struct pool *pool = argument;
  (void)fd;
  (void)what;
  pool->joinable = -1;
  for (int i = 0; i < pool->reach; i++) {
    struct place *place = &pool->places[i];
    if (!place->dirty)
      continue;
    place->dirty = false;
    (void)connection_sync(place->connection);
    place_settle(place);
  }
  pool_dispatch(pool);
}

static void expire_waiting(struct pool *pool, int64_t now)
{
  struct job_list expired = TAILQ_HEAD_INITIALIZER(expired);
  struct job *next;
  for (struct job *job = TAILQ_FIRST(&pool->waiting); job != NULL; job = next) {
    next = TAILQ_NEXT(job, link);
    if (now < job->wait_until)
      continue;
    TAILQ_REMOVE(&pool->waiting, job, link);
    count_waiting(pool, job, -1);
    TAILQ_INSERT_TAIL(&expired, job, link);
  }
  struct job *job;
  while ((job = TAILQ_FIRST(&expired)) != NULL) {
    TAILQ_REMOVE(&expired, job, link);
    pool_finish(job, LONTAR_BUSY, NULL);
  }
}

/* A session keeps the statement_timeout it was opened with, so a reload that changes it needs new sessions. */
static bool is_outdated(const struct place *place)
{
  return place->pool->slots[place->index].state == SLOT_READY &&
         place->statement_timeout != place->pool->settings.statement_timeout;
}

/* Time-outs, age and idleness of one place. */
static void inspect(struct place *place, int64_t now)
{
  struct pool *pool = place->pool;
  struct policy_slot *slot = &pool->slots[place->index];
  if (slot->state == SLOT_CONNECTING && now - place->begun > pool->settings.connect_timeout) {
    place_lose(place, LONTAR_UNAVAILABLE, "connecting took too long");
  } else if (slot->in_flight > 0 && now - slot->head_since > place->statement_timeout + GRACE) {
    place_lose(place, LONTAR_DEADLINE, "the server does not answer");
  } else if (is_outdated(place) ||
             policy_should_drain(&pool->settings.policy, pool->slots, pool->reach, place->index, now)) {
    slot->state = SLOT_DRAINING;
    place_settle(place);
  }
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
  struct pool *pool = argument;
  int64_t now = clock_steady();
  (void)fd;
  (void)what;
  for (int i = 0; i < pool->reach; i++)
    if (pool->places[i].connection != NULL)
      inspect(&pool->places[i], now);
  expire_waiting(pool, now);
  open_wanted(pool, now);
  pool_dispatch(pool);
}

static void set_settings(struct pool *pool, const struct pool_settings *settings)
{
  pool->settings = *settings;
  if (pool->settings.policy.size + pool->settings.policy.max_overflow > pool->capacity)
    pool->settings.policy.max_overflow = pool->capacity - pool->settings.policy.size;
  if (pool->settings.policy.max_overflow < 0) {
    pool->settings.policy.max_overflow = 0;
    pool->settings.policy.size = pool->capacity;
  }
  int wanted = pool->settings.policy.size + pool->settings.policy.max_overflow;
  if (wanted > pool->reach)
    pool->reach = wanted;
}

static bool make_places(struct pool *pool)
{
  pool->places = calloc(POOL_CONNECTIONS_MAX, sizeof *pool->places);
  pool->slots = calloc(POOL_CONNECTIONS_MAX, sizeof *pool->slots);
  if (pool->places == NULL || pool->slots == NULL)
    return false;
  for (; pool->capacity < POOL_CONNECTIONS_MAX; pool->capacity++)
    if (!place_init(&pool->places[pool->capacity], pool, pool->capacity))
      return false;
  return true;
}

static bool make_events(struct pool *pool)
{
  const struct timeval tick = {0, TICK};
  pool->tick = event_new(pool->base, -1, EV_PERSIST, on_tick, pool);
  pool->round_end = event_new(pool->base, -1, 0, on_round_end, pool);
  return pool->tick != NULL && pool->round_end != NULL && event_add(pool->tick, &tick) == 0;
}

struct pool *pool_new(struct event_base *base, const char *url, const char *application_name,
                      const struct pool_settings *settings)
{
  struct pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL)
    return NULL;
  TAILQ_INIT(&pool->waiting);
  pool->base = base;
  pool->joinable = -1;
  pool->url = strdup(url);
  pool->application_name = strdup(application_name);
  if (pool->url == NULL || pool->application_name == NULL || !make_places(pool) || !make_events(pool)) {
    pool_free(pool);
    return NULL;
  }
  set_settings(pool, settings);
  open_wanted(pool, clock_steady());
  return pool;
}

void pool_free(struct pool *pool)
{
  if (pool == NULL)
    return;
  for (int i = 0; i < pool->capacity; i++) {
    connection_free(pool->places[i].connection);
    event_free(pool->places[i].event);
  }
  if (pool->tick != NULL)
    event_free(pool->tick);
  if (pool->round_end != NULL)
    event_free(pool->round_end);
  free(pool->places);
  free(pool->slots);
  free(pool->url);
  free(pool->application_name);
  free(pool);
}

void pool_submit(struct pool *pool, struct job *job)
{
  if (pool->numbers.down) {
    pool_finish(job, LONTAR_UNAVAILABLE, NULL);
    return;
  }
  if (pool->waiting_count >= pool->settings.max_waiting && pool->settings.max_waiting > 0) {
    pool_finish(job, LONTAR_BUSY, NULL);
    return;
  }
  job->queued = clock_steady();
  TAILQ_INSERT_TAIL(&pool->waiting, job, link);
  count_waiting(pool, job, 1);
  pool_dispatch(pool);
}

bool pool_cancel(struct pool *pool, struct job *job)
{
  struct job *it;
  TAILQ_FOREACH(it, &pool->waiting, link)
  {
    if (it != job)
      continue;
    TAILQ_REMOVE(&pool->waiting, job, link);
    count_waiting(pool, job, -1);
    return true;
  }
  return false;
}

void pool_configure(struct pool *pool, const struct pool_settings *settings)
{
  set_settings(pool, settings);
  int open = 0;
  for (int i = 0; i < pool->reach; i++) {
    if (pool->slots[i].state == SLOT_CLOSED || ++open <= pool->settings.policy.size)
      continue;
    if (pool->slots[i].state == SLOT_READY)
      pool->slots[i].state = SLOT_DRAINING;
  }
  for (int i = 0; i < pool->reach; i++)
    if (pool->places[i].connection != NULL)
      place_settle(&pool->places[i]);
}

void pool_numbers(const struct pool *pool, struct pool_numbers *ret_numbers)
{
  *ret_numbers = pool->numbers;
  ret_numbers->waiting = pool->waiting_count;
  for (int i = 0; i < pool->reach; i++) {
    const struct policy_slot *slot = &pool->slots[i];
    if (slot->state != SLOT_READY && slot->state != SLOT_DRAINING)
      continue;
    ret_numbers->open++;
    ret_numbers->busy += slot->in_flight > 0;
  }
  ret_numbers->idle = ret_numbers->open - ret_numbers->busy;
  int overflow = ret_numbers->open - pool->settings.policy.size;
  ret_numbers->overflow = overflow > 0 ? overflow : 0;
}

int pool_retry_after(const struct pool *pool)
{
  int64_t left = pool->next_attempt - clock_steady();
  return left <= CLOCK_SECOND ? 1 : (int)((left + CLOCK_SECOND - 1) / CLOCK_SECOND);
}
