/* Tests of supervise/listener: supervisord's events, in whatever pieces they come. */
#include "supervise/listener.h"
#include "unit.h"

#define TICK "ver:3.0 server:supervisor serial:21 pool:x poolserial:10 eventname:TICK_5 len:15\nwhen:1201063880"
#define EMPTY                                                                                                          \
  "ver:3.0 server:supervisor serial:22 pool:x poolserial:11 eventname:SUPERVISOR_STATE_CHANGE_RUNNING len:0\n"

/* Gives the text in pieces of `size` and counts events; -1 when it breaks. */
static int count_events(const char *text, size_t size)
{
  struct listener listener = {0};
  int events = 0;
  const size_t length = strlen(text);
  for (size_t at = 0, taken; at < length; at += taken) {
    const size_t piece = length - at < size ? length - at : size;
    const enum listener_result result = listener_take(&listener, text + at, piece, &taken);
    if (result == LISTENER_BROKEN)
      return -1;
    CU_ASSERT_FATAL(taken > 0 && taken <= piece);
    events += result == LISTENER_EVENT;
  }
  return events;
}

static void events_come_in_any_pieces(void)
{
  for (size_t size = 1; size <= sizeof(TICK EMPTY TICK); size++)
    CU_ASSERT_EQUAL(count_events(TICK EMPTY TICK, size), 3);
}

static void half_an_event_is_none(void)
{
  CU_ASSERT_EQUAL(count_events("ver:3.0 server:supervisor ser", 512), 0);
  CU_ASSERT_EQUAL(count_events("ver:3.0 eventname:TICK_5 len:15\nwhen:12010", 512), 0);
}

static void what_is_no_event_is_broken(void)
{
  static const char *const texts[] = {
      "\n",
      "hello\n",
      "HTTP/1.1 200 OK len:3\n",
      "ver:3.0 eventname:TICK_5\n",
      "ver:3.0 eventname:TICK_5 len:\n",
      "ver:3.0 eventname:TICK_5 len:-1\n",
      "ver:3.0 eventname:TICK_5 len:1x\n",
      "ver:3.0 eventname:TICK_5 len:99999999999999999999\n",
      TICK "hello\n",
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    CU_ASSERT_EQUAL(count_events(texts[i], 512), -1);
    CU_ASSERT_EQUAL(count_events(texts[i], 1), -1);
  }
}

static void a_header_without_end_is_broken(void)
{
  char text[LISTENER_HEADER_MAX + 1];
  memset(text, 'v', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  CU_ASSERT_EQUAL(count_events(text, 1), -1);
  CU_ASSERT_EQUAL(count_events(text, sizeof text), -1);
}

UNIT_CASES(listener, UNIT_CASE(events_come_in_any_pieces), UNIT_CASE(half_an_event_is_none),
           UNIT_CASE(what_is_no_event_is_broken), UNIT_CASE(a_header_without_end_is_broken));
