/* Drives an exchange's operation in the loop: one statement or hash at a time, then the answer. */
#include "handler/work.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "handler/answer.h"
#include "handler/own.h"
#include "handler/refuse.h"
#include "log/log.h"

/* ---- The end ---- */

/* One line for an answer that is an error; neither input nor SQL is in it. */
static void log_answer(const struct exchange *exchange, int64_t duration)
{
  if (exchange->error == LONTAR_OK)
    return;
  const char *reason = exchange->reason;
  const bool has_detail = exchange->error == LONTAR_MALFORMED && exchange->problems != NULL;
  log_line(error_log_level(exchange->error), "request=%s route=%s status=%d code=%s duration_ms=%lld%s%s%s%s%s",
           exchange->request->request_id, exchange->row->name, exchange->response.status,
           lontar_error_code(exchange->error), (long long)(duration / CLOCK_MILLISECOND), reason != NULL ? " " : "",
           reason != NULL ? reason : "", has_detail ? " detail=\"" : "", has_detail ? exchange->problems->detail : "",
           has_detail ? "\"" : "");
}

static void complete_response(struct exchange *exchange)
{
  struct response *response = &exchange->response;
  if (exchange->abandoned) {
    exchange_answer(exchange, STATUS_ABANDONED, NULL);
    return;
  }
  if (response->status == 0 || response->body.failed || response->headers.failed)
    refuse(exchange, LONTAR_INTERNAL);
  if (response->body.failed || response->headers.failed)
    exchange->handler->without_memory = clock_steady();
  if (response->body.failed)
    exchange_answer(exchange, lontar_error_http_status(LONTAR_INTERNAL), NULL);
  buffer_append_text(&response->headers, "Cache-Control: no-store\r\n");
}

static void respond(struct exchange *exchange)
{
  struct board_slot *slot = exchange->handler->slot;
  complete_response(exchange);
  int64_t duration = clock_steady() - exchange->request->arrived;
  log_answer(exchange, duration);
  board_request_count(slot, exchange->response.status, duration);
  exchange->request->exchange = NULL;
  front_respond(exchange->request, &exchange->response);
  exchange_free(exchange);
}

void work_enter(struct exchange *exchange)
{
  const char *id = exchange->request->request_id;
  board_request_enter(exchange->handler->slot, exchange->match.route, id, strlen(id));
}

void work_leave(struct exchange *exchange)
{
  struct board_slot *slot = exchange->handler->slot;
  if (--exchange->holds == 0)
    respond(exchange);
  board_request_leave(slot);
}

/* ---- Statements ---- */

/* A statement that runs for long keeps a connection from others: the log tells whose it is. */
static void job_held(struct job *job, int64_t age)
{
  struct exchange *exchange = job->owner;
  if (exchange->told_held)
    return;
  exchange->told_held = true;
  log_line(LOG_LEVEL_WARNING, "request=%s route=%s has held a database connection for %lld ms",
           exchange->request->request_id, exchange->row->name, (long long)(age / CLOCK_MILLISECOND));
}

/* Binds a statement to the values and sends it. The answer may come at once. */
static void send(struct exchange *exchange, struct job *job, enum statement statement,
                 void (*done)(struct job *, enum lontar_error, const PGresult *))
{
  *job = (struct job){
      .first.statement = statement,
      .owner = exchange,
      .done = done,
      .held = job_held,
      .waiter = {.wait_until = exchange->wait_until},
  };
  statement_bind(statement, &exchange->operation.values, &job->first.parameters);
  exchange->holds++;
  pool_submit(exchange->handler->pool, job);
}

static void lookup_done(struct job *job, enum lontar_error error, const PGresult *result)
{
  struct exchange *exchange = job->owner;
  work_enter(exchange);
  exchange->lookup_is_out = false;
  if (!exchange->abandoned) {
    exchange->lookup_result = result;
    exchange->lookup_step(exchange, error, result);
    exchange->lookup_result = NULL;
  }
  work_leave(exchange);
}

void work_look_up(struct exchange *exchange, exchange_lookup_step *step)
{
  value_set_text(&exchange->operation.values.of[FIELD_token_hash], exchange->bearer_hash,
                 strlen(exchange->bearer_hash));
  exchange->lookup_step = step;
  exchange->lookup_is_out = true;
  send(exchange, &exchange->lookup, STATEMENT_session_principal, lookup_done);
}

static void go_on(struct exchange *exchange, const PGresult *rows);

static void job_done(struct job *job, enum lontar_error error, const PGresult *rows)
{
  struct exchange *exchange = job->owner;
  struct operation *operation = &exchange->operation;
  work_enter(exchange);
  exchange->job_is_out = false;
  if (!exchange->abandoned && !exchange->refused) {
    operation_told_rows(operation, error, rows, clock_steady());
    if (error != LONTAR_OK && !operation->by_server)
      log_line(LOG_LEVEL_WARNING, "request=%s route=%s goes on although %s failed: %s", exchange->request->request_id,
               exchange->row->name, statement_rows[job->first.statement].name, lontar_error_code(error));
    if (operation->by_server)
      refuse_database(exchange, job->first.statement, error, rows);
    else
      go_on(exchange, rows);
  }
  work_leave(exchange);
}

/* ---- Passwords ---- */

static void hash_done(const struct hasher_result *result, void *data)
{
  struct exchange *exchange = data;
  work_enter(exchange);
  exchange->hashing = NULL;
  if (result->error == LONTAR_OK) {
    operation_told_hash(&exchange->operation, LONTAR_OK, result->verdict, result->hash);
    go_on(exchange, NULL);
  } else {
    refuse_memory(exchange);
  }
  work_leave(exchange);
}

static void hash(struct exchange *exchange)
{
  const struct operation *operation = &exchange->operation;
  const struct value *password = &operation->values.of[FIELD_password];
  const char *stored = operation->want == WANT_VERDICT ? operation->stored : NULL;
  struct hasher_job *job =
      hasher_job_new(operation->want == WANT_HASH ? HASHER_HASH : HASHER_VERIFY, password->text, password->length,
                     stored, stored != NULL ? strlen(stored) : 0, hash_done, exchange);
  if (job == NULL) {
    refuse_memory(exchange);
    return;
  }
  if (hasher_submit(exchange->handler->hasher, job) != LONTAR_OK) {
    hasher_job_free(job);
    exchange->handler->passwords_full = clock_steady();
    refuse_because(exchange, LONTAR_BUSY, "Too many passwords are waiting to be checked");
    return;
  }
  exchange->hashing = job;
  exchange->holds++;
}

/* ---- The operation ---- */

/* Not what a stranger could keep the database busy with: counts, and pages behind many others or of long texts. */
static bool is_cheap_read(const struct operation *operation)
{
  return operation->want == WANT_ROWS && statement_rows[operation->statement].kind <= DEAR &&
         operation->row->shape != SHAPE_COUNT && operation->values.of[FIELD_offset].integer == 0;
}

static void go_on(struct exchange *exchange, const PGresult *rows)
{
  const struct operation *operation = &exchange->operation;
  if (operation->want == WANT_NOTHING && answer(exchange, rows))
    return;
  if (exchange->lookup_is_out && !is_cheap_read(operation))
    return; /* work() goes on */
  exchange->job_is_out = operation->want == WANT_ROWS;
  if (exchange->job_is_out)
    send(exchange, &exchange->job, operation->statement, job_done);
  else
    hash(exchange);
}

void work(struct exchange *exchange)
{
  struct operation *operation = &exchange->operation;
  exchange_act *own = own_rows[exchange->match.route];
  if (own != NULL) {
    own(exchange);
    return;
  }
  operation->caller = exchange->principal.user_id;
  operation->caller_token = exchange->bearer_hash[0] != '\0' ? exchange->bearer_hash : NULL;
  operation->until = exchange->wait_until;
  if (!exchange->begun)
    operation_begin(operation);
  else if (operation->want == WANT_NOTHING || exchange->job_is_out)
    return;
  exchange->begun = true;
  go_on(exchange, NULL);
}

static void take_back(struct exchange *exchange, struct job *job, bool *is_out)
{
  if (!*is_out || !pool_cancel(exchange->handler->pool, job))
    return;
  *is_out = false;
  exchange->holds--;
}

void work_refuse(struct exchange *exchange, enum lontar_error error)
{
  exchange->refused = true;
  take_back(exchange, &exchange->job, &exchange->job_is_out);
  refuse(exchange, error);
}

void work_abandon(struct exchange *exchange)
{
  exchange->abandoned = true;
  take_back(exchange, &exchange->job, &exchange->job_is_out);
  take_back(exchange, &exchange->lookup, &exchange->lookup_is_out);
  if (exchange->hashing == NULL)
    return;
  hasher_cancel(exchange->hashing);
  exchange->hashing = NULL;
  exchange->holds--;
}
