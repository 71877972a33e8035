/* Strict text: what comes from outside is UTF-8 or refused, a number or refused. Pure functions, thread-safe. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Valid UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, at most U+10FFFF. */
bool text_is_utf8(const char *text, size_t length);

/* Length of the longest beginning that is valid UTF-8. */
size_t text_utf8_length(const char *text, size_t length);

/* Number of characters (code points) in valid UTF-8. */
size_t text_characters(const char *text, size_t length);

/* Narrows the span to what lies between Unicode white space at its ends. */
void text_trim(const char **text, size_t *length);

/* Nothing but Unicode white space, or nothing at all. */
bool text_is_blank(const char *text, size_t length);

/* A whole decimal integer with an optional minus: no plus, no blanks, no overflow. */
bool text_to_integer(const char *text, size_t length, int64_t *ret_number);

/* A finite decimal number that ends with NUL, read with a point whatever the program's locale. Beyond what a double
 * holds it is an infinity. */
double text_to_real(const char *text);

/* Percent-decoding into `out` (at least `length` bytes; may be `text` itself); false for a broken escape. `+` stays a
 * plus. What comes out may hold NUL and broken UTF-8. */
bool text_percent_decode(const char *text, size_t length, char *out, size_t *ret_length);

/* The same; what comes out is UTF-8, but may hold NUL. Returns NULL, or what is wrong in words. */
const char *text_decode(const char *text, size_t length, char *out, size_t *ret_length);

#endif
