/* Records, lists and numbers as answers, and what is answered when there is no row. */
#include "handler/answer.h"

#include "handler/exchange.h"
#include "handler/input.h"
#include "handler/refuse.h"
#include "json/rows.h"
#include "json/writer.h"
#include "repo/cursor.h"

enum { KEEP = 16 * 1024 };

void answer_begin(struct exchange *exchange, int status, const char *content_type)
{
  struct response *response = &exchange->response;
  buffer_clear(&response->body, KEEP);
  buffer_clear(&response->headers, KEEP);
  response->status = status;
  response->content_type = content_type;
  exchange->error = LONTAR_OK;
}

static void write_record(struct exchange *exchange, const PGresult *result, int status)
{
  answer_begin(exchange, status, ANSWER_JSON);
  if (!rows_write_record(&exchange->response.body, result, 0, exchange->operation.first.statement))
    refuse_internal(exchange, ANSWER_UNREADABLE);
}

static void looked_for(struct exchange *exchange, const PGresult *result)
{
  if (PQntuples(result) == 0)
    refuse(exchange, LONTAR_NOT_FOUND);
  else
    refuse_internal(exchange, ANSWER_KEPT);
}

void answer_nothing(struct exchange *exchange)
{
  enum statement reader = statement_reader(exchange->operation.first.statement);
  if (reader != STATEMENT_none)
    exchange_submit(exchange, reader, looked_for);
  else
    refuse(exchange, LONTAR_NOT_FOUND);
}

void answer_record(struct exchange *exchange, const PGresult *result)
{
  if (PQntuples(result) == 0)
    answer_nothing(exchange);
  else
    write_record(exchange, result, STATUS_OK);
}

bool answer_integer(struct exchange *exchange, const PGresult *result, enum field field, int64_t *ret_number)
{
  struct value value;
  if (!result_value(result, 0, exchange->operation.first.statement, field, &value) || value.state != VALUE_SET) {
    refuse_internal(exchange, ANSWER_UNREADABLE);
    return false;
  }
  *ret_number = value.integer;
  return true;
}

/* A row's path with its base written out. */
static void append_path(struct buffer *buffer, const char *path)
{
  if (*path == '~')
    buffer_append_text(buffer, ROUTE_BASE);
  buffer_append_text(buffer, *path == '~' ? path + 1 : path);
}

void answer_created(struct exchange *exchange, const PGresult *result)
{
  struct buffer *headers = &exchange->response.headers;
  int64_t id;
  if (!answer_integer(exchange, result, FIELD_id, &id))
    return;
  write_record(exchange, result, STATUS_CREATED);
  if (exchange->error != LONTAR_OK)
    return;
  buffer_append_text(headers, "Location: ");
  append_path(headers, exchange->row->path);
  buffer_append_text(headers, "/");
  buffer_append_integer(headers, id);
  buffer_append_text(headers, "\r\n");
}

void answer_created_for_user(struct exchange *exchange, const PGresult *result, const char *list)
{
  struct buffer *headers = &exchange->response.headers;
  int64_t user_id;
  if (!answer_integer(exchange, result, FIELD_user_id, &user_id))
    return;
  write_record(exchange, result, STATUS_CREATED);
  if (exchange->error != LONTAR_OK)
    return;
  buffer_append_text(headers, "Location: " ROUTE_BASE "/users/");
  buffer_append_integer(headers, user_id);
  buffer_append_text(headers, "/");
  buffer_append_text(headers, list);
  buffer_append_text(headers, "\r\n");
}

/* The cursor of one row, in quotes. A chat without a time sorts as the oldest. */
static bool write_cursor(struct buffer *buffer, const PGresult *result, int row, enum statement statement)
{
  const bool with_time = statement_takes(statement, FIELD_cursor_time);
  char text[CURSOR_SIZE];
  struct value id;
  struct value time = {0};
  if (!result_value(result, row, statement, FIELD_id, &id) || id.state != VALUE_SET ||
      (with_time && !result_value(result, row, statement, FIELD_created_at, &time)))
    return false;
  size_t length = cursor_format(text, with_time, time.state == VALUE_SET ? time.integer : INT64_MIN, id.integer);
  json_string(buffer, text, length);
  return true;
}

bool answer_list(struct exchange *exchange, const PGresult *result)
{
  struct buffer *body = &exchange->response.body;
  const enum statement statement = exchange->operation.first.statement;
  const int limit = (int)exchange_value(exchange, FIELD_limit)->integer;
  const int fetched = PQntuples(result); /* one more than asked for, to learn whether there is one */
  const int count = rows_fit(result, statement, fetched > limit ? limit : fetched);
  const bool more = fetched > count;
  const bool backwards = exchange_value(exchange, FIELD_before)->state == VALUE_SET;
  answer_begin(exchange, STATUS_OK, ANSWER_JSON);
  (void)buffer_reserve(body, PQresultMemorySize(result)); /* a page then grows in place */
  buffer_append_text(body, "{\"items\":");
  const enum rows_outcome outcome = rows_write_items(body, result, statement, 0, count, backwards);
  if (outcome == ROWS_LEFT_OUT && statement_long(statement) != STATEMENT_none)
    return false;
  bool good = outcome != ROWS_UNREADABLE;
  buffer_append_text(body, ",\"next\":");
  if (more)
    good = good && write_cursor(body, result, count - 1, statement);
  else
    buffer_append_text(body, "null");
  buffer_append_text(body, "}");
  if (!good)
    refuse_internal(exchange, ANSWER_UNREADABLE);
  return true;
}

void answer_count(struct exchange *exchange, int64_t count)
{
  answer_begin(exchange, STATUS_OK, ANSWER_JSON);
  buffer_append_format(&exchange->response.body, "{\"count\":%lld}", (long long)count);
}

void answer_deleted(struct exchange *exchange, int64_t deleted, bool more)
{
  answer_begin(exchange, STATUS_OK, ANSWER_JSON);
  buffer_append_format(&exchange->response.body, "{\"deleted\":%lld%s}", (long long)deleted,
                       more ? ",\"more\":true" : "");
}

void answer_gone(struct exchange *exchange)
{
  answer_begin(exchange, STATUS_NO_CONTENT, NULL);
}
