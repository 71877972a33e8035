/* The table of fields and the rules that their rows name. */
#include "repo/fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "repo/cursor.h"

const struct field_row field_rows[FIELD_COUNT] = {
    [FIELD_none] = {.name = "", .type = FIELD_TEXT, .meaning = ""},
#define FIELD(name, type, least, most, rules, meaning)                                                                 \
  [FIELD_##name] = {#name, FIELD_##type, least, most, rules, meaning},
#include "repo/fields.def"
#undef FIELD
};

static const unsigned char name_lengths[FIELD_COUNT] = {
#define FIELD(name, ...) [FIELD_##name] = sizeof #name - 1,
#include "repo/fields.def"
#undef FIELD
};

enum { REAL_TEXT_MAX = 64 };

static const char must_not_be_blank[] = "must not be blank";

/* Holds a sentence with numbers in it until the thread's next one. */
static __thread char sentence[128];

enum field field_find(const char *name, size_t length)
{
  for (int field = FIELD_none + 1; field < FIELD_COUNT; field++)
    if (name_lengths[field] == length && memcmp(field_rows[field].name, name, length) == 0)
      return (enum field)field;
  return FIELD_none;
}

size_t field_time_text(int64_t time, char *out)
{
  int64_t wall;
  if (!__builtin_add_overflow(time, FIELD_TIME_EPOCH, &wall))
    return clock_rfc3339(wall, out);
  *out = '\0';
  return 0;
}

static const char *out_of_range(const struct field_row *row)
{
  if (row->most == INT64_MAX)
    (void)snprintf(sentence, sizeof sentence, "must be at least %lld", (long long)row->least);
  else
    (void)snprintf(sentence, sizeof sentence, "must be from %lld to %lld", (long long)row->least, (long long)row->most);
  return sentence;
}

static bool is_word(const struct value *value, const char *word)
{
  return value->length == strlen(word) && memcmp(value->text, word, value->length) == 0;
}

/* MAJOR.MINOR.PATCH, decimal digits each. */
static bool is_version(const char *text, size_t length)
{
  int dots = 0;
  bool digit_before = false;
  for (size_t i = 0; i < length; i++) {
    bool digit = text[i] >= '0' && text[i] <= '9';
    if (!digit && (text[i] != '.' || !digit_before))
      return false;
    dots += !digit;
    digit_before = digit;
  }
  return dots == 2 && digit_before;
}

static bool is_cursor(const char *text, size_t length)
{
  int64_t time;
  int64_t id;
  return cursor_parse(text, length, false, NULL, &id) || cursor_parse(text, length, true, &time, &id);
}

static const char *check_grammar(unsigned rules, const struct value *value)
{
  if ((rules & RULE_ROLE) && !is_word(value, "siswa") && !is_word(value, "guru") && !is_word(value, "admin"))
    return "must be siswa, guru or admin";
  if ((rules & RULE_VERSION) && !is_version(value->text, value->length))
    return "must be a version MAJOR.MINOR.PATCH";
  if ((rules & RULE_CURSOR) && !is_cursor(value->text, value->length))
    return "must be a cursor from an earlier answer";
  if ((rules & RULE_BOOLEAN) && !is_word(value, "true") && !is_word(value, "false"))
    return "must be true or false";
  if ((rules & RULE_NOT_BLANK) && text_is_blank(value->text, value->length))
    return must_not_be_blank;
  return NULL;
}

static const char *check_text(const struct field_row *row, struct value *value)
{
  if (memchr(value->text, '\0', value->length) != NULL)
    return "must not contain the character NUL";
  if (row->rules & RULE_TRIM)
    text_trim(&value->text, &value->length);
  const char *wrong = check_grammar(row->rules, value);
  if (wrong != NULL)
    return wrong;
  int64_t characters = (int64_t)text_characters(value->text, value->length);
  if (characters >= row->least && characters <= row->most)
    return NULL;
  if (characters == 0 && row->least == 1)
    return must_not_be_blank;
  (void)snprintf(sentence, sizeof sentence, "must be %lld to %lld characters long", (long long)row->least,
                 (long long)row->most);
  return sentence;
}

const char *field_check(enum field field, struct value *value)
{
  const struct field_row *row = &field_rows[field];
  switch (row->type) {
  case FIELD_INTEGER:
    return value->integer >= row->least && value->integer <= row->most ? NULL : out_of_range(row);
  case FIELD_REAL: /* not a number fails both comparisons */
    return value->real >= (double)row->least && value->real <= (double)row->most ? NULL : out_of_range(row);
  case FIELD_TEXT:
    return check_text(row, value);
  case FIELD_TIME:
    break;
  }
  return NULL;
}

static bool parse_real(const char *text, size_t length, double *ret_number)
{
  char copy[REAL_TEXT_MAX];
  if (length == 0 || length >= sizeof copy)
    return false;
  memcpy(copy, text, length);
  copy[length] = '\0';
  /* strtod would also take blanks, words and hexadecimal digits. */
  if (strspn(copy, "0123456789+-.eE") != length)
    return false;
  char *end;
  double number = strtod(copy, &end);
  if (*end != '\0' || !isfinite(number))
    return false;
  *ret_number = number;
  return true;
}

const char *field_parse(enum field field, const char *text, size_t length, struct value *ret_value)
{
  struct value value = {.state = VALUE_SET};
  switch (field_rows[field].type) {
  case FIELD_INTEGER:
    if (!text_to_integer(text, length, &value.integer))
      return "must be a whole number";
    break;
  case FIELD_REAL:
    if (!parse_real(text, length, &value.real))
      return "must be a number";
    break;
  case FIELD_TEXT:
    value_set_text(&value, text, length);
    break;
  case FIELD_TIME:
    return "cannot be given";
  }
  const char *wrong = field_check(field, &value);
  if (wrong == NULL)
    *ret_value = value;
  return wrong;
}
