/* Writes JSON values. */
#include "json/writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/plain.h"

enum { REAL_SIZE = 40, ESCAPE_SIZE = 6, DECIMALS_MAX = 9 };

/* Up to here every whole number is a double. */
#define WHOLE_MAX 9007199254740992.0

static const char short_forms[] = {
    ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
};

static void write_escape(struct buffer *buffer, unsigned char byte)
{
  static const char hex_digits[] = "0123456789abcdef";
  char *out = buffer_reserve(buffer, ESCAPE_SIZE);
  if (out == NULL)
    return;
  out[0] = '\\';
  if (short_forms[byte] != 0) {
    out[1] = short_forms[byte];
    buffer_advance(buffer, 2);
    return;
  }
  out[1] = 'u';
  out[2] = '0';
  out[3] = '0';
  out[4] = hex_digits[byte >> 4];
  out[5] = hex_digits[byte & 15];
  buffer_advance(buffer, ESCAPE_SIZE);
}

/* Nothing in it needs an escape. */
static void write_plain(struct buffer *buffer, const char *text, size_t length)
{
  char *out = buffer_reserve(buffer, length + 2);
  if (out == NULL)
    return;
  out[0] = '"';
  memcpy(out + 1, text, length);
  out[length + 1] = '"';
  buffer_advance(buffer, length + 2);
}

void json_string(struct buffer *buffer, const char *text, size_t length)
{
  size_t run = plain_run(text, length);
  if (run == length) {
    write_plain(buffer, text, length);
    return;
  }
  buffer_append(buffer, "\"", 1);
  for (; run < length; run = plain_run(text, length)) {
    buffer_append(buffer, text, run);
    write_escape(buffer, (unsigned char)text[run]);
    text += run + 1;
    length -= run + 1;
  }
  buffer_append(buffer, text, length);
  buffer_append(buffer, "\"", 1);
}

size_t json_string_size(const char *text, size_t length)
{
  size_t size = 2;
  for (size_t run = plain_run(text, length); run < length; run = plain_run(text, length)) {
    size += run + (short_forms[(unsigned char)text[run]] != 0 ? 2 : ESCAPE_SIZE);
    text += run + 1;
    length -= run + 1;
  }
  return size + length;
}

void json_text(struct buffer *buffer, const char *text)
{
  if (text != NULL)
    json_string(buffer, text, strlen(text));
  else
    buffer_append(buffer, "null", 4);
}

void json_key(struct buffer *buffer, const char *name)
{
  buffer_append(buffer, "\"", 1);
  buffer_append_text(buffer, name);
  buffer_append(buffer, "\":", 2);
}

void json_integer(struct buffer *buffer, int64_t number)
{
  buffer_append_integer(buffer, number);
}

/*
 * Numbers such as 0.87: the fewest decimals with which a whole number divided by a power of ten is exactly this double.
 * Both are doubles without an error, so the division rounds as a reader of the decimal text would.
 */
static bool write_decimal(struct buffer *buffer, double number)
{
  double power = 1;
  for (int decimals = 1; decimals <= DECIMALS_MAX; decimals++) {
    power *= 10;
    double scaled = rint(fabs(number) * power);
    if (scaled >= WHOLE_MAX)
      return false;
    if (scaled / power != fabs(number))
      continue;
    int64_t whole = (int64_t)(scaled / power);
    int64_t rest = (int64_t)scaled - whole * (int64_t)power;
    if (signbit(number))
      buffer_append(buffer, "-", 1);
    buffer_append_integer(buffer, whole);
    char digits[DECIMALS_MAX + 1] = ".";
    for (int i = decimals; i > 0; i--, rest /= 10)
      digits[i] = (char)('0' + rest % 10);
    buffer_append(buffer, digits, (size_t)decimals + 1);
    return true;
  }
  return false;
}

void json_real(struct buffer *buffer, double number)
{
  if (!isfinite(number)) {
    buffer_append(buffer, "null", 4);
    return;
  }
  if (write_decimal(buffer, number))
    return;
  char text[REAL_SIZE];
  int length = 0;
  for (int digits = 15; digits <= 17; digits++) {
    length = snprintf(text, sizeof text, "%.*g", digits, number);
    if (strtod(text, NULL) == number)
      break;
  }
  char *comma = memchr(text, ',', (size_t)length);
  if (comma != NULL)
    *comma = '.'; /* a program with a locale of its own uses the library */
  buffer_append(buffer, text, (size_t)length);
}

void json_time(struct buffer *buffer, int64_t time)
{
  char *out = buffer_reserve(buffer, CLOCK_RFC3339_SIZE + 2);
  if (out == NULL)
    return;
  size_t length = field_time_text(time, out + 1);
  if (length == 0) {
    buffer_append(buffer, "null", 4);
    return;
  }
  out[0] = '"';
  out[length + 1] = '"';
  buffer_advance(buffer, length + 2);
}

void json_value(struct buffer *buffer, enum field field, const struct value *value)
{
  if (value->state != VALUE_SET) {
    buffer_append(buffer, "null", 4);
    return;
  }
  switch (field_rows[field].type) {
  case FIELD_INTEGER:
    json_integer(buffer, value->integer);
    break;
  case FIELD_REAL:
    json_real(buffer, value->real);
    break;
  case FIELD_TEXT:
    json_string(buffer, value->text, value->length);
    break;
  case FIELD_TIME:
    json_time(buffer, value->integer);
    break;
  }
}
