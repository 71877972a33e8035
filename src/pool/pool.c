/* A worker's slice of connections: who waits, what is sent where, what is opened, replaced and given up. */
#include "pool/pool.h"

#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <sys/random.h>

#include "base/clock.h"
#include "log/log.h"

enum {
  TICK_MILLISECONDS = 20,
  CONFLICT_RETRIES = 3,
  GRACE = 500000, /* microseconds beyond PostgreSQL's own statement_timeout before a socket is abandoned */
};

/* A place for a connection; its policy_slot lies at the same index of pool.slots. */
struct place {
  struct pool *pool;
  int index;
  struct connection *connection;
  struct event *event;
  evutil_socket_t watched;
  short watched_for;
  bool dirty;         /* has an open segment, to be synced at the end of this round of the loop */
  int64_t begun;      /* when it began to connect */
  int64_t head_since; /* since when the server works on the oldest job */
};

struct pool {
  struct event_base *base;
  char *url;
  char *application_name;
  struct pool_settings settings;
  int capacity;
  struct place *places;
  struct policy_slot *slots;
  struct job_list waiting;
  int waiting_count;
  struct event *tick;
  struct event *round_end; /* made active by the first send of a round of the loop */
  int joinable;            /* the place whose open segment takes more appends, -1 for none */
  int failures;            /* attempts to connect that failed in a row */
  int64_t next_attempt;
  struct pool_numbers numbers;
};

static void dispatch(struct pool *pool);
static void on_ready(evutil_socket_t fd, short what, void *argument);

static uint32_t random_bits(void)
{
  uint32_t bits = 0;
  (void)getrandom(&bits, sizeof bits, GRND_NONBLOCK);
  return bits;
}

static void finish(struct job *job, enum lontar_error error, const PGresult *result)
{
  job->done(job, error, result);
}

static void fail_waiting(struct pool *pool, enum lontar_error error)
{
  struct job_list failed = TAILQ_HEAD_INITIALIZER(failed);
  struct job *job;
  TAILQ_CONCAT(&failed, &pool->waiting, link);
  pool->waiting_count = 0;
  while ((job = TAILQ_FIRST(&failed)) != NULL) {
    TAILQ_REMOVE(&failed, job, link);
    finish(job, error, NULL);
  }
}

static void enqueue_first(struct pool *pool, struct job *job)
{
  TAILQ_INSERT_HEAD(&pool->waiting, job, link);
  pool->waiting_count++;
}

/* libevent must learn of every change of descriptor or direction; libpq may swap the socket while it connects. */
static void watch(struct place *place)
{
  evutil_socket_t fd = connection_fd(place->connection);
  int wants = connection_wants(place->connection);
  short what = (short)(EV_PERSIST | (wants & CONNECTION_READ ? EV_READ : 0) | (wants & CONNECTION_WRITE ? EV_WRITE : 0));
  if (fd == place->watched && what == place->watched_for)
    return;
  (void)event_del(place->event);
  (void)event_assign(place->event, place->pool->base, fd, what, on_ready, place);
  (void)event_add(place->event, NULL);
  place->watched = fd;
  place->watched_for = what;
}

static void close_place(struct place *place)
{
  struct pool *pool = place->pool;
  (void)event_del(place->event);
  connection_free(place->connection);
  place->connection = NULL;
  place->watched = -1;
  place->dirty = false;
  if (pool->joinable == place->index)
    pool->joinable = -1;
  pool->slots[place->index] = (struct policy_slot){.state = SLOT_CLOSED};
  pool->numbers.closed++;
}

static bool any_ready(const struct pool *pool)
{
  for (int i = 0; i < pool->capacity; i++)
    if (pool->slots[i].state == SLOT_READY || pool->slots[i].state == SLOT_DRAINING)
      return true;
  return false;
}

static void mark_down(struct pool *pool, const char *why)
{
  if (!pool->numbers.down) {
    log_line(LOG_LEVEL_ERROR, "database is unavailable: %s; requests get 503 until it is back", why);
    pool->numbers.down = true;
    pool->numbers.state_since = clock_wall();
  }
  fail_waiting(pool, LONTAR_UNAVAILABLE);
}

static void mark_up(struct pool *pool)
{
  pool->failures = 0;
  if (pool->numbers.down || pool->numbers.state_since == 0) {
    log_line(LOG_LEVEL_INFO, "database is available");
    pool->numbers.down = false;
    pool->numbers.state_since = clock_wall();
  }
}

/* A job whose connection died. A read is sent once more; a write may have happened, so it is not. */
static void give_back_lost(struct pool *pool, struct job *job, enum lontar_error error)
{
  bool read = statement_rows[job->statement].kind == READS;
  if (read && !job->retried && error != LONTAR_DEADLINE) {
    job->retried = true;
    enqueue_first(pool, job);
    return;
  }
  finish(job, error, NULL);
}

static void lose_jobs(struct pool *pool, struct job_list *lost, enum lontar_error error)
{
  struct job *job;
  while ((job = TAILQ_LAST(lost, job_list)) != NULL) {
    TAILQ_REMOVE(lost, job, link);
    give_back_lost(pool, job, error);
  }
}

static void failed_to_open(struct pool *pool, const char *message)
{
  pool->failures++;
  pool->numbers.failed++;
  pool->next_attempt = clock_steady() + policy_back_off(pool->failures, random_bits());
  if (!any_ready(pool))
    mark_down(pool, message);
}

/* The connection is of no use any more: take what it owes, close it, and tell the state of things. */
static void lose_place(struct place *place, enum lontar_error error, const char *message)
{
  struct pool *pool = place->pool;
  bool was_opening = pool->slots[place->index].state == SLOT_CONNECTING;
  struct job_list lost = TAILQ_HEAD_INITIALIZER(lost);
  char text[256];
  (void)strncpy_bounded(text, message, sizeof text);
  connection_take_jobs(place->connection, &lost);
  close_place(place);
  if (was_opening)
    failed_to_open(pool, text);
  else
    log_line(LOG_LEVEL_WARNING, "lost a connection: %s", text);
  lose_jobs(pool, &lost, error);
  if (pool->numbers.down)
    fail_waiting(pool, LONTAR_UNAVAILABLE);
}

static void note_ready(struct place *place)
{
  struct pool *pool = place->pool;
  int64_t now = clock_steady();
  pool->slots[place->index] = (struct policy_slot){
      .state = SLOT_READY,
      .opened = now,
      .idle_since = now,
      .recycle_at = policy_recycle_at(&pool->settings.policy, now, random_bits()),
  };
  pool->numbers.opened++;
  mark_up(pool);
}

/* After a step: the connection may have become ready, broken, or idle. */
static void settle(struct place *place)
{
  struct pool *pool = place->pool;
  struct policy_slot *slot = &pool->slots[place->index];
  switch (connection_state(place->connection)) {
  case CONNECTION_BROKEN:
    lose_place(place, connection_error(place->connection), connection_message(place->connection));
    return;
  case CONNECTION_READY:
    if (slot->state == SLOT_CONNECTING)
      note_ready(place);
    break;
  case CONNECTION_OPENING:
    break;
  }
  if (slot->state == SLOT_DRAINING && slot->in_flight == 0)
    close_place(place);
  else
    watch(place);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
  struct place *place = argument;
  (void)fd;
  (void)what;
  (void)connection_step(place->connection);
  settle(place);
  dispatch(place->pool);
}

/* A conflict is retried a few times. PostgreSQL rolled the statement back, so nothing happens twice. */
static bool retries_conflict(struct job *job, enum lontar_error error)
{
  return error == LONTAR_RETRY && ++job->conflicts <= CONFLICT_RETRIES;
}

static void on_job_done(void *argument, struct connection *connection, struct job *job, enum lontar_error error,
                        const PGresult *result, bool again)
{
  struct place *place = argument;
  struct pool *pool = place->pool;
  struct policy_slot *slot = &pool->slots[place->index];
  (void)connection;
  slot->in_flight--;
  place->head_since = clock_steady();
  if (slot->in_flight == 0) {
    slot->writing = false;
    slot->idle_since = place->head_since;
  }
  if (again || retries_conflict(job, error)) {
    job->alone = true;
    enqueue_first(pool, job);
    return;
  }
  finish(job, error, result);
}

static void open_place(struct place *place)
{
  struct pool *pool = place->pool;
  const struct connection_settings settings = {pool->url, pool->application_name, pool->settings.statement_timeout};
  const struct connection_owner owner = {on_job_done, place};
  place->connection = connection_open(&settings, &owner);
  if (place->connection == NULL)
    return;
  place->begun = clock_steady();
  pool->slots[place->index].state = SLOT_CONNECTING;
  settle(place);
}

/* One connection at a time while the database is away, so that a restarting server is not stormed. */
static bool may_attempt(const struct pool *pool, int64_t now)
{
  if (now < pool->next_attempt)
    return false;
  if (pool->failures == 0)
    return true;
  for (int i = 0; i < pool->capacity; i++)
    if (pool->slots[i].state == SLOT_CONNECTING)
      return false;
  return true;
}

static void open_wanted(struct pool *pool, int64_t now)
{
  for (int i = 0; i < pool->capacity; i++) {
    if (pool->slots[i].state != SLOT_CLOSED)
      continue;
    if (!may_attempt(pool, now) ||
        !policy_should_open(&pool->settings.policy, pool->slots, pool->capacity, pool->waiting_count))
      return;
    open_place(&pool->places[i]);
  }
}

static bool send_to(struct pool *pool, int index, struct job *job)
{
  struct place *place = &pool->places[index];
  struct policy_slot *slot = &pool->slots[index];
  enum statement_kind kind = statement_rows[job->statement].kind;
  int64_t now = clock_steady();
  if (!connection_send(place->connection, job))
    return false;
  job->sent = now;
  if (slot->in_flight++ == 0)
    place->head_since = now;
  slot->writing = slot->writing || kind != READS;
  place->dirty = true;
  if (kind == APPENDS && !job->alone)
    pool->joinable = index;
  return true;
}

static void note_wait(struct pool *pool, const struct job *job)
{
  int64_t waited = clock_steady() - job->sent;
  if (waited > pool->numbers.longest_wait)
    pool->numbers.longest_wait = waited;
}

/* A job that was undone by another's failure is sent in a segment of its own. */
static int pick(const struct pool *pool, const struct job *job)
{
  enum statement_kind kind = statement_rows[job->statement].kind;
  if (job->alone)
    return policy_pick(pool->slots, pool->capacity, WRITES, -1);
  return policy_pick(pool->slots, pool->capacity, kind, pool->joinable);
}

/* Sends what can be sent, in order; a job that finds no connection does not hold up those of the other kind. */
static void dispatch(struct pool *pool)
{
  bool blocked[APPENDS + 1] = {false};
  struct job *next;
  for (struct job *job = TAILQ_FIRST(&pool->waiting); job != NULL; job = next) {
    next = TAILQ_NEXT(job, link);
    enum statement_kind kind = statement_rows[job->statement].kind;
    int index = blocked[kind] ? -1 : pick(pool, job);
    if (index < 0) {
      blocked[kind] = true;
      if (blocked[READS] && blocked[WRITES] && blocked[APPENDS])
        break;
      continue;
    }
    TAILQ_REMOVE(&pool->waiting, job, link);
    pool->waiting_count--;
    note_wait(pool, job);
    if (!send_to(pool, index, job))
      enqueue_first(pool, job);
    else
      event_active(pool->round_end, EV_TIMEOUT, 0);
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
  for (int i = 0; i < pool->capacity; i++) {
    struct place *place = &pool->places[i];
    if (!place->dirty)
      continue;
    place->dirty = false;
    (void)connection_sync(place->connection);
    settle(place);
  }
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
    pool->waiting_count--;
    TAILQ_INSERT_TAIL(&expired, job, link);
  }
  struct job *job;
  while ((job = TAILQ_FIRST(&expired)) != NULL) {
    TAILQ_REMOVE(&expired, job, link);
    finish(job, LONTAR_BUSY, NULL);
  }
}

/* Time-outs, age and idleness of one place. */
static void inspect(struct place *place, int64_t now)
{
  struct pool *pool = place->pool;
  struct policy_slot *slot = &pool->slots[place->index];
  if (slot->state == SLOT_CONNECTING && now - place->begun > pool->settings.connect_timeout) {
    lose_place(place, LONTAR_UNAVAILABLE, "connecting took too long");
  } else if (slot->in_flight > 0 && now - place->head_since > pool->settings.statement_timeout + GRACE) {
    lose_place(place, LONTAR_DEADLINE, "the server does not answer");
  } else if (policy_should_drain(&pool->settings.policy, pool->slots, pool->capacity, place->index, now)) {
    slot->state = SLOT_DRAINING;
    settle(place);
  }
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
  struct pool *pool = argument;
  int64_t now = clock_steady();
  (void)fd;
  (void)what;
  for (int i = 0; i < pool->capacity; i++)
    if (pool->places[i].connection != NULL)
      inspect(&pool->places[i], now);
  expire_waiting(pool, now);
  open_wanted(pool, now);
  dispatch(pool);
}
