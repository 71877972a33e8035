/* Unicode's characters written out for tests, apart from the code under test. */
#ifndef TESTS_CHARACTERS_H
#define TESTS_CHARACTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { CHARACTERS_END = 0x110000, CHARACTER_UTF8_MAX = 4, CHARACTER_ESCAPES_SIZE = 13 };

static inline bool character_is_surrogate(uint32_t character)
{
  return character >= 0xD800 && character <= 0xDFFF;
}

/* By the table of RFC 3629; returns the length. */
static inline size_t character_utf8(uint32_t character, char out[CHARACTER_UTF8_MAX])
{
  static const unsigned char first[] = {0, 0, 0xC0, 0xE0, 0xF0};
  const size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
  out[0] = (char)(first[length] | character >> 6 * (length - 1));
  for (size_t i = 1; i < length; i++)
    out[i] = (char)(0x80 | (character >> 6 * (length - 1 - i) & 0x3F));
  return length;
}

/* \uXXXX, or two of them, with letters of one case; returns the length. */
static inline size_t character_escapes(uint32_t character, bool upper, char out[CHARACTER_ESCAPES_SIZE])
{
  const uint32_t behind = character - 0x10000;
  const uint16_t units[2] = {(uint16_t)(character < 0x10000 ? character : 0xD800 + (behind >> 10)),
                             (uint16_t)(0xDC00 + (behind & 0x3FF))};
  const size_t count = character < 0x10000 ? 1 : 2;
  for (size_t i = 0; i < count; i++)
    (void)snprintf(out + 6 * i, 7, upper ? "\\u%04X" : "\\u%04x", units[i]);
  return 6 * count;
}

/* As it may stand in a JSON string: itself, or escaped where it must be. */
static inline size_t character_bare(uint32_t character, char out[CHARACTER_ESCAPES_SIZE])
{
  if (character < 0x20 || character == '"' || character == '\\')
    return character_escapes(character, false, out);
  return character_utf8(character, out);
}

#endif
