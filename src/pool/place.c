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

enum { CONFLICT_RETRIES = 3 };

/* How often a statement goes to another session because one did not fit. */
enum { RENEWALS = 4 };

/* Lines of the log that say the same follow each other by so much (microseconds). */
enum { TELL_AGAIN_AFTER = 10000000 };

/* A statement that nobody wants is cancelled after so long (microseconds); most end before. */
enum { CANCEL_AFTER = 100000 };

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

/* The place is free again. */
static void vacate(struct place *place, enum policy_reason reason)
{
  if (place->event != NULL)
    (void)event_del(place->event);
  place->connection = NULL;
  place->watched = -1;
  place->dirty = false;
  policy_closed(&place->pool->policy, place->index, reason, clock_steady(), random_bits());
}

static void end(struct place *place, enum policy_reason reason)
{
  struct pool_numbers *numbers = &place->pool->numbers;
  *(place_slot(place)->state == SLOT_CONNECTING ? &numbers->failed : &numbers->closed[reason]) += 1;
  connection_free(place->connection);
  vacate(place, reason);
}

static void on_left(evutil_socket_t fd, short what, void *argument)
{
  struct place *place = argument;
  char waste[256];
  ssize_t got = what & EV_TIMEOUT ? 0 : recv(fd, waste, sizeof waste, MSG_DONTWAIT);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
    return;
  (void)close(fd);
  vacate(place, place_slot(place)->reason);
  pool_dispatch(place->pool);
}

/* PostgreSQL has one connection more until its process has ended, so the place is not given to another before. */
void place_close(struct place *place, enum policy_reason reason)
{
  static const struct timeval limit = {.tv_sec = 1};
  struct pool *pool = place->pool;
  pool->numbers.closed[reason]++;
  (void)event_del(place->event);
  place->dirty = false;
  place->watched = connection_part(TAKE(place->connection));
  if (place->watched >= 0 &&
      event_assign(place->event, pool->base, place->watched, EV_READ | EV_PERSIST, on_left, place) == 0 &&
      event_add(place->event, &limit) == 0) {
    place_slot(place)->reason = reason;
    policy_leaving(&pool->policy, place->index);
    return;
  }
  if (place->watched >= 0)
    (void)close(place->watched);
  vacate(place, reason);
}

void place_clear(struct place *place)
{
  connection_free(place->connection);
  if (place->event == NULL)
    return;
  if (place_slot(place)->state == SLOT_LEAVING)
    (void)close(place->watched);
  event_free(place->event);
}

/* Whether a job whose connection died may be sent again: a read, and only once where it may be what kills the server;
 * `blameless` connections ended on an administrator's command. */
static bool may_return(const struct job *job, enum lontar_error error, int64_t limit, bool blameless)
{
  if (statement_rows[job->statement].kind != READS || job->retried || job->unwanted)
    return false;
  return blameless || error != LONTAR_DEADLINE || clock_steady() - job->sent < limit;
}

/* A write may have happened: the answer is 504, not a 503 that invites to repeat it. */
static void lose_job(struct pool *pool, struct job *job, enum lontar_error error, int64_t limit, bool blameless)
{
  bool read = statement_rows[job->statement].kind == READS;
  if (may_return(job, error, limit, blameless)) {
    job->retried = !blameless;
    pool_return(pool, job);
  } else {
    pool_finish(job, read ? error : LONTAR_DEADLINE, NULL);
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
  if (pool->policy.open <= 1 || (pool->told_unopened != 0 && now - pool->told_unopened < TELL_AGAIN_AFTER))
    return;
  pool->told_unopened = now;
  log_line(LOG_LEVEL_WARNING, "cannot open another connection: %s", pool->trouble);
}

void place_lose(struct place *place, enum lontar_error error, enum policy_reason reason, const char *message)
{
  struct pool *pool = place->pool;
  struct job_list lost = TAILQ_HEAD_INITIALIZER(lost);
  bool was_open = place_slot(place)->state != SLOT_CONNECTING;
  bool blameless = belongs_to_dismissal(place);
  bool idled = connection_dismissal(place->connection) == SQLSTATE_ENDED;
  int64_t limit = pool->policy.settings.statement_timeout;
  struct job *job;
  snprintf(pool->trouble, sizeof pool->trouble, "%s", message);
  if (idled)
    log_line(LOG_LEVEL_INFO, "the server ended an idle connection (idle_session_timeout); it is replaced");
  else if (was_open)
    log_line(LOG_LEVEL_WARNING, "lost a connection: %s", pool->trouble);
  else
    tell_unopened(pool);
  connection_take_jobs(place->connection, &lost);
  end(place, blameless ? POLICY_DISMISSED : reason);
  while ((job = TAILQ_LAST(&lost, job_list)) != NULL) {
    TAILQ_REMOVE(&lost, job, link);
    if (idled && job != &place->check && !job->heard_of && ++job->renewals <= RENEWALS)
      pool_return(pool, job);
    else
      lose_job(pool, job, error, limit, blameless);
  }
  if (!idled) /* the server ended nothing but this session */
    pool->owner.suspect(pool->owner.owner);
}

static void note_ready(struct place *place)
{
  struct pool *pool = place->pool;
  policy_opened(&pool->policy, place->index, clock_steady(), random_bits());
  pool->numbers.opened++;
  pool->pardons = 0;
}

void place_settle(struct place *place)
{
  struct policy_slot *slot = place_slot(place);
  switch (connection_state(place->connection)) {
  case CONNECTION_BROKEN:
    place_lose(place, connection_error(place->connection), POLICY_LOST, connection_message(place->connection));
    return;
  case CONNECTION_READY:
    if (slot->state == SLOT_CONNECTING)
      note_ready(place);
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
  place_settle(place);
  pool_dispatch(pool);
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
  struct place *place = argument;
  (void)fd;
  (void)what;
  (void)connection_step(place->connection);
  on_moved(place);
}

/* A broken connection takes nothing more; the end of this round settles it. */
void place_send(struct place *place, struct job *job)
{
  struct pool *pool = place->pool;
  place->dirty = true;
  if (connection_send(place->connection, job)) {
    job->sent = clock_steady();
    return;
  }
  policy_retire(&pool->policy, place->index, POLICY_LOST);
  pool_return(pool, job);
}

void place_sync(struct place *place)
{
  place->dirty = false;
  (void)connection_sync(place->connection);
  place_settle(place);
}

/* A conflict is retried a few times. PostgreSQL rolled the statement back, so nothing happens twice. */
static bool retries_conflict(struct job *job, enum lontar_error error)
{
  return error == LONTAR_RETRY && ++job->conflicts <= CONFLICT_RETRIES;
}

/* The cancel of a statement that nobody wants hit the one behind it. */
static bool was_cancelled_instead(const struct policy_slot *slot, const struct job *job, enum lontar_error error)
{
  return slot->barred && error == LONTAR_DEADLINE && !job->unwanted && statement_rows[job->statement].kind == READS;
}

/* The schema changed under a prepared statement. All connections have it, so all send it as text from now on, and are
 * replaced one by one. */
static void forget_statement(struct pool *pool, enum statement statement)
{
  int count = 0;
  for (int i = 0; i < pool->policy.reach; i++) {
    struct connection *connection = pool->places[i].connection;
    if (connection == NULL || connection_state(connection) != CONNECTION_READY ||
        !connection_forget(connection, statement))
      continue;
    policy_renew(&pool->policy, i, clock_steady());
    count++;
  }
  if (count > 0)
    log_line(LOG_LEVEL_INFO, "the schema changed under the prepared statement %s: replacing connections count=%d",
             statement_rows[statement].name, count);
}

/* Settings and statements of the session are gone, so nothing more is sent there. */
static void leave_session(struct place *place, const struct connection *connection, const PGresult *result)
{
  struct pool *pool = place->pool;
  int64_t now = clock_steady();
  policy_retire(&pool->policy, place->index, POLICY_RECYCLED);
  if (pool->told_renewal != 0 && now - pool->told_renewal < TELL_AGAIN_AFTER)
    return;
  char reason[REASON_SIZE];
  pool->told_renewal = now;
  log_line(LOG_LEVEL_WARNING, "a session is not as lontard made it, so its connection is replaced: %s; %s",
           reason_write(reason, sizeof reason, result),
           connection_is_pooled(connection) ? CONNECTION_POOLER_REMEDY : "did somebody DISCARD or DEALLOCATE there?");
}

/* Whether the statement was refused before it ran, because the session did not fit. Then it is sent again, a write too.
 * What comes out of a function was no refusal of ours. */
static bool was_misfit(struct place *place, const struct connection *connection, struct job *job,
                       enum lontar_error error, const PGresult *result)
{
  const char *sqlstate = error != LONTAR_OK && result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  if (sqlstate == NULL || !verdict_is_direct(result))
    return false;
  enum sqlstate_session session = sqlstate_find(sqlstate)->session;
  if (session == SQLSTATE_STALE && job->by_name)
    forget_statement(place->pool, job->statement);
  else if (session == SQLSTATE_RENEW)
    leave_session(place, connection, result);
  else
    return false;
  return job != &place->check && ++job->renewals <= RENEWALS;
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
  const struct job *next = connection_oldest(connection);
  int64_t now = clock_steady();
  bool instead = was_cancelled_instead(place_slot(place), job, error);
  policy_answered(&pool->policy, place->index, now, next != NULL ? next->sent : 0);
  if (is_demoted(error, result))
    policy_demoted(&pool->policy, now);
  if (again || instead) {
    job->waiter.alone = true;
    pool_return(pool, job);
  } else if (was_misfit(place, connection, job, error, result)) {
    pool_return(pool, job);
  } else if (retries_conflict(job, error)) {
    job->waiter.alone = true;
    policy_ask_later(&pool->policy, &job->waiter, job->conflicts, now, random_bits());
  } else {
    pool_finish(job, error, result);
  }
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
  place->check = (struct job){.statement = STATEMENT_server_check, .done = checked, .retried = true};
  statement_bind(STATEMENT_server_check, &none, &place->check.parameters);
  place->check.sent = clock_steady();
  place->dirty = true;
  if (!connection_send(place->connection, &place->check))
    policy_retire(&place->pool->policy, place->index, POLICY_LOST);
}

static void cancelled(struct job *job, enum lontar_error error, const PGresult *result)
{
  struct place *place = job->owner;
  (void)error;
  (void)result;
  place->cancelling = false;
  place_slot(place)->barred = false;
}

/* Over another connection, because libpq can only block while it cancels. Nothing else is sent here meanwhile, so that
 * it cannot hit what comes later. */
static void cancel(struct place *place, int64_t now)
{
  struct values values = {0};
  place->cancelling = true;
  place_slot(place)->barred = true;
  place->cancel = (struct job){
      .statement = STATEMENT_server_cancel,
      .owner = place,
      .done = cancelled,
      .retried = true,
      .waiter = {.wait_until = now + CLOCK_SECOND},
  };
  value_set_integer(&values.of[FIELD_backend], connection_backend(place->connection));
  statement_bind(STATEMENT_server_cancel, &values, &place->cancel.parameters);
  pool_submit(place->pool, &place->cancel);
}

/* PostgreSQL keeps answers back until the segment's end, so any of those in flight may be the one that takes so long.
 */
static void tell_held(const struct place *place, struct job *job, int64_t now)
{
  for (; job != NULL; job = TAILQ_NEXT(job, link)) {
    int64_t age = now - job->sent;
    if (job->held == NULL || job->told_held || age <= place->pool->held_limit)
      continue;
    job->told_held = true;
    job->held(job, age);
  }
}

void place_inspect(struct place *place, int64_t now)
{
  struct job *job = connection_oldest(place->connection);
  if (job == NULL)
    return;
  tell_held(place, job, now);
  bool running = now - place_slot(place)->head_since > CANCEL_AFTER;
  bool can_cancel = connection_backend(place->connection) != 0;
  if (can_cancel && job->unwanted && running && !place->cancelling && statement_rows[job->statement].kind == READS)
    cancel(place, now);
}

void place_open(struct pool *pool, int index)
{
  struct place *place = &pool->places[index];
  place->pool = pool;
  place->index = index;
  place->watched = -1;
  const struct connection_settings settings = {
      .dialer = pool->dialer,
      .application_name = pool->application_name,
      .connect_timeout = pool->policy.settings.connect_timeout,
      .statement_timeout = pool->policy.settings.statement_timeout,
      .prepared_statements = pool->prepared_statements,
  };
  const struct connection_owner owner = {on_job_done, on_moved, place};
  if (place->event == NULL)
    place->event = event_new(pool->base, -1, 0, on_ready, place);
  place->connection = place->event != NULL ? connection_open(&settings, &owner) : NULL;
  if (place->connection != NULL)
    place_settle(place);
  else
    end(place, POLICY_LOST);
}
