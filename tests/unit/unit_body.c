/* Request bodies. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "json/body.h"
#include "unit.h"

#define BIT(name) (UINT64_C(1) << FIELD_##name)

static const struct field_inputs inputs = {
    .must = BIT(question) | BIT(response),
    .may = BIT(user_id) | BIT(subject_id) | BIT(confidence) | BIT(all),
};

#define TEXTS "\"question\":\"q\",\"response\":\"r\""

struct parsed {
  struct json_object *body;
  struct values values;
  struct problems problems;
  enum lontar_error error;
};

static void parsed_free(struct parsed *parsed)
{
  json_object_put(parsed->body);
}
#define CLEANUP_PARSED CLEANUP(parsed_free)

/* The bytes are copied to memory of their exact size, so that a read beyond them is noticed. */
static struct parsed parse_bytes(const char *data, size_t length)
{
  struct parsed parsed = {0};
  char *copy = malloc(length > 0 ? length : 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
  memcpy(copy, data, length);
  parsed.error = body_parse(copy, length, &inputs, &parsed.body, &parsed.values, &parsed.problems);
  free(copy);
  return parsed;
}

static struct parsed parse(const char *text)
{
  return parse_bytes(text, strlen(text));
}

/* 422 with exactly that problem. */
static void invalid(const char *text, const char *field, const char *message)
{
  CLEANUP_PARSED struct parsed parsed = parse(text);
  CU_ASSERT_EQUAL(parsed.error, LONTAR_INVALID);
  CU_ASSERT_EQUAL(parsed.problems.count, 1);
  UNIT_TEXT(parsed.problems.of[0].field, strlen(parsed.problems.of[0].field), field);
  UNIT_TEXT(parsed.problems.of[0].message, strlen(parsed.problems.of[0].message), message);
}

static void malformed(const char *data, size_t length)
{
  CLEANUP_PARSED struct parsed parsed = parse_bytes(data, length);
  CU_ASSERT_EQUAL(parsed.error, LONTAR_MALFORMED);
  CU_ASSERT_EQUAL(strncmp(parsed.problems.detail, "In the body, line ", 18), 0);
  if (parsed.error != LONTAR_MALFORMED)
    printf("\n    not malformed: %.*s\n", (int)length, data);
}

static void a_good_body_sets_its_values(void)
{
  CLEANUP_PARSED struct parsed parsed = parse(" {\"user_id\": 7, \"subject_id\": null, \"question\": \" why\\n\\u00e9 "
                                              "\", \"response\":\"r\",\"confidence\":1}\n");
  CU_ASSERT_EQUAL_FATAL(parsed.error, LONTAR_OK);
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_user_id].integer, 7);
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_subject_id].state, VALUE_NULL);
  UNIT_TEXT(parsed.values.of[FIELD_question].text, parsed.values.of[FIELD_question].length, " why\n\xC3\xA9 ");
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_confidence].real, 1.0);
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_all].state, VALUE_ABSENT);
}

static void numbers_may_have_exponents(void)
{
  CLEANUP_PARSED struct parsed parsed = parse("{" TEXTS ",\"confidence\":50e-02}");
  CU_ASSERT_EQUAL_FATAL(parsed.error, LONTAR_OK);
  CU_ASSERT_EQUAL(parsed.values.of[FIELD_confidence].real, 0.5);
}

static void booleans_become_words(void)
{
  CLEANUP_PARSED struct parsed parsed = parse("{" TEXTS ",\"all\":true}");
  CU_ASSERT_EQUAL_FATAL(parsed.error, LONTAR_OK);
  UNIT_TEXT(parsed.values.of[FIELD_all].text, parsed.values.of[FIELD_all].length, "true");
  invalid("{" TEXTS ",\"all\":\"true\"}", "all", "must be true or false");
}

static void unreadable_bodies_are_malformed(void)
{
  static const char *const cases[] = {
      "{",
      "}",
      "[]",
      "null",
      "\"text\"",
      "17",
      "{\"question\":\"\\ud800\",\"response\":\"r\"}",
      "{\"question\":\"\\ud800 \\udc00\",\"response\":\"r\"}",
      "{\"question\":\"\\ud800\\ud800\",\"response\":\"r\"}",
      "{\"question\":\"\\udc00\\ud800\",\"response\":\"r\"}",
      "{\"question\":\"\\uDFFF\",\"response\":\"r\"}",
      "{" TEXTS "} x",
      "{" TEXTS "}{}",
      "{" TEXTS ",}",
      "{'question':\"q\"}",
      "{question:\"q\"}",
      "{\"user_id\":01," TEXTS "}",
      "{\"user_id\":NaN," TEXTS "}",
      "{\"confidence\":Infinity," TEXTS "}",
      "{\"confidence\":-Infinity," TEXTS "}",
      "{\"user_id\":TRUE," TEXTS "}",
      "{\"confidence\":.5," TEXTS "}",
      "{\"confidence\":1.," TEXTS "}",
      "{\"confidence\":+1," TEXTS "}",
      "{\"confidence\":-," TEXTS "}",
      "{\"confidence\":-01," TEXTS "}",
      "{\"confidence\":00.5," TEXTS "}",
      "{\"confidence\":00," TEXTS "}",
      "{\"confidence\":00e1," TEXTS "}",
      "{\"confidence\":-.5," TEXTS "}",
      "{\"confidence\":1e," TEXTS "}",
      "{\"confidence\":1e+," TEXTS "}",
      "{\"confidence\":1ee1," TEXTS "}",
      "{\"confidence\":0x1," TEXTS "}",
      "{\"confidence\":1 2," TEXTS "}",
      "{\"confidence\":," TEXTS "}",
      "{\"confidence\"," TEXTS "}",
      "{\v" TEXTS "}",
      "{\f" TEXTS "}",
      "{" TEXTS "}\v",
      "{" TEXTS ",,\"user_id\":1}",
      "{" TEXTS "]",
      "{/* no */" TEXTS "}",
      "{\"question\":\"a\nb\",\"response\":\"r\"}",
      "{\"question\":\"\\x\",\"response\":\"r\"}",
      "{\"question\":\"\xFF\",\"response\":\"r\"}",
      "{\"question\":\"\xED\xA0\x80\",\"response\":\"r\"}",
      "{\"question\":\"a\",\"question\":\"b\",\"response\":\"r\"}",
      "{\"question\":\"a\",\"\\u0071uestion\":\"b\",\"response\":\"r\"}",
      "{\"question\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}",
      "\xEF\xBB\xBF{}",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    malformed(cases[i], strlen(cases[i]));
  malformed("{" TEXTS "}\0", sizeof "{" TEXTS "}");
  malformed("{\"question\":\"a\0b\",\"response\":\"r\"}", 34);
}

static void what_is_malformed_is_told(void)
{
  CLEANUP_PARSED struct parsed parsed = parse("{" TEXTS ",\n\"question\":\"rahasia\"}");
  UNIT_TEXT(parsed.problems.detail, strlen(parsed.problems.detail),
            "In the body, line 2, column 1, in question: this name was given before");
}

static void wrong_values_are_named(void)
{
  invalid("{" TEXTS ",\"colour\":1}", "colour", "is not known here");
  invalid("{" TEXTS ",\"password\":\"secret\"}", "password", "is not known here");
  invalid("{" TEXTS ",\"user_id\":null}", "user_id", "must not be null");
  invalid("{" TEXTS ",\"user_id\":1.0}", "user_id", "must be a whole number");
  invalid("{" TEXTS ",\"user_id\":1e2}", "user_id", "must be a whole number");
  invalid("{" TEXTS ",\"user_id\":\"1\"}", "user_id", "must be a whole number");
  invalid("{" TEXTS ",\"user_id\":true}", "user_id", "must be a whole number");
  invalid("{" TEXTS ",\"user_id\":0}", "user_id", "must be from 1 to 2147483647");
  invalid("{" TEXTS ",\"user_id\":9223372036854775808}", "user_id", "is too large");
  invalid("{" TEXTS ",\"user_id\":99999999999999999999999}", "user_id", "is too large");
  invalid("{" TEXTS ",\"user_id\":-99999999999999999999999}", "user_id", "is too small");
  invalid("{" TEXTS ",\"user_id\":1e400}", "user_id", "is too large");
  invalid("{" TEXTS ",\"user_id\":9223372036854775807}", "user_id", "must be from 1 to 2147483647");
  invalid("{" TEXTS ",\"user_id\":-0}", "user_id", "must be from 1 to 2147483647");
  invalid("{" TEXTS ",\"confidence\":1.5}", "confidence", "must be from 0 to 1");
  invalid("{" TEXTS ",\"confidence\":1e999}", "confidence", "must be from 0 to 1");
  invalid("{" TEXTS ",\"confidence\":\"0.5\"}", "confidence", "must be a number");
  invalid("{\"question\":[\"q\"],\"response\":\"r\"}", "question", "must be a string");
  invalid("{\"question\":{\"a\":1,\"a\":2},\"response\":\"r\"}", "question", "must be a string");
  invalid("{\"question\":\"  \",\"response\":\"r\"}", "question", "must not be blank");
  invalid("{\"question\":\"\\u00a0\\u3000\\t\",\"response\":\"r\"}", "question", "must not be blank");
}

static void nul_is_invalid_wherever_it_hides(void)
{
  invalid("{\"question\":\"a\\u0000b\",\"response\":\"r\"}", "question", "must not contain the character NUL");
  invalid("{" TEXTS ",\"user_id\\u0000\":1}", "", "a name must not contain the character NUL");
  CLEANUP_PARSED struct parsed parsed = parse("{\"question\":\"\\\\u0000\",\"response\":\"r\"}");
  CU_ASSERT_EQUAL(parsed.error, LONTAR_OK); /* an escaped backslash and five letters */
}

static void colons_inside_strings_are_no_members(void)
{
  CLEANUP_PARSED struct parsed parsed = parse("{\"question\":\"a:{\\\"b\\\":[\",\"response\":\"\\\\\"}");
  CU_ASSERT_EQUAL(parsed.error, LONTAR_OK);
}

static void all_problems_are_collected(void)
{
  CLEANUP_PARSED struct parsed parsed = parse("{\"user_id\":0,\"confidence\":2,\"x\":1}");
  CU_ASSERT_EQUAL(parsed.error, LONTAR_INVALID);
  CU_ASSERT_EQUAL(parsed.problems.count, 3);
}

static void surrogate_pairs_are_one_character(void)
{
  CLEANUP_PARSED struct parsed parsed = parse("{\"question\":\"\\ud83d\\udE00!\",\"response\":\"\\\\ud800\"}");
  CU_ASSERT_EQUAL_FATAL(parsed.error, LONTAR_OK);
  UNIT_TEXT(parsed.values.of[FIELD_question].text, parsed.values.of[FIELD_question].length, "\xF0\x9F\x98\x80!");
  UNIT_TEXT(parsed.values.of[FIELD_response].text, parsed.values.of[FIELD_response].length, "\\ud800");
}

static void required_fields_are_not_null(void)
{
  static const struct field_inputs required = {.must = BIT(subject_id)};
  static const char text[] = "{\"subject_id\":null}";
  CLEANUP_PARSED struct parsed parsed = {0};
  parsed.error = body_parse(text, strlen(text), &required, &parsed.body, &parsed.values, &parsed.problems);
  CU_ASSERT_EQUAL(parsed.error, LONTAR_INVALID);
  UNIT_TEXT(parsed.problems.of[0].message, strlen(parsed.problems.of[0].message), "must not be null");
}

static void an_empty_body_gives_nothing(void)
{
  static const struct field_inputs required = {.must = BIT(title)};
  struct json_object *body;
  struct values values = {0};
  struct problems problems = {.count = 0};
  CU_ASSERT_EQUAL(body_parse("", 0, &required, &body, &values, &problems), LONTAR_OK);
  CU_ASSERT_EQUAL(body_parse(" \r\n\t", 4, &required, &body, &values, &problems), LONTAR_OK);
  CU_ASSERT_EQUAL(values.of[FIELD_title].state, VALUE_ABSENT);
  CU_ASSERT_EQUAL(problems.count, 0);
  json_object_put(body);
}

static void a_foreign_text_is_looked_at(void)
{
  static const struct field_inputs title = {.must = BIT(title)};
  struct values values = {0};
  struct problems problems = {.count = 0};
  struct json_object *object = json_object_new_object();
  (void)json_object_object_add(object, "title", json_object_new_string("Kimia \xff"));
  CU_ASSERT_EQUAL(body_read(object, &title, true, &values, &problems), LONTAR_INVALID);
  CU_ASSERT_TRUE(problems_have(&problems, FIELD_title));
  json_object_put(object);
}

UNIT_CASES(body, UNIT_CASE(a_good_body_sets_its_values), UNIT_CASE(numbers_may_have_exponents),
           UNIT_CASE(booleans_become_words), UNIT_CASE(a_foreign_text_is_looked_at),
           UNIT_CASE(unreadable_bodies_are_malformed), UNIT_CASE(what_is_malformed_is_told),
           UNIT_CASE(wrong_values_are_named), UNIT_CASE(nul_is_invalid_wherever_it_hides),
           UNIT_CASE(colons_inside_strings_are_no_members), UNIT_CASE(all_problems_are_collected),
           UNIT_CASE(surrogate_pairs_are_one_character), UNIT_CASE(required_fields_are_not_null),
           UNIT_CASE(an_empty_body_gives_nothing));
