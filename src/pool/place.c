/* One connection in the loop: opened, watched, settled after each step, lost. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "log/log.h"
#include "pool/reason.h"
#include "pool/slice.h"
#include "pool/verdict.h"

/* Bytes of libpq's grown buffers that a slice keeps; a buffer may have twice the size of what was in it. */
enum { BUFFERS_MAX = 4 << 20 };

static void on_ready(evutil_socket_t fd, short what, void *argument);

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

/* Whether a job whose connection died may be sent again: a read, and only once where it may be what kills the server;
 * `blameless` connections ended on an administrator's command. */
static bool may_return(const struct job *job, enum lontar_error error, int64_t limit, bool blameless)
{
  if (!job_reads(job) || job->retried || job->unwanted)
    return false;
  return blameless || error != LONTAR_DEADLINE || clock_steady() - job->sent < limit;
}

/* A write may have happened: the answer is 504, not a 503 that invites to repeat it. */
static void lose_job(struct pool *pool, struct job *job, enum lontar_error error, int64_t limit, bool blameless)
{
  if (may_return(job, error, limit, blameless)) {
    job->retried = !blameless;
    slice_return(pool, job);
  } else {
    slice_finish(pool, job, job_reads(job) ? error : LONTAR_DEADLINE, NULL);
  }
}

/* All connections are often ended at once, and those that get a job in that moment die without a word. Of those that
 * were connecting one is pardoned, lest a server that shuts down be stormed. */
static bool belongs_to_dismissal(struct place *place)
{
  struct pool *pool = place->pool;
  int64_t now = clock_steady();
  if (connection_dismissal(place->connection) != SQLSTATE_GOOD)
    pool->dismissed = now;
  bool recent = pool->dismissed != 0 && now - pool->dismissed < CLOCK_SECOND;
  if (place_slot(place)->state != SLOT_CONNECTING)
    return recent;
  return recent && pool->pardons++ == 0;
}

/* A slice without a connection tells by itself that the database is away; one that merely cannot open another says so
 * now and then. */
static void tell_unopened(struct pool *pool)
{
  int64_t now = clock_steady();
  if (pool->policy.open <= 1 || (pool->told_unopened != 0 && now - pool->told_unopened < SLICE_TELL_AGAIN_AFTER))
    return;
  pool->told_unopened = now;
  log_line(LOG_LEVEL_WARNING, "cannot open another connection: %s", pool->loss);
}

/* Whether the server has answered on another connection while this one was silent. */
static bool hears_elsewhere(const struct pool *pool)
{
  const int64_t now = clock_steady();
  for (int i = 0; i < pool->policy.reach; i++)
    if (pool->policy.slots[i].state == SLOT_READY && now - pool->policy.slots[i].heard < CLOCK_SECOND)
      return true;
  return false;
}

/* What the server said no to every session with, every request would meet. */
static void note_refusal(struct place *place)
{
  const char *sqlstate = connection_refusal(place->connection);
  const enum trouble trouble = *sqlstate != '\0' ? trouble_of(LONTAR_INTERNAL, sqlstate, true) : TROUBLE_NONE;
  if (trouble_is_the_probers(trouble))
    slice_meet(place->pool, STATEMENT_none, trouble);
}

/* Leaves the connection; its jobs are queued once more, or fail. */
static void give_up(struct place *place, enum lontar_error error, enum policy_reason reason, bool idled)
{
  struct pool *pool = place->pool;
  struct job_list lost = TAILQ_HEAD_INITIALIZER(lost);
  const bool was_open = place_slot(place)->state != SLOT_CONNECTING;
  const int64_t limit = pool->policy.settings.statement_timeout;
  struct job *job;
  connection_take_jobs(place->connection, &lost);
  *(was_open ? &pool->numbers.closed[reason] : &pool->numbers.failed) += 1;
  place_leave(place, reason);
  if (reason == POLICY_HUNG)
    place_inspect_leaving(place, clock_steady()); /* before the prober is told to look */
  while ((job = TAILQ_LAST(&lost, job_list)) != NULL) {
    TAILQ_REMOVE(&lost, job, link);
    if (idled && job != &place->check && !job->heard_of && ++job->renewals <= RENEWALS)
      slice_return(pool, job);
    else
      lose_job(pool, job, error, limit, reason == POLICY_DISMISSED);
  }
}

void place_lose(struct place *place, enum lontar_error error, enum policy_reason reason, const char *message)
{
  struct pool *pool = place->pool;
  bool was_open = place_slot(place)->state != SLOT_CONNECTING;
  bool blameless = belongs_to_dismissal(place);
  bool idled = connection_dismissal(place->connection) == SQLSTATE_ENDED;
  snprintf(pool->loss, sizeof pool->loss, "%s", message);
  note_refusal(place);
  if (idled)
    log_line(LOG_LEVEL_INFO, "the server ended an idle connection (idle_session_timeout); it is replaced");
  else if (was_open)
    log_line(LOG_LEVEL_WARNING, "lost a connection: %s", pool->loss);
  else
    tell_unopened(pool);
  if (blameless)
    reason = POLICY_DISMISSED;
  give_up(place, error, reason, idled);
  if (!idled && !(reason == POLICY_HUNG && hears_elsewhere(pool))) /* the server ended nothing but this session */
    pool->owner.suspect(pool->owner.owner);
}

void place_forsake(struct place *place)
{
  if (place_slot(place)->state != SLOT_LEAVING)
    give_up(place, LONTAR_UNAVAILABLE, POLICY_DISMISSED, false);
  if (place_slot(place)->state == SLOT_LEAVING)
    place_end_leaving(place);
}

void place_late(struct place *place)
{
  struct pool *pool = place->pool;
  pool->numbers.failed++;
  snprintf(pool->loss, sizeof pool->loss, "connecting takes too long");
  tell_unopened(pool);
  pool->owner.suspect(pool->owner.owner);
}

static void note_ready(struct place *place)
{
  struct pool *pool = place->pool;
  policy_opened(&pool->policy, place->index, clock_steady(), random_bits());
  pool->numbers.opened++;
  pool->pardons = 0;
  troubles_pass(&pool->troubles, STATEMENT_none, clock_steady());
}

/* libpq never makes its buffers smaller: connections that had very much in them are replaced when they are idle, beyond
 * a sum over all of them. */
static bool takes_too_much(const struct place *place)
{
  const struct pool *pool = place->pool;
  size_t sum = 0;
  if (connection_bulk(place->connection) == 0)
    return false;
  for (int i = 0; i < pool->policy.reach; i++)
    if (pool->places[i].connection != NULL)
      sum += connection_bulk(pool->places[i].connection);
  return sum > BUFFERS_MAX;
}

/* After any call that may have changed the connection: takes note of ready, broken or drained, and watches it anew. */
static void settle(struct place *place)
{
  struct policy_slot *slot = place_slot(place);
  switch (connection_state(place->connection)) {
  case CONNECTION_BROKEN:
    place_lose(place, connection_error(place->connection), POLICY_LOST, connection_message(place->connection));
    return;
  case CONNECTION_READY:
    if (slot->state == SLOT_CONNECTING)
      note_ready(place);
    else if (slot->state == SLOT_READY && slot->in_flight == 0 && takes_too_much(place))
      policy_retire(&place->pool->policy, place->index, POLICY_RECYCLED);
    break;
  case CONNECTION_OPENING:
    break;
  }
  if (slot->state == SLOT_DRAINING && slot->in_flight == 0)
    place_close(place, slot->reason);
  else
    watch(place);
}

static void on_moved(void *argument)
{
  struct place *place = argument;
  struct pool *pool = place->pool;
  settle(place);
  pool->dispatch(pool);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
  struct place *place = argument;
  (void)fd;
  place->heard = place->heard || (what & EV_READ) != 0;
  (void)connection_step(place->connection);
  on_moved(place);
}

/* A broken connection takes nothing more; the end of this round settles it. */
void place_send(struct place *place, struct job *job)
{
  struct pool *pool = place->pool;
  place->dirty = true;
  job->sent = clock_steady();
  if (job->first_sent == 0)
    job->first_sent = job->sent;
  if (connection_send(place->connection, job))
    return;
  policy_retire(&pool->policy, place->index, POLICY_LOST);
  slice_return(pool, job);
}

void place_sync(struct place *place)
{
  place->dirty = false;
  (void)connection_sync(place->connection);
  settle(place);
}

static void checked(struct job *job, enum lontar_error error, const PGresult *result)
{
  (void)job;
  (void)error;
  (void)result;
}

void place_check(struct place *place)
{
  static const struct values none;
  place->check = (struct job){.first.statement = STATEMENT_server_check, .done = checked, .retried = true};
  statement_bind(STATEMENT_server_check, &none, &place->check.first.parameters);
  place->check.sent = clock_steady();
  place->dirty = true;
  if (!connection_send(place->connection, &place->check))
    policy_retire(&place->pool->policy, place->index, POLICY_LOST);
}

void place_open(struct pool *pool, int index)
{
  struct place *place = &pool->places[index];
  place->pool = pool;
  place->index = index;
  place->watched = -1;
  place->left_note = -1;
  const struct connection_settings settings = {
      .dialer = pool->dialer,
      .application_name = pool->application_name,
      .connect_timeout = pool->policy.settings.connect_timeout,
      .statement_timeout = pool->policy.settings.statement_timeout,
      .prepared_statements = pool->prepared_statements,
  };
  const struct connection_owner owner = {place_job_done, on_moved, place};
  if (place->event == NULL)
    place->event = event_new(pool->base, -1, 0, on_ready, place);
  place->connection = place->event != NULL ? connection_open(&settings, &owner) : NULL;
  if (place->connection != NULL)
    settle(place);
  else
    place_vacate(place, POLICY_LOST);
}

void place_clear(struct place *place)
{
  place_forget(place);
  connection_free(place->connection);
  if (place->event == NULL)
    return;
  if (place_slot(place)->state == SLOT_LEAVING && place->watched >= 0)
    (void)close(place->watched);
  event_free(place->event);
}
