/* Strict text. */
#include "base/text.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_continuation(unsigned char byte)
{
  return (byte & 0xC0) == 0x80;
}

/* Length of the character at `at`, 0 when it is not valid UTF-8. The second byte carries the odd bounds (RFC 3629). */
static size_t character_length(const unsigned char *at, size_t left)
{
  unsigned char first = at[0];
  if (first < 0x80)
    return 1;
  if (first < 0xC2 || first > 0xF4)
    return 0;
  size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (left < length)
    return 0;
  unsigned char least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  unsigned char most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < least || at[1] > most)
    return 0;
  for (size_t i = 2; i < length; i++)
    if (!is_continuation(at[i]))
      return 0;
  return length;
}

size_t text_utf8_length(const char *text, size_t length)
{
  const unsigned char *bytes = (const unsigned char *)text;
  size_t at = 0;
  while (at < length) {
    uint64_t word;
    if (length - at >= sizeof word) {
      memcpy(&word, bytes + at, sizeof word);
      if ((word & HIGH_BITS) == 0) { /* eight ASCII bytes at once: nearly all there is */
        at += sizeof word;
        continue;
      }
    }
    size_t step = character_length(bytes + at, length - at);
    if (step == 0)
      break;
    at += step;
  }
  return at;
}

bool text_is_utf8(const char *text, size_t length)
{
  return text_utf8_length(text, length) == length;
}

/* All bytes but the continuations. In a word those have the high bit and not the next one; the product adds the eight
 * marks up in its highest byte. */
size_t text_characters(const char *text, size_t length)
{
  size_t count = length;
  size_t at = 0;
  for (uint64_t word; length - at >= sizeof word; at += sizeof word) {
    memcpy(&word, text + at, sizeof word);
    uint64_t marks = (word & ~(word << 1) & HIGH_BITS) >> 7;
    count -= (size_t)(marks * UINT64_C(0x0101010101010101) >> 56);
  }
  for (; at < length; at++)
    count -= is_continuation((unsigned char)text[at]);
  return count;
}

/* Every character with Unicode's White_Space property. */
static const char *const white_space[] = {
    " ",
    "\t",
    "\n",
    "\v",
    "\f",
    "\r",
    "\xC2\x85",
    "\xC2\xA0",
    "\xE1\x9A\x80",
    "\xE2\x80\x80",
    "\xE2\x80\x81",
    "\xE2\x80\x82",
    "\xE2\x80\x83",
    "\xE2\x80\x84",
    "\xE2\x80\x85",
    "\xE2\x80\x86",
    "\xE2\x80\x87",
    "\xE2\x80\x88",
    "\xE2\x80\x89",
    "\xE2\x80\x8A",
    "\xE2\x80\xA8",
    "\xE2\x80\xA9",
    "\xE2\x80\xAF",
    "\xE2\x81\x9F",
    "\xE3\x80\x80",
};

/* ASCII, and neither white space nor control: what nearly every text begins and ends with. */
static bool is_graph(unsigned char byte)
{
  return byte > ' ' && byte < 0x7f;
}

/* Length of the white space character at the beginning or the end of the text, 0 when there is none. */
static size_t white_space_at(const char *text, size_t length, bool at_end)
{
  if (length == 0 || is_graph((unsigned char)text[at_end ? length - 1 : 0]))
    return 0;
  for (size_t i = 0; i < sizeof white_space / sizeof *white_space; i++) {
    size_t size = strlen(white_space[i]);
    if (size <= length && memcmp(at_end ? text + length - size : text, white_space[i], size) == 0)
      return size;
  }
  return 0;
}

void text_trim(const char **text, size_t *length)
{
  size_t size;
  while ((size = white_space_at(*text, *length, false)) > 0) {
    *text += size;
    *length -= size;
  }
  while ((size = white_space_at(*text, *length, true)) > 0)
    *length -= size;
}

bool text_is_blank(const char *text, size_t length)
{
  size_t size;
  for (; (size = white_space_at(text, length, false)) > 0; text += size)
    length -= size;
  return length == 0;
}

bool text_to_integer(const char *text, size_t length, int64_t *ret_number)
{
  bool negative = length > 0 && text[0] == '-';
  size_t at = negative ? 1 : 0;
  if (at == length)
    return false;
  int64_t number = 0; /* kept negative: the negative range is the larger one */
  for (; at < length; at++) {
    if (text[at] < '0' || text[at] > '9')
      return false;
    if (__builtin_mul_overflow(number, 10, &number) || __builtin_sub_overflow(number, text[at] - '0', &number))
      return false;
  }
  if (!negative && number == INT64_MIN)
    return false;
  *ret_number = negative ? number : -number;
  return true;
}

static locale_t plain;

static void make_plain(void)
{
  plain = newlocale(LC_ALL_MASK, "C", NULL);
}

double text_to_real(const char *text)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, make_plain);
  return strtod_l(text, NULL, plain);
}

static int hex_digit(char digit)
{
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  if (digit >= 'a' && digit <= 'f')
    return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F')
    return digit - 'A' + 10;
  return -1;
}

bool text_percent_decode(const char *text, size_t length, char *out, size_t *ret_length)
{
  size_t written = 0;
  for (size_t at = 0; at < length; at++) {
    char byte = text[at];
    if (byte == '%') {
      int high = length - at > 2 ? hex_digit(text[at + 1]) : -1;
      int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
      if (low < 0)
        return false;
      byte = (char)(high * 16 + low);
      at += 2;
    }
    out[written++] = byte;
  }
  *ret_length = written;
  return true;
}

const char *text_decode(const char *text, size_t length, char *out, size_t *ret_length)
{
  size_t decoded;
  if (!text_percent_decode(text, length, out, &decoded))
    return "a percent sign without two hexadecimal digits";
  if (!text_is_utf8(out, decoded))
    return "what the escapes say is not UTF-8";
  *ret_length = decoded;
  return NULL;
}
