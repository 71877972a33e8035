/* Error answers, and from a broken constraint to the name of a field. */
#include "handler/refuse.h"

#include <stdio.h>
#include <string.h>

#include "handler/exchange.h"
#include "pool/pool.h"
#include "route/route.h"

enum { KEEP = 16 * 1024, ALLOW_SIZE = 64, STATUS_UNAUTHORIZED = 401, STATUS_UNAVAILABLE = 503 };

static void begin(struct exchange *exchange, int status)
{
  struct response *response = &exchange->response;
  buffer_clear(&response->body, KEEP);
  buffer_clear(&response->headers, KEEP);
  response->status = status;
  response->content_type = NULL;
  exchange->sqlstate[0] = '\0';
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
  write_answer(exchange, error, NULL, problems);
}

void refuse_field(struct exchange *exchange, enum lontar_error error, enum field field, const char *message)
{
  struct problems problems;
  problems.count = 0;
  problems_add(&problems, field_rows[field].name, strlen(field_rows[field].name), message);
  write_answer(exchange, error, NULL, &problems);
}

void refuse_silently(struct exchange *exchange, int status)
{
  begin(exchange, status);
}

/* Takes `ending` off the end. */
static bool strip(const char *text, size_t *length, const char *ending)
{
  size_t ending_length = strlen(ending);
  if (*length < ending_length || memcmp(text + *length - ending_length, ending, ending_length) != 0)
    return false;
  *length -= ending_length;
  return true;
}

/* PostgreSQL names constraints <table>_<column>_key, _fkey or _check; a NOT NULL tells the column itself. */
static enum field broken_field(const PGresult *result)
{
  const char *column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
  const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
  const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
  if (column != NULL)
    return field_find(column, strlen(column));
  if (table == NULL || constraint == NULL)
    return FIELD_none;
  size_t table_length = strlen(table);
  if (strncmp(constraint, table, table_length) != 0 || constraint[table_length] != '_')
    return FIELD_none;
  const char *name = constraint + table_length + 1;
  size_t length = strlen(name);
  if (!strip(name, &length, "_key") && !strip(name, &length, "_fkey"))
    (void)strip(name, &length, "_check");
  return field_find(name, length);
}

static const char *constraint_message(enum lontar_error error)
{
  switch ((int)error) {
  case LONTAR_CONFLICT:
    return "is already taken";
  case LONTAR_BAD_REFERENCE:
    return "does not exist";
  case LONTAR_INVALID:
    return "is not valid";
  default:
    return NULL;
  }
}

void refuse_database(struct exchange *exchange, enum lontar_error error, const PGresult *result)
{
  const char *message = constraint_message(error);
  enum field field = message != NULL && result != NULL ? broken_field(result) : FIELD_none;
  if (field != FIELD_none)
    refuse_field(exchange, error, field, message);
  else
    refuse(exchange, error);
  const char *sqlstate = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  if (sqlstate != NULL)
    (void)snprintf(exchange->sqlstate, sizeof exchange->sqlstate, "%s", sqlstate);
}
