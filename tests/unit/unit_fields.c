/* Fields: names, bounds, grammars. */
#include <math.h>

#include "repo/fields.h"
#include "unit.h"

/* What the rules say of a text, NULL when it is good. */
static const char *parse(enum field field, const char *text)
{
  struct value value = {0};
  const char *wrong = field_parse(field, text, strlen(text), &value);
  CU_ASSERT_EQUAL(value.state, wrong == NULL ? VALUE_SET : VALUE_ABSENT);
  return wrong;
}

#define GOOD(field, text) CU_ASSERT_PTR_NULL(parse(FIELD_##field, text))
#define WRONG(field, text, message)                                                                                    \
  do {                                                                                                                 \
    const char *wrong_ = parse(FIELD_##field, text);                                                                   \
    UNIT_TEXT(wrong_ != NULL ? wrong_ : "", wrong_ != NULL ? strlen(wrong_) : 0, message);                             \
  } while (0)

static void names_find_their_fields(void)
{
  for (int field = FIELD_none + 1; field < FIELD_COUNT; field++)
    CU_ASSERT_EQUAL(field_find(field_rows[field].name, strlen(field_rows[field].name)), (enum field)field);
  CU_ASSERT_EQUAL(field_find("user", 4), FIELD_none);
  CU_ASSERT_EQUAL(field_find("user_id", 4), FIELD_none);
  CU_ASSERT_EQUAL(field_find("", 0), FIELD_none);
}

static void integers_have_bounds(void)
{
  GOOD(limit, "1");
  GOOD(limit, "100");
  WRONG(limit, "0", "must be from 1 to 100");
  WRONG(limit, "101", "must be from 1 to 100");
  WRONG(limit, "1.0", "must be a whole number");
  WRONG(limit, "", "must be a whole number");
  WRONG(id, "0", "must be at least 1");
  GOOD(id, "9223372036854775807");
}

static void reals_have_bounds(void)
{
  GOOD(confidence, "0");
  GOOD(confidence, "1");
  GOOD(confidence, "5e-1");
  WRONG(confidence, "1.01", "must be from 0 to 1");
  WRONG(confidence, "-0.5", "must be from 0 to 1");
  WRONG(confidence, "nan", "must be a number");
  WRONG(confidence, "0x1", "must be a number");
  WRONG(confidence, " 1", "must be a number");
  WRONG(confidence, "1e999", "must be a number");
  struct value value = {.state = VALUE_SET, .real = (double)NAN};
  CU_ASSERT_PTR_NOT_NULL(field_check(FIELD_confidence, &value));
}

static void texts_are_counted_in_characters(void)
{
  GOOD(username, "abc");
  WRONG(username, "ab", "must be 3 to 50 characters long");
  WRONG(username, "\xC3\xA9\xC3\xA9", "must be 3 to 50 characters long");
  GOOD(username, "\xC3\xA9\xC3\xA9\xC3\xA9");
  GOOD(full_name, "");
  WRONG(question, " \t\xC2\xA0", "must not be blank");
}

static void trim_narrows_the_text(void)
{
  struct value value = {0};
  CU_ASSERT_PTR_NULL(field_parse(FIELD_username, "  budi ", 7, &value));
  UNIT_TEXT(value.text, value.length, "budi");
  CU_ASSERT_PTR_NULL(field_parse(FIELD_password, " secret ", 8, &value));
  UNIT_TEXT(value.text, value.length, " secret ");
}

static void texts_stay_as_they_are(void)
{
  static const char text[] = "\n\t  def f():\n    return 1 \xC2\xA0\xE3\x80\x80\r\n";
  static const enum field fields[] = {FIELD_question, FIELD_response, FIELD_filename, FIELD_password};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    struct value value = {0};
    CU_ASSERT_PTR_NULL(field_parse(fields[i], text, strlen(text), &value));
    UNIT_TEXT(value.text, value.length, text);
  }
  WRONG(response, "", "must not be blank");
  WRONG(response, "\xE2\x80\xA8\v\f\xE1\x9A\x80", "must not be blank");
  GOOD(response, "\xE2\x80\x8B"); /* ZERO WIDTH SPACE is no white space to Unicode */
}

static void grammars_are_kept(void)
{
  GOOD(role, "guru");
  WRONG(role, "Guru", "must be siswa, guru or admin");
  GOOD(vkp_version, "1.20.3");
  static const char *const versions[] = {"1.2", "1.2.3.4", "1..2", ".1.2", "1.2.", "1.2.x", "v1.2.3", ""};
  for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
    WRONG(vkp_version, versions[i], "must be a version MAJOR.MINOR.PATCH");
  GOOD(after, "17");
  GOOD(after, "-inf_17");
  WRONG(after, "x", "must be a cursor from an earlier answer");
  GOOD(all, "true");
  WRONG(all, "yes", "must be true or false");
}

static void nul_is_refused(void)
{
  struct value value = {0};
  const char *wrong = field_parse(FIELD_username, "bu\0di", 5, &value);
  CU_ASSERT_PTR_NOT_NULL_FATAL(wrong);
  CU_ASSERT_STRING_EQUAL(wrong, "must not contain the character NUL");
}

static void times_are_never_given(void)
{
  WRONG(created_at, "2026-01-01T00:00:00Z", "cannot be given");
}

UNIT_CASES(fields, UNIT_CASE(names_find_their_fields), UNIT_CASE(integers_have_bounds), UNIT_CASE(reals_have_bounds),
           UNIT_CASE(texts_are_counted_in_characters), UNIT_CASE(trim_narrows_the_text),
           UNIT_CASE(texts_stay_as_they_are), UNIT_CASE(grammars_are_kept), UNIT_CASE(nul_is_refused),
           UNIT_CASE(times_are_never_given));
