/*
 * What is done at even intervals in an event loop. A timer of libevent's would be set in the kernel for each wait of
 * the loop; this one is set once. Belongs to the loop's thread.
 */
#ifndef BASE_PULSE_H
#define BASE_PULSE_H

#include <stdint.h>

struct event_base;
struct pulse;

typedef void pulse_beat(void *owner);

/* Calls `beat` each `interval` microseconds, once after a delay of several. NULL when there is no memory or no
 * descriptor. */
struct pulse *pulse_new(struct event_base *base, int64_t interval, pulse_beat *beat, void *owner);

void pulse_free(struct pulse *pulse);

#endif
