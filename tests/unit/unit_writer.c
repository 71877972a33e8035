/* JSON values. */
#include <math.h>
#include <stdlib.h>

#include "json/writer.h"
#include "unit.h"

static struct buffer buffer;

/* What was written since the last time is `expected`. */
static void check(const char *expected)
{
  UNIT_TEXT(buffer.data, buffer.length, expected);
  buffer_free(&buffer);
}

static void start(void)
{
  buffer_init(&buffer, 1 << 20);
}

static void check_size(const char *text, size_t length)
{
  start();
  json_string(&buffer, text, length);
  CU_ASSERT_EQUAL(json_string_size(text, length), buffer.length);
  buffer_free(&buffer);
}

static void sizes_are_known_before(void)
{
  char text[256];
  for (int byte = 0; byte < 256; byte++)
    text[byte] = (char)byte;
  for (size_t begin = 0; begin <= sizeof text; begin++)
    for (size_t length = 0; length <= sizeof text - begin; length += 7)
      check_size(text + begin, length);
}

static void strings_are_escaped(void)
{
  start();
  json_string(&buffer, "", 0);
  check("\"\"");
  json_string(&buffer, "a\"\\/\b\f\n\r\t\0\x1f\x7f\xC3\xA9", 14);
  check("\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f\xC3\xA9\"");
  json_text(&buffer, NULL);
  check("null");
  json_key(&buffer, "name");
  check("\"name\":");
}

/* The fast path looks at eight bytes at once: a byte to escape is found at each place of them. */
static void escapes_are_found_everywhere(void)
{
  static const char special[] = {'"', '\\', '\x01', '\x1f'};
  start();
  for (size_t at = 0; at < 24; at++)
    for (size_t i = 0; i < sizeof special; i++) {
      char text[24];
      memset(text, at % 2 ? '\xA2' : ' ', sizeof text);
      text[at] = special[i];
      json_string(&buffer, text, sizeof text);
      CU_ASSERT_EQUAL(buffer.length, sizeof text + 2 + (special[i] < ' ' ? 5 : 1));
      CU_ASSERT_EQUAL(buffer.data[1 + at], '\\');
      buffer_free(&buffer);
    }
}

static void reals_are_short(void)
{
  static const struct {
    double number;
    const char *text;
  } cases[] = {
      {0, "0.0"},
      {1, "1.0"},
      {-0.0, "-0.0"},
      {0.5, "0.5"},
      {0.87, "0.87"},
      {-12.375, "-12.375"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1.0 / 3, "0.3333333333333333"},
      {1e-7, "0.0000001"},
      {1e300, "1e+300"},
      {5e-324, "4.94065645841247e-324"},
      {(double)INFINITY, "null"},
      {(double)NAN, "null"},
  };
  start();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    json_real(&buffer, cases[i].number);
    check(cases[i].text);
  }
}

static void reals_read_back_as_they_were(void)
{
  uint64_t state = 88172645463325252;
  start();
  for (int i = 0; i < 20000; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    double number = i % 2 ? (double)(state % 100000) / 100000 : (double)state / 1e19;
    json_real(&buffer, number);
    buffer_append(&buffer, "", 1);
    CU_ASSERT_EQUAL(strtod(buffer.data, NULL), number);
    buffer_clear(&buffer, 4096);
  }
  buffer_free(&buffer);
}

static void times_are_rfc3339_or_null(void)
{
  start();
  json_time(&buffer, 820638245000006);
  check("\"2026-01-02T03:04:05.000006Z\"");
  json_time(&buffer, INT64_MIN);
  check("null");
  json_time(&buffer, INT64_MAX);
  check("null");
  json_time(&buffer, INT64_C(9223371331199999999)); /* the last moment of PostgreSQL, in the year 294276 */
  check("null");
  json_time(&buffer, INT64_C(252455615999999999));
  check("\"9999-12-31T23:59:59.999999Z\"");
  json_time(&buffer, INT64_C(252455616000000000));
  check("null");
  json_time(&buffer, INT64_C(-63082281600000000));
  check("\"0001-01-01T00:00:00Z\"");
  json_time(&buffer, INT64_C(-63082281600000001));
  check("null");
}

static void values_follow_their_fields(void)
{
  struct value value = {0};
  start();
  json_value(&buffer, FIELD_id, &value);
  check("null");
  value_set_integer(&value, -3);
  json_value(&buffer, FIELD_id, &value);
  check("-3");
  json_value(&buffer, FIELD_created_at, &(struct value){.state = VALUE_SET, .integer = 0});
  check("\"2000-01-01T00:00:00Z\"");
  value_set_text(&value, "x", 1);
  json_value(&buffer, FIELD_title, &value);
  check("\"x\"");
  json_value(&buffer, FIELD_confidence, &(struct value){.state = VALUE_SET, .real = 0.25});
  check("0.25");
}

UNIT_CASES(writer, UNIT_CASE(sizes_are_known_before), UNIT_CASE(strings_are_escaped),
           UNIT_CASE(escapes_are_found_everywhere), UNIT_CASE(reals_are_short), UNIT_CASE(reals_read_back_as_they_were),
           UNIT_CASE(times_are_rfc3339_or_null), UNIT_CASE(values_follow_their_fields));
