/* A byte buffer with a ceiling. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 512, INTEGER_DIGITS = 20 };

void buffer_init(struct buffer *buffer, size_t ceiling)
{
  *buffer = (struct buffer){.ceiling = ceiling};
}

void buffer_free(struct buffer *buffer)
{
  free(buffer->data);
  buffer_init(buffer, buffer->ceiling);
}

void buffer_clear(struct buffer *buffer, size_t keep)
{
  if (buffer->capacity > keep)
    buffer_free(buffer);
  buffer->length = 0;
  buffer->failed = false;
}

/* Capacities double, so that a growing buffer is copied a few times only. */
static bool grow(struct buffer *buffer, size_t length)
{
  if (buffer->failed)
    return false;
  size_t needed = buffer->length + length;
  size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
  while (capacity < needed && capacity <= buffer->ceiling / 2)
    capacity *= 2;
  if (capacity < needed || capacity > buffer->ceiling)
    capacity = buffer->ceiling;
  char *data = length <= buffer->ceiling - buffer->length ? realloc(buffer->data, capacity) : NULL;
  if (data == NULL) {
    buffer->failed = true;
    return false;
  }
  buffer->data = data;
  buffer->capacity = capacity;
  return true;
}

char *buffer_reserve(struct buffer *buffer, size_t length)
{
  bool fits = !buffer->failed && buffer->data != NULL && length <= buffer->capacity - buffer->length;
  if (!fits && !grow(buffer, length))
    return NULL;
  return buffer->data + buffer->length;
}

void buffer_advance(struct buffer *buffer, size_t length)
{
  buffer->length += length;
}

void buffer_append(struct buffer *buffer, const void *data, size_t length)
{
  if (length == 0)
    return;
  char *end = buffer_reserve(buffer, length);
  if (end == NULL)
    return;
  memcpy(end, data, length);
  buffer->length += length;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
  buffer_append(buffer, text, strlen(text));
}

void buffer_append_integer(struct buffer *buffer, int64_t number)
{
  char digits[INTEGER_DIGITS];
  size_t at = sizeof digits;
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0)
    digits[--at] = '-';
  buffer_append(buffer, digits + at, sizeof digits - at);
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
  va_list arguments;
  va_list again;
  va_start(arguments, format);
  va_copy(again, arguments);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *end = NULL;
  if (length < 0)
    buffer->failed = true;
  else
    end = buffer_reserve(buffer, (size_t)length + 1); /* the closing NUL is written and not counted */
  if (end != NULL) {
    (void)vsnprintf(end, (size_t)length + 1, format, again);
    buffer->length += (size_t)length;
  }
  va_end(again);
}
