/* What becomes of a job that its connection has done with: its answer, or another try. */
#include "base/clock.h"
#include "base/random.h"
#include "log/log.h"
#include "pool/reason.h"
#include "pool/rules.h"
#include "pool/session.h"
#include "pool/slice.h"
#include "pool/verdict.h"

/* The pause before a lock is asked for again grows up to this number of times. */
enum { LOCKS_COUNTED = 8 };

/* Who has waited for a lock for so long tells of it, and the prober is asked again because of troubles after so long
 * (microseconds). */
enum { LOCK_TOLD_AFTER = 1000000, DOUBT_PAUSE = 1000000 };

/* A lock is remembered for longer than it is waited for (microseconds). */
enum { LOCK_REMEMBERED = 1000000 };

/* Only a table's lock holds up reads, and it holds up all of the statement. */
static bool knows_lock(const struct pool *pool, struct job *job, int64_t now)
{
  for (int i = 0; i < job_count(job); i++) {
    const int64_t locked = pool->locked[job_part(job, i)->statement];
    if (locked != 0 && now - locked < LOCK_REMEMBERED)
      return true;
  }
  return false;
}

bool slice_ask(struct pool *pool, struct job *job)
{
  const int64_t now = clock_steady();
  job->waiter.kind = job_kind(job);
  job->waiter.locked = knows_lock(pool, job, now);
  const enum lontar_error error = policy_ask(&pool->policy, &job->waiter, now);
  if (error != LONTAR_OK)
    slice_finish(pool, job, error, NULL);
  return error == LONTAR_OK;
}

void slice_return(struct pool *pool, struct job *job)
{
  const int64_t now = clock_steady();
  job->waiter.locked = job->waiter.locked || knows_lock(pool, job, now);
  policy_ask_again(&pool->policy, &job->waiter, now);
}

/* A conflict is retried a few times. PostgreSQL rolled the statement back, so nothing happens twice. */
static bool retries_conflict(struct job *job, enum lontar_error error)
{
  return error == LONTAR_RETRY && ++job->conflicts <= RULES_CONFLICT_RETRIES;
}

/* Whoever waits for a lock gives the connection back soon, for those who do not (session.h), and asks again until the
 * time that a statement may take is over. */
static bool asks_for_lock_again(const struct place *place, struct job *job, enum lontar_error error,
                                const PGresult *result, int64_t now)
{
  const char *sqlstate = error != LONTAR_OK && result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  const int64_t until = job->first_sent + place->pool->policy.settings.statement_timeout;
  if (sqlstate == NULL || sqlstate_find(sqlstate)->session != SQLSTATE_LOCKED || now >= until)
    return false;
  const enum statement statement = job_statement(job);
  if (statement_reads(statement))
    place->pool->locked[statement] = now;
  if (now - job->first_sent >= LOCK_TOLD_AFTER && !job->unwanted)
    slice_meet(place->pool, statement, TROUBLE_LOCKS);
  job->locks += job->locks < LOCKS_COUNTED;
  job->waiter.locked = true;
  if (job->waiter.wait_until < until)
    job->waiter.wait_until = until;
  return true;
}

/* The cancel of a statement that nobody wants hit the one behind it. */
static bool was_cancelled_instead(const struct policy_slot *slot, const struct job *job, enum lontar_error error)
{
  return slot->barred && error == LONTAR_DEADLINE && !job->unwanted && job_reads(job);
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
  if (pool->told_renewal != 0 && now - pool->told_renewal < SLICE_TELL_AGAIN_AFTER)
    return;
  char reason[REASON_SIZE];
  pool->told_renewal = now;
  log_line(LOG_LEVEL_WARNING, "a session is not as lontard made it, so its connection is replaced: %s; %s",
           reason_write(reason, sizeof reason, result),
           connection_is_pooled(connection) ? SESSION_POOLER_REMEDY : "did somebody DISCARD or DEALLOCATE there?");
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
  if (session == SQLSTATE_STALE && job_part(job, job->told)->by_name)
    forget_statement(place->pool, job_statement(job));
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

/* A cancel may still do its work after it was asked for, so its connection takes nothing until what was in flight then
 * is answered. */
void place_unbar(struct place *place)
{
  struct policy_slot *slot = place_slot(place);
  if (!place->cancelling && slot->in_flight == 0)
    slot->barred = false;
}

void slice_meet(struct pool *pool, enum statement statement, enum trouble trouble)
{
  const int64_t now = clock_steady();
  const bool is_new = troubles_meet(&pool->troubles, statement, trouble, now);
  const bool doubt = trouble_is_the_probers(trouble) && now - pool->told_doubt >= DOUBT_PAUSE;
  if (doubt)
    pool->told_doubt = now;
  if (is_new || doubt)
    pool->owner.troubled(pool->owner.owner, doubt);
}

/* What nobody waited for was cancelled, and says nothing. */
static void note_end(struct pool *pool, struct job *job, enum lontar_error error, const PGresult *result)
{
  const char *sqlstate = error != LONTAR_OK && result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  const enum trouble trouble = trouble_of(error, sqlstate, sqlstate == NULL || verdict_is_direct(result));
  if (trouble != TROUBLE_NONE) {
    if (!job->unwanted)
      slice_meet(pool, job_statement(job), trouble);
    return;
  }
  for (int i = 0; i < job_count(job); i++) {
    const enum statement statement = job_part(job, i)->statement;
    troubles_pass(&pool->troubles, statement, clock_steady());
    if ((pool->troubles.elsewhere >> statement & 1) != 0)
      pool->owner.passed(pool->owner.owner, statement);
  }
}

void slice_finish(struct pool *pool, struct job *job, enum lontar_error error, const PGresult *result)
{
  if (error != LONTAR_OK || pool->troubles.count > 0 || pool->troubles.elsewhere != 0)
    note_end(pool, job, error, result);
  job->done(job, error, result);
}

/* Whether the job is queued once more, and so not done yet. */
static bool tries_again(struct place *place, const struct connection *connection, struct job *job,
                        enum lontar_error error, const PGresult *result, bool undone, int64_t now)
{
  struct pool *pool = place->pool;
  if (job->unwanted && job_reads(job)) /* a write that nobody waits for is still to be done */
    return false;
  job->waiter.alone = job->waiter.alone || undone;
  if (undone || was_misfit(place, connection, job, error, result)) {
    slice_return(pool, job);
    return true;
  }
  if (asks_for_lock_again(place, job, error, result, now)) {
    policy_ask_later(&pool->policy, &job->waiter, job->locks, now, random_bits());
    return true;
  }
  if (!retries_conflict(job, error))
    return false;
  job->waiter.alone = true;
  policy_ask_later(&pool->policy, &job->waiter, job->conflicts, now, random_bits());
  return true;
}

void place_job_done(void *argument, struct connection *connection, struct job *job, enum lontar_error error,
                    const PGresult *result, bool again)
{
  struct place *place = argument;
  struct pool *pool = place->pool;
  int64_t now = clock_steady();
  bool instead = was_cancelled_instead(place_slot(place), job, error);
  policy_answered(&pool->policy, place->index, job != &place->check ? &job->waiter : NULL, now);
  place_unbar(place);
  for (int i = 0; error == LONTAR_OK && !again && i < job_count(job); i++)
    pool->locked[job_part(job, i)->statement] = 0;
  if (is_demoted(error, result))
    policy_demoted(&pool->policy, now);
  if (!tries_again(place, connection, job, error, result, again || instead, now))
    slice_finish(pool, job, error, result);
}
