/* Cursors as text. */
#include "repo/cursor.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "repo/fields.h"

/* PostgreSQL's own bounds, in microseconds from 1970: from 4713 BC to before 294277 AD. Beyond 294246 they are more
 * than an int64 can say; those from 2000, as a value holds them, never are. */
#define BEFORE_1970_MOST UINT64_C(210866803200000000)
#define AFTER_1970_END UINT64_C(9224318016000000000)

enum { DIGITS_MAX = 19 }; /* always fit into 64 bits */

static bool parse_digits(const char *text, size_t length, uint64_t *ret_number)
{
  uint64_t number = 0;
  if (length == 0 || length > DIGITS_MAX)
    return false;
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9')
      return false;
    number = number * 10 + (uint64_t)(text[i] - '0');
  }
  *ret_number = number;
  return true;
}

static bool parse_time(const char *text, size_t length, int64_t *ret_time)
{
  if (length == 4 && memcmp(text, "-inf", 4) == 0) {
    *ret_time = INT64_MIN;
    return true;
  }
  if (length == 3 && memcmp(text, "inf", 3) == 0) {
    *ret_time = INT64_MAX;
    return true;
  }
  const bool negative = length > 0 && *text == '-';
  uint64_t number;
  if (!parse_digits(text + negative, length - negative, &number) ||
      (negative ? number > BEFORE_1970_MOST : number >= AFTER_1970_END))
    return false;
  *ret_time = (int64_t)((negative ? 0 - number : number) - (uint64_t)FIELD_TIME_EPOCH);
  return true;
}

bool cursor_parse(const char *text, size_t length, bool with_time, int64_t *ret_time, int64_t *ret_id)
{
  const char *underscore = memchr(text, '_', length);
  if (with_time != (underscore != NULL))
    return false;
  const char *id_text = with_time ? underscore + 1 : text;
  int64_t id;
  if (!text_to_integer(id_text, (size_t)(text + length - id_text), &id))
    return false;
  if (with_time && !parse_time(text, (size_t)(underscore - text), ret_time))
    return false;
  *ret_id = id;
  return true;
}

size_t cursor_format(char *out, bool with_time, int64_t time, int64_t id)
{
  const int64_t before_1970 = time < -FIELD_TIME_EPOCH ? time + FIELD_TIME_EPOCH : 0;
  int length;
  if (!with_time)
    length = snprintf(out, CURSOR_SIZE, "%lld", (long long)id);
  else if (time == INT64_MIN || time == INT64_MAX)
    length = snprintf(out, CURSOR_SIZE, "%s_%lld", time == INT64_MIN ? "-inf" : "inf", (long long)id);
  else if (before_1970 < 0)
    length = snprintf(out, CURSOR_SIZE, "%lld_%lld", (long long)before_1970, (long long)id);
  else
    length = snprintf(out, CURSOR_SIZE, "%llu_%lld", (unsigned long long)time + (unsigned long long)FIELD_TIME_EPOCH,
                      (long long)id);
  return (size_t)length;
}

void cursor_begin(bool with_time, int64_t *ret_time, int64_t *ret_id)
{
  *ret_time = INT64_MAX;
  *ret_id = with_time ? INT64_MAX : INT64_MIN;
}
