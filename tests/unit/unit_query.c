/* Query strings. */
#include "json/body.h"
#include "unit.h"

#define BIT(name) (UINT64_C(1) << FIELD_##name)

static const struct field_inputs inputs = {
    .must = BIT(older_than_days),
    .may = BIT(limit) | BIT(q) | BIT(full_name),
};

struct parsed {
  struct values values;
  struct problems problems;
  enum lontar_error error;
  char scratch[128];
};

static void parse(const char *query, struct parsed *ret_parsed)
{
  *ret_parsed = (struct parsed){.error = LONTAR_OK};
  CU_ASSERT_FATAL(strlen(query) <= sizeof ret_parsed->scratch);
  ret_parsed->error =
      query_parse(query, strlen(query), &inputs, ret_parsed->scratch, &ret_parsed->values, &ret_parsed->problems);
}

static void invalid(const char *query, const char *field, const char *message)
{
  struct parsed parsed;
  parse(query, &parsed);
  CU_ASSERT_EQUAL(parsed.error, LONTAR_INVALID);
  CU_ASSERT_EQUAL(parsed.problems.count, 1);
  UNIT_TEXT(parsed.problems.of[0].field, strlen(parsed.problems.of[0].field), field);
  UNIT_TEXT(parsed.problems.of[0].message, strlen(parsed.problems.of[0].message), message);
}

static void pairs_set_values(void)
{
  struct parsed parsed;
  parse("older_than_days=30&q=siti+n%C3%A9%2B&&lim%69t=5&full_name", &parsed);
  CU_ASSERT_EQUAL_FATAL(parsed.error, LONTAR_OK);
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_older_than_days].integer, 30);
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_limit].integer, 5);
  UNIT_TEXT(parsed.values.of[FIELD_q].text, parsed.values.of[FIELD_q].length, "siti n\xC3\xA9+");
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_full_name].state, VALUE_SET);
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_full_name].length, 0);
}

static void wrong_pairs_are_named(void)
{
  invalid("older_than_days=1&page=2", "page", "is not known here");
  invalid("older_than_days=1&id=2", "id", "is not known here");
  invalid("older_than_days=1&older_than_days=1", "older_than_days", "is given twice");
  invalid("older_than_days=", "older_than_days", "must be a whole number");
  invalid("older_than_days=1&q=a%00b", "q", "must not contain the character NUL");
  invalid("older_than_days=1&limit=101", "limit", "must be from 1 to 100");
}

static void unreadable_queries_are_malformed(void)
{
  static const struct {
    const char *query;
    const char *detail;
  } cases[] = {
      {"older_than_days=1&q=%",
       "In the query, in q, which begins at byte 19: a percent sign without two hexadecimal digits"},
      {"older_than_days=1&q=%FF", "In the query, in q, which begins at byte 19: what the escapes say is not UTF-8"},
      {"%zz=1", "In the query, in a parameter, which begins at byte 1: a percent sign without two hexadecimal digits"},
      {"q=%C3&=%A9", "In the query, in q, which begins at byte 1: what the escapes say is not UTF-8"},
      {"rahasia=%C3", "In the query, in a parameter, which begins at byte 1: what the escapes say is not UTF-8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct parsed parsed;
    parse(cases[i].query, &parsed);
    CU_ASSERT_EQUAL(parsed.error, LONTAR_MALFORMED);
    UNIT_TEXT(parsed.problems.detail, strlen(parsed.problems.detail), cases[i].detail);
  }
}

UNIT_CASES(query, UNIT_CASE(pairs_set_values), UNIT_CASE(wrong_pairs_are_named),
           UNIT_CASE(unreadable_queries_are_malformed));
