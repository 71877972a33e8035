/* A timerfd in the loop. */
#include "base/pulse.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

struct pulse {
  int fd;
  struct event event;
  pulse_beat *beat;
  void *owner;
};

static void on_expired(evutil_socket_t fd, short what, void *argument)
{
  const struct pulse *pulse = argument;
  uint64_t expired;
  (void)what;
  if (read(fd, &expired, sizeof expired) == (ssize_t)sizeof expired)
    pulse->beat(pulse->owner);
}

static bool begin(struct pulse *pulse, struct event_base *base, int64_t interval)
{
  const struct timespec period = {interval / CLOCK_SECOND, interval % CLOCK_SECOND * 1000};
  const struct itimerspec times = {period, period};
  return event_assign(&pulse->event, base, pulse->fd, EV_READ | EV_PERSIST, on_expired, pulse) == 0 &&
         event_add(&pulse->event, NULL) == 0 && timerfd_settime(pulse->fd, 0, &times, NULL) == 0;
}

static void free_pointer(struct pulse **pulse)
{
  pulse_free(*pulse);
}

struct pulse *pulse_new(struct event_base *base, int64_t interval, pulse_beat *beat, void *owner)
{
  CLEANUP(free_pointer) struct pulse *pulse = calloc(1, sizeof *pulse);
  if (pulse == NULL)
    return NULL;
  pulse->beat = beat;
  pulse->owner = owner;
  pulse->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  return pulse->fd >= 0 && begin(pulse, base, interval) ? TAKE(pulse) : NULL;
}

void pulse_free(struct pulse *pulse)
{
  if (pulse == NULL)
    return;
  if (event_initialized(&pulse->event))
    (void)event_del(&pulse->event);
  if (pulse->fd >= 0)
    (void)close(pulse->fd);
  free(pulse);
}
