/*
 * JSON text into json-c's objects. What is JSON is decided here alone, by the grammar of RFC 8259, and what a text, a
 * name or a number is, too: json-c only keeps what was found, so that its versions do not differ.
 *
 * The text is UTF-8 without a byte order mark, and strings hold no half of a surrogate pair. Whole numbers of up to 64
 * bits are integers, all others doubles that also keep how they were written. Both return
 *   LONTAR_OK         the object is the caller's; null is NULL;
 *   LONTAR_MALFORMED  it is something else, or nested deeper than `depth_max`; `ret_fault` tells what and where;
 *   LONTAR_INVALID    a name holds the character NUL, which json-c cannot keep;
 *   LONTAR_INTERNAL   no memory.
 * Thread-safe.
 */
#ifndef JSON_READER_H
#define JSON_READER_H

#include <stddef.h>

#include <lontar/error.h>

#include "repo/fields.h"

struct json_object;

/* The first thing that is wrong. */
struct json_fault {
  const char *what;  /* static words, nothing of the text */
  size_t at;         /* in bytes from the beginning */
  enum field member; /* the outermost member around it; FIELD_none where its name is none of ours */
};

/* An object, whose own members have different names. */
enum lontar_error json_read_object(const char *text, size_t length, int depth_max, struct json_object **ret_object,
                                   struct json_fault *ret_fault);

/* The same, but its members' arrays and objects stay empty: kept, they could take 250 times the text's memory. */
enum lontar_error json_read_flat_object(const char *text, size_t length, int depth_max, struct json_object **ret_object,
                                        struct json_fault *ret_fault);

/* Any value. Of members with the same name the last one stays. */
enum lontar_error json_read_value(const char *text, size_t length, int depth_max, struct json_object **ret_value,
                                  struct json_fault *ret_fault);

/* "line 1, column 14, in question: …", columns in characters. `text` is what was read. */
void json_fault_tell(const struct json_fault *fault, const char *text, char *out, size_t size);

#endif
