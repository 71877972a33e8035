/* Cursors as text. */
#include "repo/cursor.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* The first moment that PostgreSQL knows, in 4713 BC; its last lies beyond what microseconds since 1970 can say. */
#define TIME_LEAST INT64_C(-210866803200000000)

static bool parse_time(const char *text, size_t length, int64_t *ret_time)
{
  if (length == 4 && memcmp(text, "-inf", 4) == 0)
    *ret_time = INT64_MIN;
  else if (length == 3 && memcmp(text, "inf", 3) == 0)
    *ret_time = INT64_MAX;
  else {
    int64_t time;
    if (!text_to_integer(text, length, &time) || time < TIME_LEAST)
      return false;
    *ret_time = time;
  }
  return true;
}

bool cursor_parse(const char *text, size_t length, bool with_time, int64_t *ret_time, int64_t *ret_id)
{
  const char *underscore = memchr(text, '_', length);
  if (with_time != (underscore != NULL))
    return false;
  const char *id_text = with_time ? underscore + 1 : text;
  int64_t id;
  if (!text_to_integer(id_text, (size_t)(text + length - id_text), &id) || id < 0)
    return false;
  if (with_time && !parse_time(text, (size_t)(underscore - text), ret_time))
    return false;
  *ret_id = id;
  return true;
}

size_t cursor_format(char *out, bool with_time, int64_t time, int64_t id)
{
  int length;
  if (!with_time)
    length = snprintf(out, CURSOR_SIZE, "%lld", (long long)id);
  else if (time == INT64_MIN || time == INT64_MAX)
    length = snprintf(out, CURSOR_SIZE, "%s_%lld", time == INT64_MIN ? "-inf" : "inf", (long long)id);
  else
    length = snprintf(out, CURSOR_SIZE, "%lld_%lld", (long long)time, (long long)id);
  return (size_t)length;
}
