/*
 * Writes JSON straight into a buffer: values, and keys that need no escaping. Commas and brackets are the caller's.
 * Failure is the buffer's, sticky (base/buffer.h). Not thread-safe for one buffer.
 */
#ifndef JSON_WRITER_H
#define JSON_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "repo/fields.h"

/* A quoted string; `text` is valid UTF-8. */
void json_string(struct buffer *buffer, const char *text, size_t length);

/* How many bytes json_string would write. */
size_t json_string_size(const char *text, size_t length);

/* The same for text that ends with NUL; NULL becomes null. */
void json_text(struct buffer *buffer, const char *text);

/* `"name":` for a name of our own, which is not escaped. */
void json_key(struct buffer *buffer, const char *name);

void json_integer(struct buffer *buffer, int64_t number);

/* A number that reads back as the same: of up to nine decimals the fewest, at least one (0.87, 1.0); else with 15 to 17
 * digits. null where it is not finite. */
void json_real(struct buffer *buffer, double number);

/* A TIME value as RFC 3339 in quotes; null for the infinities and outside the years 1 to 9999, which RFC 3339 does not
 * know. */
void json_time(struct buffer *buffer, int64_t time);

/* A value by its field's type; null where it is absent. */
void json_value(struct buffer *buffer, enum field field, const struct value *value);

#endif
