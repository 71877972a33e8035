/* Looking after what runs on a place, some times a second. */
#include <stdlib.h>

#include "base/clock.h"
#include "pool/choice.h"
#include "pool/slice.h"

/* A statement that nobody wants is cancelled after so long (microseconds); most end before. */
enum { CANCEL_AFTER = 100000 };

/* A cheap read whose connection has been silent for so long (microseconds) goes to an idle one: it only reads, and a
 * lock it would have been told of before. */
enum { ELSEWHERE_AFTER = 400000 };

static void cancelled(struct job *job, enum lontar_error error, const PGresult *result)
{
  struct place *place = job->owner;
  (void)error;
  (void)result;
  place->cancelling = false;
  place_unbar(place);
}

/* Over another connection, because libpq can only block while it cancels. */
static void cancel(struct place *place, int64_t now)
{
  struct values values = {0};
  place->cancelling = true;
  place_slot(place)->barred = true;
  place->cancel = (struct job){
      .first.statement = STATEMENT_server_cancel,
      .owner = place,
      .done = cancelled,
      .retried = true,
      .waiter = {.wait_until = now + CLOCK_SECOND},
  };
  value_set_integer(&values.of[FIELD_backend], connection_backend(place->connection));
  statement_bind(STATEMENT_server_cancel, &values, &place->cancel.first.parameters);
  (void)slice_ask(place->pool, &place->cancel);
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

/* ---- Elsewhere ---- */

static void forgotten(struct job *job, enum lontar_error error, const PGresult *result)
{
  (void)error;
  (void)result;
  free(job);
}

/* Its answer is nobody's any more, so it counts as unwanted. False when there is no memory. */
static bool take_out(struct place *place, struct job *job)
{
  struct job *shade = malloc(sizeof *shade);
  if (shade == NULL)
    return false;
  connection_replace(place->connection, job, shade);
  shade->unwanted = true;
  shade->done = forgotten;
  shade->held = NULL;
  return true;
}

static void send_elsewhere(struct place *place)
{
  struct job *next;
  for (struct job *job = connection_oldest(place->connection); job != NULL; job = next) {
    next = TAILQ_NEXT(job, link);
    if (job->retried || job->unwanted || job->waiter.kind != READS || job->other_count > 0 || !take_out(place, job))
      continue;
    job->retried = true;
    job->waiter.alone = true;
    slice_return(place->pool, job);
  }
}

static bool is_stuck(const struct place *place, int64_t now)
{
  const struct policy *policy = &place->pool->policy;
  const struct policy_slot *slot = &policy->slots[place->index];
  return !slot->writing && slot->dear == 0 && now - slot->heard > ELSEWHERE_AFTER && choice_has_idle(policy, now);
}

void place_forget(struct place *place)
{
  struct job_list left = TAILQ_HEAD_INITIALIZER(left);
  struct job *job;
  if (place->connection != NULL)
    connection_take_jobs(place->connection, &left);
  while ((job = TAILQ_FIRST(&left)) != NULL) {
    TAILQ_REMOVE(&left, job, link);
    if (job->done == forgotten)
      free(job);
  }
}

/* ---- All ---- */

void place_inspect(struct place *place, int64_t now)
{
  if (place->pool == NULL) /* nothing was ever opened here */
    return;
  if (place_slot(place)->state == SLOT_LEAVING)
    place_inspect_leaving(place, now);
  struct job *job = place->connection != NULL ? connection_oldest(place->connection) : NULL;
  if (job == NULL)
    return;
  tell_held(place, job, now);
  bool running = now - place_slot(place)->head_since > CANCEL_AFTER;
  bool can_cancel = connection_backend(place->connection) != 0;
  if (can_cancel && job->unwanted && running && !place->cancelling && job_reads(job))
    cancel(place, now);
  if (is_stuck(place, now))
    send_elsewhere(place);
}
