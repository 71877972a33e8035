/* The end of an operation as HTTP: status, address of what was made, and the JSON that every door shows. */
#include "handler/answer.h"

#include <string.h>

#include "handler/exchange.h"
#include "handler/refuse.h"
#include "json/rows.h"

/* The row's address with its base and the record's fields written out. */
static bool write_location(struct exchange *exchange, const PGresult *rows)
{
  struct buffer *headers = &exchange->response.headers;
  const char *at = exchange->row->location;
  buffer_append_text(headers, "Location: " ROUTE_BASE);
  for (at++; *at != '\0';) { /* behind its '~' */
    const size_t literal = strcspn(at, "{");
    const size_t name = strcspn(at + literal, "}");
    struct value value;
    buffer_append(headers, at, literal);
    at += literal;
    if (name == 0)
      continue;
    if (!rows_value(rows, 0, exchange->operation.record, field_find(at + 1, name - 1), &value) ||
        value.state != VALUE_SET)
      return false;
    buffer_append_integer(headers, value.integer);
    at += name + 1;
  }
  buffer_append_text(headers, "\r\n");
  return true;
}

static void refuse_operation(struct exchange *exchange)
{
  const struct operation *operation = &exchange->operation;
  if (operation->reason != NULL)
    refuse_internal(exchange, operation->reason);
  else
    refuse_because(exchange, operation->error, operation->detail[0] != '\0' ? operation->detail : NULL);
}

bool answer(struct exchange *exchange, const PGresult *rows)
{
  struct operation *operation = &exchange->operation;
  const struct route_row *row = exchange->row;
  if (operation->error != LONTAR_OK) {
    refuse_operation(exchange);
    return true;
  }
  if (row->status == STATUS_NO_CONTENT && !operation->more) {
    exchange_answer(exchange, STATUS_NO_CONTENT, NULL);
    return true;
  }
  exchange_answer(exchange, row->status == STATUS_NO_CONTENT ? STATUS_OK : row->status, JSON_CONTENT_TYPE);
  const enum rows_outcome outcome = operation_write(operation, rows, "deleted", &exchange->response.body);
  if (outcome == ROWS_LEFT_OUT)
    operation_ask_whole(operation);
  else if (outcome == ROWS_UNREADABLE || (row->location != NULL && !write_location(exchange, rows)))
    refuse_internal(exchange, OPERATION_UNREADABLE);
  return outcome != ROWS_LEFT_OUT;
}
