/*
 * A byte buffer that grows up to a ceiling given when it is made.
 *
 * Failure (ceiling reached, no memory) is sticky: appends after it do nothing, so that a writer checks once, at the
 * end. Read `data` and `length` freely, change them only through these functions. `data` is not NUL-terminated. The
 * owner calls buffer_free. Not thread-safe.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
  char *data;
  size_t length;
  size_t capacity;
  size_t ceiling;
  bool failed;
};

/* No memory is taken before the first append. */
void buffer_init(struct buffer *buffer, size_t ceiling);

/* Gives the memory back; the buffer may be used again with the same ceiling. */
void buffer_free(struct buffer *buffer);

/* Empties it and forgets a failure, keeps the memory unless it has grown beyond `keep` bytes. */
void buffer_clear(struct buffer *buffer, size_t keep);

void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_integer(struct buffer *buffer, int64_t number);
__attribute__((format(printf, 2, 3))) void buffer_append_format(struct buffer *buffer, const char *format, ...);

/* Makes room for `length` bytes more; NULL on failure. */
char *buffer_grow(struct buffer *buffer, size_t length);

/* Room for `length` bytes at the end to be written in place and then counted by buffer_advance; NULL on failure. */
static inline char *buffer_reserve(struct buffer *buffer, size_t length)
{
  return length < buffer->capacity - buffer->length ? buffer->data + buffer->length : buffer_grow(buffer, length);
}

static inline void buffer_advance(struct buffer *buffer, size_t length)
{
  buffer->length += length;
}

#endif
