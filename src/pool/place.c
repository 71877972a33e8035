/* One connection in the loop: opened, watched, settled after each step, lost. */
#include <stdio.h>
#include <sys/random.h>

#include "base/clock.h"
#include "log/log.h"
#include "pool/slice.h"
#include "pool/sqlstate.h"

enum { CONFLICT_RETRIES = 3 };

static void on_ready(evutil_socket_t fd, short what, void *argument);

static uint32_t random_bits(void)
{
  uint32_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) < 0)
    return (uint32_t)clock_steady(); /* jitter needs no better */
  return bits;
}

/* libevent must learn of every change of descriptor or direction. While it connects, libpq may swap the socket for
 * another of the same number, which must be added anew. */
static void watch(struct place *place)
{
  evutil_socket_t fd = connection_fd(place->connection);
  int wants = connection_wants(place->connection);
  short what =
      (short)(EV_PERSIST | (wants & CONNECTION_READ ? EV_READ : 0) | (wants & CONNECTION_WRITE ? EV_WRITE : 0));
  bool opening = connection_state(place->connection) == CONNECTION_OPENING;
  if (!opening && fd == place->watched && what == place->watched_for)
    return;
  (void)event_del(place->event);
  (void)event_assign(place->event, place->pool->base, fd, what, on_ready, place);
  (void)event_add(place->event, NULL);
  place->watched = fd;
  place->watched_for = what;
}

static void place_close(struct place *place)
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
  for (int i = 0; i < pool->reach; i++)
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
  pool_fail_waiting(pool, LONTAR_UNAVAILABLE);
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

/* A job whose connection died. A write may have happened: it is not sent again, and the answer is 504, not a 503 that
 * invites to repeat it. A read is sent again, but only once where it may be what kills the server; `blameless`
 * connections ended on an administrator's command. */
static void give_back_lost(struct pool *pool, struct job *job, enum lontar_error error, bool blameless)
{
  bool read = statement_rows[job->statement].kind == READS;
  if (read && !job->retried && error != LONTAR_DEADLINE) {
    job->retried = !blameless;
    pool_enqueue_first(pool, job);
    return;
  }
  pool_finish(job, read ? error : LONTAR_DEADLINE, NULL);
}

static void lose_jobs(struct pool *pool, struct job_list *lost, enum lontar_error error, bool blameless)
{
  struct job *job;
  while ((job = TAILQ_LAST(lost, job_list)) != NULL) {
    TAILQ_REMOVE(lost, job, link);
    give_back_lost(pool, job, error, blameless);
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

/* All connections are often ended at once, and those that get a job in that moment die without a word. */
static bool belongs_to_dismissal(struct pool *pool, const struct connection *connection)
{
  int64_t now = clock_steady();
  if (connection_was_dismissed(connection))
    pool->dismissed = now;
  return pool->dismissed != 0 && now - pool->dismissed < CLOCK_SECOND;
}

/* The connection is of no use any more: take what it owes, close it, and tell the state of things. */
void place_lose(struct place *place, enum lontar_error error, const char *message)
{
  struct pool *pool = place->pool;
  bool was_opening = pool->slots[place->index].state == SLOT_CONNECTING;
  bool blameless = belongs_to_dismissal(pool, place->connection);
  struct job_list lost = TAILQ_HEAD_INITIALIZER(lost);
  char text[256];
  snprintf(text, sizeof text, "%s", message);
  connection_take_jobs(place->connection, &lost);
  place_close(place);
  if (was_opening)
    failed_to_open(pool, text);
  else
    log_line(LOG_LEVEL_WARNING, "lost a connection: %s", text);
  lose_jobs(pool, &lost, error, blameless);
  if (pool->numbers.down)
    pool_fail_waiting(pool, LONTAR_UNAVAILABLE);
}

static void note_ready(struct place *place)
{
  struct pool *pool = place->pool;
  int64_t now = clock_steady();
  pool->slots[place->index] = (struct policy_slot){
      .state = SLOT_READY,
      .idle_since = now,
      .recycle_at = policy_recycle_at(&pool->settings.policy, now, random_bits()),
  };
  pool->numbers.opened++;
  mark_up(pool);
}

/* After a step: the connection may have become ready, broken, or idle. */
void place_settle(struct place *place)
{
  struct pool *pool = place->pool;
  struct policy_slot *slot = &pool->slots[place->index];
  switch (connection_state(place->connection)) {
  case CONNECTION_BROKEN:
    place_lose(place, connection_error(place->connection), connection_message(place->connection));
    return;
  case CONNECTION_READY:
    if (slot->state == SLOT_CONNECTING)
      note_ready(place);
    break;
  case CONNECTION_OPENING:
    break;
  }
  if (slot->state == SLOT_DRAINING && slot->in_flight == 0)
    place_close(place);
  else
    watch(place);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
  struct place *place = argument;
  (void)fd;
  (void)what;
  (void)connection_step(place->connection);
  place_settle(place);
  pool_dispatch(place->pool);
}

/* A conflict is retried a few times. PostgreSQL rolled the statement back, so nothing happens twice. */
static bool retries_conflict(struct job *job, enum lontar_error error)
{
  return error == LONTAR_RETRY && ++job->conflicts <= CONFLICT_RETRIES;
}

/* The server lives on, but as a standby: only a new connection may find the primary. */
static bool is_demoted(enum lontar_error error, const PGresult *result)
{
  return error == LONTAR_UNAVAILABLE && sqlstate_server_gone(PQresultErrorField(result, PG_DIAG_SQLSTATE));
}

static void on_job_done(void *argument, struct connection *connection, struct job *job, enum lontar_error error,
                        const PGresult *result, bool again)
{
  struct place *place = argument;
  struct pool *pool = place->pool;
  struct policy_slot *slot = &pool->slots[place->index];
  (void)connection;
  slot->in_flight--;
  slot->head_since = clock_steady();
  if (slot->in_flight == 0) {
    slot->writing = false;
    slot->idle_since = slot->head_since;
  }
  if (slot->state == SLOT_READY && is_demoted(error, result))
    slot->state = SLOT_DRAINING;
  if (again || retries_conflict(job, error)) {
    job->alone = true;
    pool_enqueue_first(pool, job);
    return;
  }
  pool_finish(job, error, result);
}

bool place_init(struct place *place, struct pool *pool, int index)
{
  *place = (struct place){.pool = pool, .index = index, .watched = -1};
  place->event = event_new(pool->base, -1, 0, on_ready, place);
  return place->event != NULL;
}

void place_open(struct place *place)
{
  struct pool *pool = place->pool;
  const struct connection_settings settings = {pool->url, pool->application_name, pool->settings.statement_timeout};
  const struct connection_owner owner = {on_job_done, place};
  place->connection = connection_open(&settings, &owner);
  if (place->connection == NULL)
    return;
  place->begun = clock_steady();
  place->statement_timeout = settings.statement_timeout;
  pool->slots[place->index].state = SLOT_CONNECTING;
  place_settle(place);
}
