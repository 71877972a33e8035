/* The buffer: growth, ceiling, sticky failure. */
#include "base/buffer.h"
#include "base/cleanup.h"
#include "unit.h"

static void holds_what_was_appended(void)
{
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 1024);
  CU_ASSERT_PTR_NULL(buffer.data);
  buffer_append(&buffer, "ab", 2);
  buffer_append_text(&buffer, "cd");
  buffer_append_integer(&buffer, INT64_MIN);
  buffer_append_format(&buffer, "-%s-%d", "x", 7);
  UNIT_TEXT(buffer.data, buffer.length, "abcd-9223372036854775808-x-7");
}

static void writes_integers(void)
{
  static const struct {
    int64_t number;
    const char *text;
  } cases[] = {{0, "0"}, {-1, "-1"}, {10, "10"}, {INT64_MAX, "9223372036854775807"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CLEANUP(buffer_free) struct buffer buffer;
    buffer_init(&buffer, 64);
    buffer_append_integer(&buffer, cases[i].number);
    UNIT_TEXT(buffer.data, buffer.length, cases[i].text);
  }
}

static void grows_up_to_its_ceiling(void)
{
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 3000);
  for (int i = 0; i < 3000; i++)
    buffer_append(&buffer, "x", 1);
  CU_ASSERT_FALSE(buffer.failed);
  CU_ASSERT_EQUAL(buffer.length, 3000);
  CU_ASSERT(buffer.capacity <= 3000);
  buffer_append(&buffer, "x", 1);
  CU_ASSERT_TRUE(buffer.failed);
}

static void failure_is_sticky_until_cleared(void)
{
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 4);
  buffer_append(&buffer, "12345", 5);
  buffer_append(&buffer, "1", 1);
  CU_ASSERT_TRUE(buffer.failed);
  CU_ASSERT_EQUAL(buffer.length, 0);
  CU_ASSERT_PTR_NULL(buffer_reserve(&buffer, 0));
  buffer_clear(&buffer, 4096);
  buffer_append(&buffer, "1234", 4);
  UNIT_TEXT(buffer.data, buffer.length, "1234");
}

static void clear_keeps_only_little_memory(void)
{
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 1 << 20);
  buffer_append(&buffer, "x", 1);
  char *data = buffer.data;
  buffer_clear(&buffer, 4096);
  CU_ASSERT_PTR_EQUAL(buffer.data, data);
  CU_ASSERT_PTR_NOT_NULL(buffer_reserve(&buffer, 100000));
  buffer_clear(&buffer, 4096);
  CU_ASSERT_PTR_NULL(buffer.data);
}

static void counts_what_was_written_in_place(void)
{
  CLEANUP(buffer_free) struct buffer buffer;
  buffer_init(&buffer, 1024);
  char *room = buffer_reserve(&buffer, 10);
  memcpy(room, "hello", 5);
  buffer_advance(&buffer, 5);
  UNIT_TEXT(buffer.data, buffer.length, "hello");
}

UNIT_CASES(buffer, UNIT_CASE(holds_what_was_appended), UNIT_CASE(writes_integers), UNIT_CASE(grows_up_to_its_ceiling),
           UNIT_CASE(failure_is_sticky_until_cleared), UNIT_CASE(clear_keeps_only_little_memory),
           UNIT_CASE(counts_what_was_written_in_place));
