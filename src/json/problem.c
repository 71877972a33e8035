/* Writes error documents. */
#include "json/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json/writer.h"

/* The longest beginning that fits and does not cut a character: a byte 10xxxxxx continues one. */
static size_t whole_characters(const char *text, size_t length, size_t most)
{
  if (length <= most)
    return length;
  while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
    most--;
  return most;
}

void problems_init(struct problems *problems)
{
  problems->detail[0] = '\0';
  problems->count = 0;
}

void problems_tell(struct problems *problems, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(problems->detail, sizeof problems->detail, format, arguments);
  va_end(arguments);
}

void problems_add(struct problems *problems, const char *field, size_t length, const char *message)
{
  if (problems->count == PROBLEMS_MAX)
    return;
  struct problem *problem = &problems->of[problems->count++];
  size_t size = whole_characters(field, length, sizeof problem->field - 1);
  memcpy(problem->field, field, size);
  problem->field[size] = '\0';
  (void)snprintf(problem->message, sizeof problem->message, "%s", message);
}

static void write_member(struct buffer *buffer, const char *name, const char *text)
{
  buffer_append(buffer, ",", 1);
  json_key(buffer, name);
  json_text(buffer, text);
}

static void write_errors(struct buffer *buffer, const struct problems *problems)
{
  buffer_append_text(buffer, ",\"errors\":[");
  for (int i = 0; i < problems->count; i++) {
    buffer_append_text(buffer, i > 0 ? ",{\"field\":" : "{\"field\":");
    json_text(buffer, problems->of[i].field);
    write_member(buffer, "message", problems->of[i].message);
    buffer_append(buffer, "}", 1);
  }
  buffer_append(buffer, "]", 1);
}

static void write_head(struct buffer *buffer, enum lontar_error error)
{
  buffer_append_text(buffer, "{\"type\":\"about:blank\"");
  write_member(buffer, "title", lontar_error_text(error));
  buffer_append_text(buffer, ",\"status\":");
  json_integer(buffer, lontar_error_http_status(error));
  write_member(buffer, "code", lontar_error_code(error));
}

void problem_write(struct buffer *buffer, enum lontar_error error, const char *detail, const char *request_id,
                   const struct problems *problems)
{
  write_head(buffer, error);
  if (detail != NULL)
    write_member(buffer, "detail", detail);
  if (request_id != NULL)
    write_member(buffer, "request_id", request_id);
  if (problems != NULL && problems->count > 0)
    write_errors(buffer, problems);
  buffer_append(buffer, "}", 1);
}

void problem_write_kept(struct buffer *buffer, enum lontar_error error, const char *expires_at)
{
  write_head(buffer, error);
  write_member(buffer, "expires_at", expires_at);
  buffer_append(buffer, "}", 1);
}
