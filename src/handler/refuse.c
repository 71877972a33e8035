/* Error answers, and what the server's no to a statement says to caller and operator. */
#include "handler/refuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handler/exchange.h"
#include "log/log.h"
#include "pool/pool.h"
#include "pool/reason.h"
#include "pool/verdict.h"
#include "route/route.h"

enum { KEEP = 16 * 1024, ALLOW_SIZE = 64 };

static void begin(struct exchange *exchange, int status)
{
  struct response *response = &exchange->response;
  buffer_clear(&response->body, KEEP);
  buffer_clear(&response->headers, KEEP);
  response->status = status;
  response->content_type = NULL;
  free(exchange->reason);
  exchange->reason = NULL;
}

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
  begin(exchange, lontar_error_http_status(error));
  add_headers(exchange, error);
  exchange->error = error;
  exchange->response.content_type = PROBLEM_CONTENT_TYPE;
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

void refuse_input(struct exchange *exchange, enum lontar_error error, const struct problems *problems)
{
  const bool has_detail = problems != NULL && problems->detail[0] != '\0';
  write_answer(exchange, error, has_detail ? problems->detail : NULL, problems);
}

void refuse_field(struct exchange *exchange, enum lontar_error error, enum field field, const char *message)
{
  struct problems problems;
  problems_init(&problems);
  problems_add(&problems, field_rows[field].name, strlen(field_rows[field].name), message);
  write_answer(exchange, error, NULL, &problems);
}

void refuse_silently(struct exchange *exchange, int status)
{
  begin(exchange, status);
}

void refuse_internal(struct exchange *exchange, const char *reason)
{
  char quoted[REASON_SIZE];
  refuse(exchange, LONTAR_INTERNAL);
  if (exchange->operation.first.statement != STATEMENT_none)
    pool_blame(exchange->handler->pool, exchange->operation.first.statement);
  if (asprintf(&exchange->reason, "reason=%s", log_quote(quoted, sizeof quoted, reason, strlen(reason))) < 0)
    exchange->reason = NULL;
}

static field_set given_by(const struct field_input *inputs)
{
  field_set set = 0;
  for (; inputs->field != FIELD_none; inputs++)
    set |= field_set_of(inputs->field);
  return set;
}

/* What a caller of this route can give. */
static field_set given(const struct exchange *exchange)
{
  field_set set = given_by(exchange->row->query) | given_by(exchange->row->body);
  for (enum field field = 1; field < FIELD_COUNT; field++)
    if (exchange->path.of[field].state == VALUE_SET)
      set |= field_set_of(field);
  return set;
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
    problems_add(&problems, field_rows[*it].name, strlen(field_rows[*it].name), verdict->message);
  write_answer(exchange, verdict->error, *verdict->detail != '\0' ? verdict->detail : NULL, &problems);
}

void refuse_database(struct exchange *exchange, enum statement statement, enum lontar_error error,
                     const PGresult *result)
{
  const struct asked asked = {statement, &exchange->values, given(exchange)};
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
