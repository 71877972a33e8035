/* The life of an exchange and its jobs. */
#include "handler/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "handler/answer.h"
#include "handler/refuse.h"
#include "log/log.h"

/* One record; the largest is a user's. */
enum { KEPT_MAX = 64 * 1024 };

struct exchange *exchange_new(struct handler *handler, struct front_request *request)
{
  struct exchange *exchange = calloc(1, sizeof *exchange + request->path_length + strlen(request->query));
  if (exchange == NULL)
    return NULL;
  exchange->handler = handler;
  exchange->request = request;
  exchange->row = &route_rows[ROUTE_none];
  exchange->wait_until = request->arrived + handler->config->pool_timeout;
  exchange->holds = 1;
  exchange->scratch_next = exchange->scratch;
  buffer_init(&exchange->kept, KEPT_MAX);
  response_init(&exchange->response);
  request->exchange = exchange;
  return exchange;
}

static void exchange_free(struct exchange *exchange)
{
  response_free(&exchange->response);
  buffer_free(&exchange->kept);
  body_free(&exchange->body);
  free(exchange->problems);
  free(exchange->reason);
  explicit_bzero(exchange->token, sizeof exchange->token);
  free(exchange);
}

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
    refuse_silently(exchange, STATUS_ABANDONED);
    return;
  }
  if (response->status == 0 || response->body.failed || response->headers.failed)
    refuse(exchange, LONTAR_INTERNAL);
  if (response->body.failed || response->headers.failed)
    exchange->handler->without_memory = clock_steady();
  if (response->body.failed)
    refuse_silently(exchange, lontar_error_http_status(LONTAR_INTERNAL));
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

void exchange_enter(struct exchange *exchange)
{
  const char *id = exchange->request->request_id;
  board_request_enter(exchange->handler->slot, exchange->match.route, id, strlen(id));
}

void exchange_leave(struct exchange *exchange)
{
  struct board_slot *slot = exchange->handler->slot;
  if (--exchange->holds == 0)
    respond(exchange);
  board_request_leave(slot);
}

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

static void go_on(struct exchange *exchange, enum lontar_error error)
{
  log_line(LOG_LEVEL_WARNING, "request=%s route=%s goes on although %s failed: %s", exchange->request->request_id,
           exchange->row->name, statement_rows[exchange->operation.first.statement].name, lontar_error_code(error));
  exchange->otherwise(exchange);
}

static void operation_done(struct job *job, enum lontar_error error, const PGresult *result)
{
  struct exchange *exchange = job->owner;
  exchange_enter(exchange);
  exchange->operation_is_out = false;
  if (!exchange->abandoned && !exchange->refused) {
    if (error == LONTAR_OK && PQntuples(result) == 0 && statement_inserts(job->first.statement))
      refuse_internal(exchange, "the statement gave no row: a trigger or rule of its table keeps records out");
    else if (error == LONTAR_OK)
      exchange->step(exchange, result);
    else if (exchange->otherwise != NULL)
      go_on(exchange, error);
    else if (exchange->deletion.deleted > 0) /* an error would say that nothing was written */
      answer_deleted(exchange, exchange->deletion.deleted, true);
    else
      refuse_database(exchange, job->first.statement, error, result);
  }
  exchange_leave(exchange);
}

void exchange_submit(struct exchange *exchange, enum statement statement, exchange_step *step)
{
  exchange_try(exchange, statement, step, NULL);
}

void exchange_try(struct exchange *exchange, enum statement statement, exchange_step *step, exchange_act *otherwise)
{
  exchange->operation = (struct job){
      .first.statement = statement,
      .owner = exchange,
      .done = operation_done,
      .held = job_held,
      .waiter = {.wait_until = exchange->wait_until},
  };
  statement_bind(statement, &exchange->values, &exchange->operation.first.parameters);
  exchange->step = step;
  exchange->otherwise = otherwise;
  exchange->operation_is_out = true;
  exchange->holds++;
  pool_submit(exchange->handler->pool, &exchange->operation);
}

static void lookup_done(struct job *job, enum lontar_error error, const PGresult *result)
{
  struct exchange *exchange = job->owner;
  exchange_enter(exchange);
  exchange->lookup_is_out = false;
  if (!exchange->abandoned) {
    exchange->lookup_result = result;
    exchange->lookup_step(exchange, error, result);
    exchange->lookup_result = NULL;
  }
  exchange_leave(exchange);
}

void exchange_look_up(struct exchange *exchange, exchange_lookup_step *step)
{
  exchange->lookup = (struct job){
      .first.statement = STATEMENT_session_principal,
      .owner = exchange,
      .done = lookup_done,
      .held = job_held,
      .waiter = {.wait_until = exchange->wait_until},
  };
  value_set_text(exchange_value(exchange, FIELD_token_hash), exchange->bearer_hash, strlen(exchange->bearer_hash));
  statement_bind(STATEMENT_session_principal, &exchange->values, &exchange->lookup.first.parameters);
  exchange->lookup_step = step;
  exchange->lookup_is_out = true;
  exchange->holds++;
  pool_submit(exchange->handler->pool, &exchange->lookup);
}

/* The caller's password may be right: this is ours to mend, and the log says so. */
static void refuse_without_memory(struct exchange *exchange)
{
  log_line(LOG_LEVEL_ERROR, "request=%s route=%s a password could not be hashed: no memory, %zu KiB are needed",
           exchange->request->request_id, exchange->row->name, PASSWORD_MEMORY / 1024);
  exchange->handler->without_memory = clock_steady();
  refuse_because(exchange, LONTAR_BUSY, "There is no memory to check a password now");
}

static void hash_done(const struct hasher_result *result, void *data)
{
  struct exchange *exchange = data;
  exchange_enter(exchange);
  exchange->hashing = NULL;
  if (result->error == LONTAR_OK)
    exchange->hash_step(exchange, result);
  else
    refuse_without_memory(exchange);
  exchange_leave(exchange);
}

void exchange_hash(struct exchange *exchange, enum hasher_kind kind, const char *stored, size_t length,
                   exchange_hash_step *step)
{
  const struct value *password = exchange_value(exchange, FIELD_password);
  struct hasher_job *job = hasher_job_new(kind, password->text, password->length, stored, length, hash_done, exchange);
  if (job == NULL) {
    refuse_without_memory(exchange);
    return;
  }
  if (hasher_submit(exchange->handler->hasher, job) != LONTAR_OK) {
    hasher_job_free(job);
    exchange->handler->passwords_full = clock_steady();
    refuse_because(exchange, LONTAR_BUSY, "Too many passwords are waiting to be checked");
    return;
  }
  exchange->hashing = job;
  exchange->hash_step = step;
  exchange->holds++;
}

void exchange_cancel_operation(struct exchange *exchange)
{
  if (!exchange->operation_is_out || !pool_cancel(exchange->handler->pool, &exchange->operation))
    return;
  exchange->operation_is_out = false;
  exchange->holds--;
}

void exchange_abandon(struct exchange *exchange)
{
  exchange->abandoned = true;
  exchange_cancel_operation(exchange);
  if (exchange->lookup_is_out && pool_cancel(exchange->handler->pool, &exchange->lookup)) {
    exchange->lookup_is_out = false;
    exchange->holds--;
  }
  if (exchange->hashing != NULL) {
    hasher_cancel(exchange->hashing);
    exchange->hashing = NULL;
    exchange->holds--;
  }
}

bool result_value(const PGresult *result, int row, enum statement statement, enum field field, struct value *ret_value)
{
  int column = statement_column(statement, field);
  if (column < 0 || column >= PQnfields(result) || row >= PQntuples(result))
    return false;
  const char *data = PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
  return statement_read(field, data, PQgetlength(result, row, column), ret_value);
}

bool result_values(const PGresult *result, int row, enum statement statement, struct values *ret_values)
{
  bool good = true;
  for (const enum field *column = statement_rows[statement].columns; *column != FIELD_none; column++)
    good = good && result_value(result, row, statement, *column, &ret_values->of[*column]);
  return good;
}
