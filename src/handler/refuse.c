/* Error answers, and what the server's no to a statement says to caller and operator. */
#include "handler/refuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "handler/exchange.h"
#include "json/problem.h"
#include "log/log.h"
#include "pool/pool.h"
#include "pool/reason.h"
#include "pool/verdict.h"

enum { ALLOW_SIZE = 64 };

static void add_headers(struct exchange *exchange, enum lontar_error error)
{
  struct buffer *headers = &exchange->response.headers;
  if (exchange->response.status == STATUS_UNAUTHORIZED)
    buffer_append_text(headers, "WWW-Authenticate: Bearer\r\n");
  if (error == LONTAR_METHOD_NOT_ALLOWED) {
    char allow[ALLOW_SIZE];
    (void)route_allow(exchange->request->path, exchange->request->path_length, allow, sizeof allow);
    buffer_append_format(headers, "Allow: %s\r\n", allow);
  }
  if (exchange->response.status == STATUS_UNAVAILABLE)
    buffer_append_format(headers, "Retry-After: %d\r\n",
                         error == LONTAR_UNAVAILABLE ? pool_retry_after(exchange->handler->pool) : 1);
}

static void write_answer(struct exchange *exchange, enum lontar_error error, const char *detail,
                         const struct problems *problems)
{
  exchange_answer(exchange, lontar_error_http_status(error), PROBLEM_CONTENT_TYPE);
  add_headers(exchange, error);
  exchange->error = error;
  problem_write(&exchange->response.body, error, detail, exchange->request->request_id, problems);
}

void refuse(struct exchange *exchange, enum lontar_error error)
{
  write_answer(exchange, error, NULL, NULL);
}

void refuse_because(struct exchange *exchange, enum lontar_error error, const char *detail)
{
  write_answer(exchange, error, detail, NULL);
}

void refuse_input(struct exchange *exchange, enum lontar_error error)
{
  const struct problems *problems = exchange->problems;
  const bool has_detail = problems != NULL && problems->detail[0] != '\0';
  write_answer(exchange, error, has_detail ? problems->detail : NULL, problems);
}

/* The caller's password may be right: this is ours to mend, and the log says so. */
void refuse_memory(struct exchange *exchange)
{
  log_line(LOG_LEVEL_ERROR, "request=%s route=%s a password could not be hashed: no memory, %zu KiB are needed",
           exchange->request->request_id, exchange->row->name, PASSWORD_MEMORY / 1024);
  exchange->handler->without_memory = clock_steady();
  refuse_because(exchange, LONTAR_BUSY, OPERATION_NO_MEMORY);
}

void refuse_internal(struct exchange *exchange, const char *reason)
{
  char quoted[REASON_SIZE];
  refuse(exchange, LONTAR_INTERNAL);
  if (exchange->operation.statement != STATEMENT_none)
    pool_blame(exchange->handler->pool, exchange->operation.statement);
  if (asprintf(&exchange->reason, "reason=%s", log_quote(quoted, sizeof quoted, reason, strlen(reason))) < 0)
    exchange->reason = NULL;
}

/* For the log: what the server said, and what the operator can do. */
static void keep_reason(struct exchange *exchange, const PGresult *result, const char *remedy)
{
  char reason[REASON_SIZE];
  char quoted[REASON_SIZE];
  (void)reason_write(reason, sizeof reason, result);
  if (*reason == '\0')
    return;
  const char *shown = *remedy != '\0' ? log_quote(quoted, sizeof quoted, remedy, strlen(remedy)) : "";
  if (asprintf(&exchange->reason, "%s%s%s", reason, *remedy != '\0' ? " remedy=" : "", shown) < 0)
    exchange->reason = NULL;
}

static void refuse_by_verdict(struct exchange *exchange, const struct verdict *verdict)
{
  struct problems problems;
  problems.count = 0;
  for (const enum field *it = verdict->fields; *it != FIELD_none; it++)
    problems_add_field(&problems, *it, verdict->message);
  write_answer(exchange, verdict->error, *verdict->detail != '\0' ? verdict->detail : NULL, &problems);
}

void refuse_database(struct exchange *exchange, enum statement statement, enum lontar_error error,
                     const PGresult *result)
{
  const struct asked asked = {statement, &exchange->operation.values, operation_inputs(exchange->operation.row)};
  struct verdict verdict;
  if (result == NULL) {
    refuse(exchange, error);
    return;
  }
  verdict_reach(&asked, result, &verdict);
  refuse_by_verdict(exchange, &verdict);
  if (exchange->response.status == STATUS_INTERNAL)
    pool_blame(exchange->handler->pool, statement);
  if (exchange->response.status >= STATUS_INTERNAL)
    keep_reason(exchange, result, verdict.remedy);
}
