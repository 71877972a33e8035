/* Records, lists and numbers as JSON, straight from the rows. */
#include "json/rows.h"
#include "json/writer.h"
#include "operation/operation.h"
#include "repo/cursor.h"

/* The cursor of one row, in quotes. A chat without a time sorts as the oldest. */
static bool write_cursor(struct buffer *buffer, const PGresult *rows, int row, enum statement list)
{
  const bool with_time = statement_takes(list, FIELD_cursor_time);
  char text[CURSOR_SIZE];
  struct value id;
  struct value time = {0};
  if (!rows_value(rows, row, list, FIELD_id, &id) || id.state != VALUE_SET ||
      (with_time && !rows_value(rows, row, list, FIELD_created_at, &time)))
    return false;
  const size_t length = cursor_format(text, with_time, time.state == VALUE_SET ? time.integer : INT64_MIN, id.integer);
  json_string(buffer, text, length);
  return true;
}

static enum rows_outcome write_list(const struct operation *operation, const PGresult *rows, struct buffer *buffer)
{
  const int count = operation->count;
  enum rows_outcome outcome = ROWS_WRITTEN;
  (void)buffer_reserve(buffer, PQresultMemorySize(rows)); /* a page then grows in place */
  buffer_append_text(buffer, "{\"items\":");
  if (count > 0) /* else these may be rows of another statement */
    outcome = rows_write_items(buffer, rows, operation->record, count, operation->backwards);
  else
    buffer_append_text(buffer, "[]");
  if (outcome == ROWS_LEFT_OUT && statement_long(operation->record) != STATEMENT_none)
    return outcome;
  buffer_append_text(buffer, ",\"next\":");
  if (!operation->more)
    buffer_append_text(buffer, "null");
  else if (outcome == ROWS_UNREADABLE || !write_cursor(buffer, rows, count - 1, operation->record))
    return ROWS_UNREADABLE;
  buffer_append_text(buffer, "}");
  return outcome == ROWS_UNREADABLE ? outcome : ROWS_WRITTEN;
}

static void write_number(const struct operation *operation, const char *name, int64_t number, struct buffer *buffer)
{
  buffer_append_text(buffer, "{");
  json_key(buffer, name);
  json_integer(buffer, number);
  buffer_append_text(buffer, operation->more ? ",\"more\":true}" : "}");
}

/* What no statement ever gives back. */
static void write_token(const struct operation *operation, struct buffer *buffer)
{
  buffer_append_text(buffer, "{");
  json_key(buffer, "token");
  json_value(buffer, FIELD_token, &operation->values.of[FIELD_token]);
  buffer_append_text(buffer, ",");
}

static bool write_session(const struct operation *operation, const PGresult *rows, struct buffer *buffer)
{
  write_token(operation, buffer);
  const bool good = rows_write_members(buffer, rows, 0, operation->record);
  buffer_append_text(buffer, "}");
  return good;
}

static bool write_login(const struct operation *operation, struct buffer *buffer)
{
  write_token(operation, buffer);
  json_key(buffer, "expires_at");
  json_value(buffer, FIELD_expires_at, &operation->values.of[FIELD_expires_at]);
  buffer_append_text(buffer, ",");
  json_key(buffer, "user");
  const bool good = rows_write_record(buffer, operation->kept, 0, operation->record);
  buffer_append_text(buffer, "}");
  return good;
}

static bool write_whole(const struct operation *operation, const PGresult *rows, const char *deleted,
                        struct buffer *buffer)
{
  switch ((int)operation->row->shape) {
  case SHAPE_RECORD:
  case SHAPE_CHANGE:
    return rows_write_record(buffer, operation->kept != NULL ? operation->kept : rows, 0, operation->record);
  case SHAPE_SESSION:
    return write_session(operation, rows, buffer);
  case SHAPE_LOGIN:
    return write_login(operation, buffer);
  case SHAPE_COUNT:
    write_number(operation, field_rows[FIELD_count].name, operation->number, buffer);
    return true;
  case SHAPE_GONE:
  case SHAPE_DELETED:
    if (operation->row->shape == SHAPE_GONE && !operation->more)
      write_number(operation, field_rows[FIELD_id].name, operation->values.of[FIELD_id].integer, buffer);
    else
      write_number(operation, deleted, operation->number, buffer);
    return true;
  }
  return false;
}

enum rows_outcome operation_write(const struct operation *operation, const PGresult *rows, const char *deleted,
                                  struct buffer *buffer)
{
  if (operation->row->shape == SHAPE_LIST)
    return write_list(operation, rows, buffer);
  return write_whole(operation, rows, deleted, buffer) ? ROWS_WRITTEN : ROWS_UNREADABLE;
}
