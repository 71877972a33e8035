/* Writes error documents. */
#include "json/problem.h"

#include "json/writer.h"

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
