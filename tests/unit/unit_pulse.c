/* Tests of base/pulse: it beats at its interval, and once for several that were missed. */
#include <event2/event.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pulse.h"
#include "unit.h"

enum { INTERVAL = 10000 };

static void count(void *owner)
{
  ++*(int *)owner;
}

static void it_beats_at_its_interval(void)
{
  int beats = 0;
  struct event_base *base = event_base_new();
  const int64_t begun = clock_steady();
  struct pulse *pulse = pulse_new(base, INTERVAL, count, &beats);
  CU_ASSERT_PTR_NOT_NULL_FATAL(pulse);
  while (beats < 5)
    CU_ASSERT_EQUAL_FATAL(event_base_loop(base, EVLOOP_ONCE), 0);
  CU_ASSERT(clock_steady() - begun >= 5 * INTERVAL);
  (void)usleep(5 * INTERVAL);
  CU_ASSERT_EQUAL(event_base_loop(base, EVLOOP_ONCE), 0);
  CU_ASSERT_EQUAL(beats, 6);
  pulse_free(pulse);
  CU_ASSERT_EQUAL(event_base_loop(base, EVLOOP_NONBLOCK), 1); /* nothing is left to wait for */
  event_base_free(base);
}

UNIT_CASES(pulse, UNIT_CASE(it_beats_at_its_interval));
