/* What of a JSON string stands for itself: everything but the quotation mark, the backslash and control characters. */
#ifndef JSON_PLAIN_H
#define JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PLAIN_EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline bool plain_is(unsigned char byte)
{
  return byte >= 0x20 && byte != '"' && byte != '\\';
}

/* The high bit of each of eight bytes that is below `limit`, at most 0x80; bytes above 0x7f never are. */
static inline uint64_t plain_below(uint64_t word, unsigned char limit)
{
  return (word - PLAIN_EACH_BYTE(limit)) & ~word & PLAIN_EACH_BYTE(0x80);
}

/* Length of the beginning that stands for itself. Questions and answers are mostly that, so eight bytes are tried at
 * once. Turning one bit over makes the quotation mark 0x20, next to the control characters, which stay below it. */
static inline size_t plain_run(const char *text, size_t length)
{
  size_t at = 0;
  for (uint64_t word; length - at >= sizeof word; at += sizeof word) {
    memcpy(&word, text + at, sizeof word);
    if (plain_below(word ^ PLAIN_EACH_BYTE('"' ^ 0x20), 0x21) | plain_below(word ^ PLAIN_EACH_BYTE('\\'), 1))
      break;
  }
  while (at < length && plain_is((unsigned char)text[at]))
    at++;
  return at;
}

#endif
