/* The grammar of JSON as a table: what is read and what is refused, alone and as a part of something. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "json/body.h"
#include "json/reader.h"
#include "unit.h"

enum { DEPTH = 16 };

struct read {
  json_object *value;
  enum lontar_error error;
  struct json_fault fault;
};

static void read_free(struct read *read)
{
  (void)json_object_put(read->value);
}
#define CLEANUP_READ CLEANUP(read_free)

/* The bytes are copied to memory of their exact size, so that a read beyond them is noticed. */
static struct read read_bytes(const char *data, size_t length)
{
  struct read read = {.fault = {.what = ""}};
  char *copy = malloc(length > 0 ? length : 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
  memcpy(copy, data, length);
  read.error = json_read_value(copy, length, DEPTH, &read.value, &read.fault);
  free(copy);
  return read;
}

/* clang-format off */
static const char *const valid[] = {
    "0", "-0", "1", "-1", "10", "123456789", "0.5", "-0.5", "0.0", "-0.0", "1.0", "10.01", "1e1", "1E1", "1e+1",
    "1e-1", "0e0", "0e1", "0e+1", "0E-1", "0.1e1", "-1.5E+10",
    "1.000000000000000000000000000000000000000000000000000000000000001", "9223372036854775807",
    "-9223372036854775808", "9223372036854775808", "18446744073709551615", "18446744073709551616",
    "-9223372036854775809", "100000000000000000000000000000000000000000000000000000000000000000000", "1e400",
    "-1e400", "1e-400", "123.456e78", "1e0000000000000000000000000000000000000000000000000000000000000000000001",
    "0.4e00669999999999999999999999999999999999999999999999999999999969999999006", "true", "false", "null", "\"\"",
    "\" \"", "\"a\"", "\"\\\"\"", "\"\\\\\"", "\"\\/\"", "\"/\"", "\"\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\u0041\"",
    "\"\\uaBcD\"", "\"\\u0022\\u005c\"", "\"\\\\u0041\"", "\"\\\\\\\\u\"", "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"",
    "\"\\uDBFF\\uDFFF\"", "\"\\uD800\\uDC00\"", "\"\\uFFFE\\uFFFF\"", "\"\\uFEFF\"", "\"\xEF\xBB\xBF\"", "\"\x7F\"",
    "\"\xC2\x80\"", "\"\xE2\x80\xA8\xE2\x80\xA9\"", "\"\xF4\x8F\xBF\xBF\"", "\"\xEF\xBF\xBF\"", "\"{[:,]}'//*\"",
    "[]", "[ ]", "[\t\n\r ]", "[1]", "[ 1 , 2 ]", "[null]", "[[]]", "[[],[]]", "[1,\"a\",true,null,{},[]]", "{}",
    "{ }", "{\"\":0}", "{\"a\":1}", "{ \"a\" : 1 , \"b\" : 2 }", "{\"a\":{}}", "{\"a\":{\"b\":[{\"c\":null}]}}",
    "{\"\\u0061\":\"a\"}", "{\"a\\nb\":1}", "{\"a\":1,\"A\":2}", "{\"a\":[{\"x\":1},{\"x\":2}]}", " 1", "1 ",
    "\t\r\n 1\t\r\n ", "\r\n{\"a\"\r\n:\r\n1\r\n}\r\n", "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]",
};

static const char *const invalid[] = {
    "", " ", "00", "01", "-00", "-01", "00.5", "-00.5", "00e1", "000", "-012", "0123.4", ".5", "-.5", "1.", "-1.",
    "1.e1", "0.e1", "1e", "1E", "1e+", "1e-", "1e+-1", "1ee1", "1e1.5", "1e1e1", "1.2.3", "0.1.", "-", "--1", "+1",
    "++1", "-+1", "- 1", "1 2", "1 000", "1_000", "1,000.5.", "0x1", "0X1", "-0x1", "0b1", "0o7", "1f", "1L", "1a",
    "-a", "-foo", "NaN", "-NaN", "nan", "Infinity", "-Infinity", "+Infinity", "Inf", "infinity", "1.0.0", "$1",
    "\xEF\xBC\x91", "True", "TRUE", "tru", "t", "truth", "truetrue", "nul", "nulll", "Null", "NULL", "fals", "False",
    "None", "undefined", "yes", "a", "*", "\"", "\"a", "a\"", "'a'", "'", "`a`", "\"a\\\"", "\"\\\"", "\"\\a\"",
    "\"\\x41\"", "\"\\0\"", "\"\\'\"", "\"\\U0041\"", "\"\\ \"", "\"\\\n\"", "\"\\u\"", "\"\\u0\"", "\"\\u00\"",
    "\"\\u004\"", "\"\\u004g\"", "\"\\u 041\"", "\"\\u+041\"", "\"\\u-041\"", "\"\\u0x41\"", "\"\\u{41}\"",
    "\"\\\\\\\"", "\"\\\xC3\xA9\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\\"", "\"\\ud800\\u\"",
    "\"\\ud800\\u1\"", "\"\\ud800\\udc0\"", "\"\\ud800\\udbff\"", "\"\\udc00\\ud800\"", "\"\\ud800 \\udc00\"",
    "\"\\ud800\\\\udc00\"", "\"\\uD83D\xF0\x9F\x98\x80\"", "\"a\nb\"", "\"a\tb\"", "\"a\rb\"", "\"\x01\"", "\"\x1F\"",
    "\"\xFF\"", "\"\xE9\"", "\"caf\xE9 \"", "\"\x80\"", "\"\xC0\xAF\"", "\"\xE0\x80\xAF\"", "\"\xED\xA0\x80\"",
    "\"\xED\xA0\xBD\xED\xB8\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xF8\x88\x80\x80\x80\"", "\"\xC3\"", "\"\xE2\x82\"",
    "\"\xF0\x9F\x98\"", "\"a\" \"b\"", "\"a\"b", "\"a\" // b", "[", "]", "[1", "[1,", "[,1]", "[1,]", "[1,,2]", "[,]",
    "[1 2]", "[1:2]", "[\"a\":1]", "[1}", "[1]]", "[\"a\"", "[\"a", "[a]", "[1;2]", "[\v1]", "[\f1]", "[1\xC2\xA0]",
    "[\xE2\x81\xA0]", "[/**/1]", "[1//\n]", "[-]", "[1.]", "[.1]", "[01]", "[\\u0020 1]", "[+1]", "[nul", "[][]",
    "(1)", "<a>", "{", "}", "{1:1}", "{null:1}", "{a:1}", "{'a':1}", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{\"a\":1,",
    "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1,,\"b\":2}", "{\"a\" 1}", "{\"a\",1}", "{\"a\"=1}", "{\"a\"::1}", "{:1}",
    "{\"a\":1 \"b\":2}", "{\"a\":1;\"b\":2}", "{\"a\":1]", "{\"a\":1}}", "{\"a\":1} x", "{\"a\":/**/1}",
    "{\"a\":1}//", "{\"a\":1}/**/", "{\"a\":1}#", "{[]:1}", "{{}}", "{\"a\":1:2}", "{\"a", "{\"a\"", "{\"a\":",
    "{\"a\":\"b", "{}{}", "{} {}", "{}1", "{} \v", "\xEF\xBB\xBF{}", "\xEF\xBB\xBF", "\xEF\xBB{}", "\xFF\xFE{",
    "\xFE\xFF", "\xC3\xA5", "\x7F", "\x01", "[\x01]", "\xE2\x80\x8B" "1", "\xC2\xA0" "1", "1\xC2\xA0", "\x1E{}\n",
    "1\f", "1\v",
};
/* clang-format on */

/* A document is read or refused alone, in an array, and as a member of a body, where it is not known: 422, not 400. */
static void check_document(const char *text, bool good)
{
  static const struct field_inputs inputs = {.may = UINT64_C(1) << FIELD_title};
  char body[256];
  CLEANUP_READ struct read alone = read_bytes(text, strlen(text));
  if ((alone.error == LONTAR_OK) != good)
    printf("\n    %s: %s\n", good ? "refused" : "read", text);
  CU_ASSERT_EQUAL(alone.error, good ? LONTAR_OK : LONTAR_MALFORMED);
  (void)snprintf(body, sizeof body, "[7,%s]", text);
  CLEANUP_READ struct read item = read_bytes(body, strlen(body));
  CU_ASSERT_EQUAL(item.error, good ? LONTAR_OK : LONTAR_MALFORMED);
  int length = snprintf(body, sizeof body, "{\"title\":\"ab\",\"extra\":%s}", text);
  struct json_object *parsed;
  struct values values = {0};
  struct problems problems = {.count = 0};
  enum lontar_error error = body_parse(body, (size_t)length, &inputs, &parsed, &values, &problems);
  if (error != (good ? LONTAR_INVALID : LONTAR_MALFORMED))
    printf("\n    %s in a body: %s\n", good ? "refused" : "read", text);
  CU_ASSERT_EQUAL(error, good ? LONTAR_INVALID : LONTAR_MALFORMED);
  CU_ASSERT_EQUAL(problems.count, good ? 1 : 0);
  CU_ASSERT_EQUAL(problems.detail[0] == '\0', good);
  json_object_put(parsed);
}

static void the_grammar_is_kept(void)
{
  for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
    check_document(valid[i], true);
  for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
    check_document(invalid[i], false);
}

/* Cut anywhere, or with a byte too many, a document is none. */
static void every_beginning_is_refused(void)
{
  static const char text[] = "{\"a\":[1.5e+3,\"x\\n\\ud83d\\ude00\xC3\xA9\",{\"b\":null}],\"c\":true}";
  for (size_t length = 0; length < sizeof text - 1; length++) {
    CLEANUP_READ struct read read = read_bytes(text, length);
    CU_ASSERT_EQUAL(read.error, LONTAR_MALFORMED);
    CU_ASSERT_TRUE(read.fault.at <= length);
  }
  CLEANUP_READ struct read whole = read_bytes(text, sizeof text - 1);
  CU_ASSERT_EQUAL(whole.error, LONTAR_OK);
  CLEANUP_READ struct read nul = read_bytes(text, sizeof text);
  CU_ASSERT_EQUAL(nul.error, LONTAR_MALFORMED);
}

UNIT_CASES(grammar, UNIT_CASE(the_grammar_is_kept), UNIT_CASE(every_beginning_is_refused));
