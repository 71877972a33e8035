/* A byte buffer with a ceiling. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digits.h"

enum { FIRST_CAPACITY = 512 };

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

static char *fail(struct buffer *buffer)
{
  buffer->failed = true;
  buffer->capacity = buffer->length; /* so that nothing fits any more */
  return NULL;
}

/* Capacities double, so that a growing buffer is copied a few times only. */
char *buffer_grow(struct buffer *buffer, size_t length)
{
  if (buffer->failed || length > buffer->ceiling - buffer->length)
    return fail(buffer);
  size_t needed = buffer->length + length;
  size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
  while (capacity < needed && capacity <= buffer->ceiling / 2)
    capacity *= 2;
  if (capacity < needed || capacity > buffer->ceiling)
    capacity = buffer->ceiling;
  char *data = realloc(buffer->data, capacity);
  if (data == NULL)
    return fail(buffer);
  buffer->data = data;
  buffer->capacity = capacity;
  return data + buffer->length;
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
  char digits[1 + DIGITS_MAX];
  char *end = digits + sizeof digits;
  char *begin = digits_before(end, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
  if (number < 0)
    *--begin = '-';
  buffer_append(buffer, begin, (size_t)(end - begin));
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
