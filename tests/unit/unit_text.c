/* Strict text: UTF-8, trimming, numbers, percent-decoding. */
#include "base/text.h"
#include "unit.h"

#define LITERAL(text) (text), sizeof(text) - 1

static void accepts_utf8(void)
{
  CU_ASSERT_TRUE(text_is_utf8("", 0));
  CU_ASSERT_TRUE(text_is_utf8(LITERAL("plain text, longer than a word")));
  CU_ASSERT_TRUE(text_is_utf8(LITERAL("\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF")));
  CU_ASSERT_TRUE(text_is_utf8(LITERAL("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF")));
  CU_ASSERT_TRUE(text_is_utf8("\0", 1));
}

static void refuses_what_is_not_utf8(void)
{
  static const char *const broken[] = {
      "\x80",                 /* a continuation alone */
      "\xC0\xAF",             /* overlong slash */
      "\xC1\xBF",             /* overlong */
      "\xE0\x9F\xBF",         /* overlong */
      "\xED\xA0\x80",         /* surrogate */
      "\xF0\x8F\xBF\xBF",     /* overlong */
      "\xF4\x90\x80\x80",     /* beyond U+10FFFF */
      "\xF5\x80\x80\x80",     /* never a first byte */
      "\xE2\x82",             /* cut */
      "12345678\xE2\x82",     /* cut behind a whole word */
      "\xE2\x28\xA1",         /* no continuation */
      "\xF0\x90\x80\x28 etc", /* no continuation at the end */
      "\xFF",
  };
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
    CU_ASSERT_FALSE(text_is_utf8(broken[i], strlen(broken[i])));
}

static void measures_valid_beginnings(void)
{
  CU_ASSERT_EQUAL(text_utf8_length(LITERAL("12345678ab\xE2\x82")), 10);
  CU_ASSERT_EQUAL(text_utf8_length(LITERAL("\xC3\xA9\xE9 and more than a word")), 2);
  CU_ASSERT_EQUAL(text_utf8_length("", 0), 0);
}

static void counts_characters_not_bytes(void)
{
  CU_ASSERT_EQUAL(text_characters(LITERAL("aksara \xEA\xA6\xB2\xEA\xA6\xA4")), 9);
  CU_ASSERT_EQUAL(text_characters("", 0), 0);
}

static void trims_unicode_white_space(void)
{
  static const struct {
    const char *text;
    const char *trimmed;
  } cases[] = {
      {"  a b\t\r\n", "a b"}, {"\xC2\xA0\xE3\x80\x80x\xE2\x80\x83", "x"}, {" \xE2\x80\xA8 ", ""}, {"", ""}, {"x", "x"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *text = cases[i].text;
    size_t length = strlen(text);
    text_trim(&text, &length);
    UNIT_TEXT(text, length, cases[i].trimmed);
  }
}

static void knows_what_is_blank(void)
{
  CU_ASSERT_TRUE(text_is_blank("", 0));
  CU_ASSERT_TRUE(text_is_blank(LITERAL(" \t\n\xC2\x85\xC2\xA0\xE3\x80\x80")));
  CU_ASSERT_FALSE(text_is_blank(LITERAL("  x  ")));
  CU_ASSERT_FALSE(text_is_blank(LITERAL(" \xE2\x80\x8B")));
  CU_ASSERT_FALSE(text_is_blank(LITERAL("\0")));
}

static void reads_whole_numbers(void)
{
  static const struct {
    const char *text;
    int64_t number;
  } cases[] = {
      {"0", 0}, {"-0", 0}, {"007", 7}, {"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int64_t number = -5;
    CU_ASSERT_TRUE(text_to_integer(cases[i].text, strlen(cases[i].text), &number));
    CU_ASSERT_EQUAL(number, cases[i].number);
  }
}

static void refuses_other_numbers(void)
{
  static const char *const wrong[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1a",
                                      "0x",
                                      "1.",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    int64_t number = -5;
    CU_ASSERT_FALSE(text_to_integer(wrong[i], strlen(wrong[i]), &number));
    CU_ASSERT_EQUAL(number, -5);
  }
}

static void decodes_percent(void)
{
  char out[32];
  size_t length = 0;
  CU_ASSERT_TRUE(text_percent_decode(LITERAL("a%2Fb%c3%A9+"), out, &length));
  UNIT_TEXT(out, length, "a/b\xC3\xA9+");
  char same[] = "%41%42";
  CU_ASSERT_TRUE(text_percent_decode(same, 6, same, &length));
  UNIT_TEXT(same, length, "AB");
  CU_ASSERT_FALSE(text_percent_decode(LITERAL("%"), out, &length));
  CU_ASSERT_FALSE(text_percent_decode(LITERAL("%4"), out, &length));
  CU_ASSERT_FALSE(text_percent_decode(LITERAL("%G1"), out, &length));
  CU_ASSERT_FALSE(text_percent_decode(LITERAL("%1G"), out, &length));
}

static void says_what_cannot_be_decoded(void)
{
  char out[32];
  size_t length = 0;
  CU_ASSERT_PTR_NULL(text_decode(LITERAL("%00%c3%a9"), out, &length));
  CU_ASSERT_EQUAL(length, 3);
  CU_ASSERT_STRING_EQUAL(text_decode(LITERAL("%c3%a"), out, &length), "a percent sign without two hexadecimal digits");
  CU_ASSERT_STRING_EQUAL(text_decode(LITERAL("%c3"), out, &length), "what the escapes say is not UTF-8");
}

UNIT_CASES(text, UNIT_CASE(accepts_utf8), UNIT_CASE(refuses_what_is_not_utf8), UNIT_CASE(measures_valid_beginnings),
           UNIT_CASE(counts_characters_not_bytes), UNIT_CASE(trims_unicode_white_space), UNIT_CASE(knows_what_is_blank),
           UNIT_CASE(reads_whole_numbers), UNIT_CASE(refuses_other_numbers), UNIT_CASE(decodes_percent),
           UNIT_CASE(says_what_cannot_be_decoded));
