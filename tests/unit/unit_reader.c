/* The reader of JSON: every character in every form, what values are, and what it says of what is wrong. */
#include <json-c/json.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "characters.h"
#include "json/reader.h"
#include "unit.h"

enum { DEPTH = 16, TELL_SIZE = 192 };

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

/* ---- Every character ---- */

/* Whether the string in `form` is read as the character, between two others. */
static bool reads_as(const char *form, size_t form_length, const char *want, size_t length)
{
  char text[64], expected[16];
  int size = snprintf(text, sizeof text, "\"a%.*sz\"", (int)form_length, form);
  expected[0] = 'a';
  memcpy(expected + 1, want, length);
  expected[length + 1] = 'z';
  CLEANUP_READ struct read read = read_bytes(text, (size_t)size);
  return read.error == LONTAR_OK && (size_t)json_object_get_string_len(read.value) == length + 2 &&
         memcmp(json_object_get_string(read.value), expected, length + 2) == 0;
}

static void every_character_is_read_in_every_form(void)
{
  char want[CHARACTER_UTF8_MAX], form[CHARACTER_ESCAPES_SIZE];
  unsigned wrong = 0;
  for (uint32_t character = 0; character < CHARACTERS_END; character++) {
    if (character_is_surrogate(character))
      continue;
    const size_t length = character_utf8(character, want);
    bool good = reads_as(form, character_escapes(character, false, form), want, length) &&
                reads_as(form, character_escapes(character, true, form), want, length) &&
                reads_as(form, character_bare(character, form), want, length);
    if (!good && wrong++ < 5)
      printf("\n    U+%04X is read as something else\n", (unsigned)character);
  }
  CU_ASSERT_EQUAL(wrong, 0);
}

static void half_a_pair_is_no_character(void)
{
  static const char *const behind[] = {"\"", "a\"", "\\n\"", "\\u0041\"", "\\ud800\"", "\\", ""};
  char text[64], form[CHARACTER_ESCAPES_SIZE];
  for (uint32_t character = 0xD800; character <= 0xDFFF; character++)
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
      (void)character_escapes(character, false, form);
      int size = snprintf(text, sizeof text, "\"%s%s", form, behind[i]);
      CLEANUP_READ struct read read = read_bytes(text, (size_t)size);
      CU_ASSERT_EQUAL(read.error, LONTAR_MALFORMED);
      CU_ASSERT_PTR_NOT_NULL(strstr(read.fault.what, "surrogate"));
    }
}

static void bare_control_characters_are_refused(void)
{
  for (char byte = 1; byte < 0x20; byte++) {
    const char text[] = {'"', 'a', byte, '"'};
    CLEANUP_READ struct read read = read_bytes(text, sizeof text);
    CU_ASSERT_EQUAL(read.error, LONTAR_MALFORMED);
  }
}

/* Of any two bytes, and of the first bytes that lead to more, those that are no UTF-8. */
static void broken_utf8_is_refused(void)
{
  for (unsigned bytes = 0x2080; bytes < 0x10000; bytes++) {
    const char text[] = {'"', (char)(bytes >> 8), (char)bytes, '"', ' '};
    bool good = text_is_utf8(text, sizeof text) && text[1] != '"' && text[1] != '\\' && text[2] != '"' &&
                text[2] != '\\' && (bytes & 0xFF) >= 0x20;
    if (text[1] == '"' || text[1] == '\\' || text[2] == '"')
      continue;
    CLEANUP_READ struct read read = read_bytes(text, sizeof text);
    CU_ASSERT_EQUAL(read.error, good ? LONTAR_OK : LONTAR_MALFORMED);
  }
}

/* ---- What values are ---- */

static void check_integer(const char *text, int64_t expected)
{
  CLEANUP_READ struct read read = read_bytes(text, strlen(text));
  CU_ASSERT_TRUE(json_object_is_type(read.value, json_type_int));
  CU_ASSERT_EQUAL(json_object_get_int64(read.value), expected);
}

static void check_real(const char *text, double expected)
{
  CLEANUP_READ struct read read = read_bytes(text, strlen(text));
  CU_ASSERT_TRUE(json_object_is_type(read.value, json_type_double));
  double got = json_object_get_double(read.value);
  CU_ASSERT_TRUE(got == expected && signbit(got) == signbit(expected));
  CU_ASSERT_STRING_EQUAL(json_object_to_json_string(read.value), text);
}

static void numbers_are_what_they_say(void)
{
  check_integer("0", 0);
  check_integer("-0", 0);
  check_integer("9223372036854775807", INT64_MAX);
  check_integer("-9223372036854775808", INT64_MIN);
  CLEANUP_READ struct read large = read_bytes("18446744073709551615", 20);
  CU_ASSERT_TRUE(json_object_is_type(large.value, json_type_int));
  CU_ASSERT_EQUAL(json_object_get_uint64(large.value), UINT64_MAX);
  check_real("18446744073709551616", 18446744073709551616.0);
  check_real("-9223372036854775809", -9223372036854775808.0);
  check_real("-0.0", -0.0);
  check_real("0.1", 0.1);
  check_real("1e1", 10);
  check_real("1e400", (double)INFINITY);
  check_real("-1e400", -(double)INFINITY);
  check_real("1e-400", 0);
  check_real("100000000000000000000000000000000000000000000000000000000000000000000000", 1e71);
}

static void the_last_of_doubled_names_stays(void)
{
  static const char text[] = "{\"a\":1,\"b\":2,\"\\u0061\":3}";
  CLEANUP_READ struct read read = read_bytes(text, strlen(text));
  CU_ASSERT_EQUAL_FATAL(read.error, LONTAR_OK);
  CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(read.value, JSON_C_TO_STRING_PLAIN), "{\"a\":3,\"b\":2}");
}

static void nesting_has_an_end(void)
{
  char text[2 * DEPTH + 8];
  for (size_t depth = DEPTH; depth <= DEPTH + 1; depth++) {
    memset(text, '[', depth);
    text[depth] = '1';
    memset(text + depth + 1, ']', depth);
    CLEANUP_READ struct read read = read_bytes(text, 2 * depth + 1);
    CU_ASSERT_EQUAL(read.error, depth > DEPTH ? LONTAR_MALFORMED : LONTAR_OK);
  }
}

/* ---- What is said of it ---- */

static void told(const char *data, size_t length, const char *expected)
{
  json_object *object = NULL;
  struct json_fault fault;
  char text[TELL_SIZE] = "";
  if (json_read_object(data, length, DEPTH, &object, &fault) == LONTAR_MALFORMED)
    json_fault_tell(&fault, data, text, sizeof text);
  UNIT_TEXT(text, strlen(text), expected);
  json_object_put(object);
}
#define TOLD(text, expected) told(text, sizeof(text) - 1, expected)

#define NOT_UTF8 "a byte that is not UTF-8: another encoding such as Latin-1, or a character that was cut"
#define HALF "half of a surrogate pair: a character was cut, as by a stream that ends or is split"
#define END "the text ends too early"

static void faults_say_what_and_where(void)
{
  TOLD("[1]", "line 1, column 1: an object is expected, which begins with {");
  TOLD("\n null", "line 2, column 2: an object is expected, which begins with {");
  TOLD("{\"title\":1,\n \"title\":2}", "line 2, column 2, in title: this name was given before");
  TOLD("{\"title\":1,\"t\\u0069tle\":2}", "line 1, column 12, in title: this name was given before");
  TOLD("{\"x\":1,\"x\":2}", "line 1, column 8: this name was given before");
  TOLD("{} x", "line 1, column 4: nothing may follow here");
  TOLD("{}\xFF", "line 1, column 3: " NOT_UTF8);
  TOLD("{\"grade\":NaN}",
       "line 1, column 10, in grade: NaN and Infinity are no numbers in JSON: leave the member out, or give null");
  TOLD("{\"grade\":00.5}", "line 1, column 11, in grade: a number that is not written as JSON writes numbers");
  TOLD("{\"grade\":-}", "line 1, column 11, in grade: a number without a digit where one must be");
  TOLD("\xEF\xBB\xBF{}", "line 1, column 1: a byte order mark, which JSON does not have");
  TOLD("\xFF\xFE{\0}\0", "line 1, column 1: UTF-16 or UTF-32, where UTF-8 is read");
  TOLD("{\0}\0", "line 1, column 1: UTF-16 or UTF-32, where UTF-8 is read");
  TOLD("\0{\0}", "line 1, column 1: UTF-16 or UTF-32, where UTF-8 is read");
  TOLD("{\"question\":\"caf\xE9\"}", "line 1, column 17, in question: " NOT_UTF8);
  TOLD("{\"question\":\"\xC3\xA9\xF0\x9F\x98\"}", "line 1, column 15, in question: " NOT_UTF8);
  TOLD("{\"question\":\"\xC3\xA9\\ud83d\"}", "line 1, column 15, in question: " HALF);
  TOLD("{\"question\":\"a\nb\"}",
       "line 1, column 15, in question: a control character in a string, which must be written as an escape");
  TOLD("{\"question\":\"a\0b\"}", "line 1, column 15, in question: a byte that is 0");
  TOLD("{\"question\":\"\\x\"}", "line 1, column 14, in question: an escape that JSON does not know");
  TOLD("{\"question\":\"\\u12\"}", "line 1, column 14, in question: a Unicode escape without four hexadecimal digits");
  TOLD("{\"question\":\"a", "line 1, column 15, in question: " END);
  TOLD("{\"question\":\"a\\", "line 1, column 16, in question: " END);
  TOLD("{\"question\":", "line 1, column 13, in question: " END);
  TOLD("{\"question\":\"a\"", "line 1, column 16: " END);
  TOLD("{", "line 1, column 2: " END);
  TOLD("{\"question\":[[[[[[[[[[[[[[[[[[", "line 1, column 28, in question: arrays and objects are nested too deep");
  TOLD("{\"question\":'a'}", "line 1, column 13, in question: a string must stand in double quotes");
  TOLD("{'question':1}", "line 1, column 2: a name in double quotes is missing");
  TOLD("{\"question\" 1}", "line 1, column 13, in question: a colon is missing behind a name");
  TOLD("{\"question\":1 2}", "line 1, column 15: a comma or the closing bracket is missing");
  TOLD("{\"question\":1,}", "line 1, column 15: a name in double quotes is missing");
  TOLD("{\"all\":True}", "line 1, column 8, in all: a value is missing, or is not JSON");
  TOLD("{\"all\":tru}", "line 1, column 8, in all: a word that is none of true, false and null");
  TOLD("{\"secret\":tru}", "line 1, column 11: a word that is none of true, false and null");
  TOLD("{\"question\":{\"secret\":tru}}",
       "line 1, column 23, in question: a word that is none of true, false and null");
}

/* A doubled name is found in the time that reading takes, wherever it stands. */
static void many_members_are_read_in_time(void)
{
  enum { MEMBERS = 100000, MEMBER_SIZE = 16 };
  char *text = malloc((size_t)MEMBERS * MEMBER_SIZE);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  size_t length = 0;
  text[length++] = '{';
  for (int i = 0; i < MEMBERS; i++)
    length += (size_t)snprintf(text + length, MEMBER_SIZE, "\"%x\":%d,", i < MEMBERS - 1 ? i : 7, i % 10);
  text[length - 1] = '}';
  json_object *object = NULL;
  struct json_fault fault = {.what = ""};
  CU_ASSERT_EQUAL(json_read_object(text, length, DEPTH, &object, &fault), LONTAR_MALFORMED);
  CU_ASSERT_STRING_EQUAL(fault.what, "this name was given before");
  CU_ASSERT_EQUAL(fault.at, length - sizeof "\"7\":9}" + 1);
  free(text);
}

static void a_name_cannot_hold_nul(void)
{
  static const char text[] = "{\"a\\u0000b\":1}";
  json_object *object = NULL;
  struct json_fault fault;
  CU_ASSERT_EQUAL(json_read_object(text, strlen(text), DEPTH, &object, &fault), LONTAR_INVALID);
  CU_ASSERT_EQUAL(json_read_value(text, strlen(text), DEPTH, &object, &fault), LONTAR_INVALID);
  CU_ASSERT_PTR_NULL(object);
}

static void a_flat_object_keeps_no_more_than_its_text(void)
{
  static const char text[] = "{\"a\":[1,{\"b\":[2]},[]],\"c\":{\"d\":{},\"d\":1},\"e\":\"f\"}";
  json_object *object = NULL;
  struct json_fault fault;
  CU_ASSERT_EQUAL_FATAL(json_read_flat_object(text, strlen(text), DEPTH, &object, &fault), LONTAR_OK);
  const char *kept = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
  UNIT_TEXT(kept, strlen(kept), "{\"a\":[],\"c\":{},\"e\":\"f\"}");
  json_object_put(object);
  static const char *const wrong[] = {"{\"a\":[1,}", "{\"a\":{\"b\":}}", "{\"a\":[],\"a\":[]}", "[]"};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    CU_ASSERT_EQUAL(json_read_flat_object(wrong[i], strlen(wrong[i]), DEPTH, &object, &fault), LONTAR_MALFORMED);
}

UNIT_CASES(reader, UNIT_CASE(a_flat_object_keeps_no_more_than_its_text),
           UNIT_CASE(every_character_is_read_in_every_form), UNIT_CASE(half_a_pair_is_no_character),
           UNIT_CASE(bare_control_characters_are_refused), UNIT_CASE(broken_utf8_is_refused),
           UNIT_CASE(numbers_are_what_they_say), UNIT_CASE(the_last_of_doubled_names_stays),
           UNIT_CASE(nesting_has_an_end), UNIT_CASE(faults_say_what_and_where),
           UNIT_CASE(many_members_are_read_in_time), UNIT_CASE(a_name_cannot_hold_nul));
