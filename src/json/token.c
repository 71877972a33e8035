/* Strings and numbers of JSON, and how a fault is told. */
#include "json/token.h"

#include "base/text.h"
#include "json/plain.h"

/* ---- Failing ---- */

bool token_fail(struct reader *reader, const char *at, const char *what)
{
  reader->error = LONTAR_MALFORMED;
  *reader->fault = (struct json_fault){
      .what = what,
      .at = (size_t)(at - reader->text),
      .member = field_find(reader->member.text, reader->member.length),
  };
  return false;
}

bool token_fail_memory(struct reader *reader)
{
  reader->error = LONTAR_INTERNAL;
  return false;
}

bool token_fail_here(struct reader *reader, const char *expected)
{
  if (reader->at == reader->end)
    return token_fail(reader, reader->at,
                      reader->cut
                          ? "a byte that is not UTF-8: another encoding such as Latin-1, or a character that was cut"
                          : "the text ends too early");
  return token_fail(reader, reader->at, *reader->at == '\0' ? "a byte that is 0" : expected);
}

/* ---- Strings ---- */

/* The number that four hexadecimal digits write, -1 when they are none. */
static long hex_number(const char *at, const char *end)
{
  char digits[5] = "";
  if (end - at < 4)
    return -1;
  memcpy(digits, at, 4);
  return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

/* Writes a character as UTF-8 and returns what is behind it. */
static char *put_character(char *out, unsigned long character)
{
  if (character < 0x80) {
    *out++ = (char)character;
    return out;
  }
  int shift = character < 0x800 ? 6 : character < 0x10000 ? 12 : 18;
  *out++ = (char)((shift == 6 ? 0xC0 : shift == 12 ? 0xE0 : 0xF0) | character >> shift);
  while ((shift -= 6) >= 0)
    *out++ = (char)(0x80 | (character >> shift & 0x3F));
  return out;
}

/* The character of an escape, or of two that are a surrogate pair, from behind its \u on. */
static bool read_unicode(struct reader *reader, char **out)
{
  const char *begin = reader->at - 2;
  long number = hex_number(reader->at, reader->end);
  if (number < 0)
    return token_fail(reader, begin, "a Unicode escape without four hexadecimal digits");
  reader->at += 4;
  if (number >= 0xD800 && number <= 0xDFFF) {
    const char *second = reader->at;
    bool paired = reader->end - second > 2 && second[0] == '\\' && second[1] == 'u';
    long low = number < 0xDC00 && paired ? hex_number(second + 2, reader->end) : -1;
    if (low < 0xDC00 || low > 0xDFFF)
      return token_fail(reader, begin,
                        "half of a surrogate pair: a character was cut, as by a stream that ends or is split");
    number = 0x10000 + ((number & 0x3FF) << 10) + (low & 0x3FF);
    reader->at += 6;
  }
  *out = put_character(*out, (unsigned long)number);
  return true;
}

static bool read_escape(struct reader *reader, char **out)
{
  static const char names[] = "\"\\/bfnrt";
  static const char bytes[] = "\"\\/\b\f\n\r\t";
  if (++reader->at == reader->end)
    return token_fail_here(reader, "");
  if (token_take(reader, 'u'))
    return read_unicode(reader, out);
  const char *name = memchr(names, *reader->at, sizeof names - 1);
  if (name == NULL)
    return token_fail(reader, reader->at - 1, "an escape that JSON does not know");
  *(*out)++ = bytes[name - names];
  reader->at++;
  return true;
}

/* The rest of a string that holds an escape, whose beginning stands for itself. */
static bool read_escaped(struct reader *reader, const char *begin, struct span *ret_string)
{
  if (reader->scratch == NULL)
    reader->scratch = malloc((size_t)(reader->end - reader->text));
  if (reader->scratch == NULL)
    return token_fail_memory(reader);
  size_t run = (size_t)(reader->at - begin);
  memcpy(reader->scratch, begin, run);
  char *out = reader->scratch + run;
  while (token_is_next(reader, '\\')) {
    if (!read_escape(reader, &out))
      return false;
    run = plain_run(reader->at, (size_t)(reader->end - reader->at));
    memcpy(out, reader->at, run);
    out += run;
    reader->at += run;
  }
  *ret_string = (struct span){reader->scratch, (size_t)(out - reader->scratch)};
  return true;
}

bool token_string(struct reader *reader, struct span *ret_string)
{
  const char *begin = ++reader->at;
  reader->at += plain_run(begin, (size_t)(reader->end - begin));
  *ret_string = (struct span){begin, (size_t)(reader->at - begin)};
  if (token_is_next(reader, '\\') && !read_escaped(reader, begin, ret_string))
    return false;
  return token_take(reader, '"') ||
         token_fail_here(reader, "a control character in a string, which must be written as an escape");
}

/* ---- Numbers ---- */

static bool read_digits(struct reader *reader)
{
  const char *begin = reader->at;
  while (reader->at < reader->end && token_is_digit(*reader->at))
    reader->at++;
  return reader->at > begin || token_fail_here(reader, "a number without a digit where one must be");
}

/* int frac exp; `ret_whole` when it is an int alone. */
static bool scan_number(struct reader *reader, bool *ret_whole)
{
  (void)token_take(reader, '-');
  if (token_is_next(reader, '0'))
    reader->at++;
  else if (!read_digits(reader))
    return false;
  const char *whole_end = reader->at;
  if (token_take(reader, '.') && !read_digits(reader))
    return false;
  if (token_take(reader, 'e') || token_take(reader, 'E')) {
    if (!token_take(reader, '+'))
      (void)token_take(reader, '-');
    if (!read_digits(reader))
      return false;
  }
  *ret_whole = reader->at == whole_end;
  if (reader->at < reader->end && (token_is_digit(*reader->at) || strchr(".+-eExX", *reader->at) != NULL))
    return token_fail_here(reader, "a number that is not written as JSON writes numbers");
  return true;
}

/* Digits alone, of a number that 64 bits hold. */
static bool read_unsigned(struct span digits, uint64_t *ret_number)
{
  uint64_t number = 0;
  for (size_t i = 0; i < digits.length; i++) {
    if (!token_is_digit(digits.text[i]) || __builtin_mul_overflow(number, UINT64_C(10), &number) ||
        __builtin_add_overflow(number, (uint64_t)(digits.text[i] - '0'), &number))
      return false;
  }
  *ret_number = number;
  return true;
}

bool token_number(struct reader *reader, json_object **ret_value)
{
  const char *begin = reader->at;
  int64_t number;
  uint64_t large;
  bool whole;
  if (!scan_number(reader, &whole))
    return false;
  const struct span span = {begin, (size_t)(reader->at - begin)};
  if (whole && text_to_integer(span.text, span.length, &number)) {
    *ret_value = json_object_new_int64(number);
  } else if (whole && read_unsigned(span, &large)) {
    *ret_value = json_object_new_uint64(large);
  } else {
    CLEANUP_COPY struct copy written;
    *ret_value = copy_make(&written, span) ? json_object_new_double_s(text_to_real(written.text), written.text) : NULL;
  }
  return *ret_value != NULL || token_fail_memory(reader);
}
