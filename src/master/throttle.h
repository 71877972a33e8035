/* How long to wait before a process that died is started again. Pure: time is passed in, steady microseconds. */
#ifndef MASTER_THROTTLE_H
#define MASTER_THROTTLE_H

#include <stdint.h>

/* A life shorter than this counts as a failed start. */
#define THROTTLE_SHORT_LIFE INT64_C(1000000)

/* The pause after the first failed start; it doubles with each further one, up to the longest. */
#define THROTTLE_FIRST_PAUSE INT64_C(100000)
#define THROTTLE_LONGEST_PAUSE INT64_C(5000000)

/* One per place of a process; begins zeroed. */
struct throttle {
  int64_t pause; /* the last one, 0 after a long life */
};

/* Records a life and returns the pause before the next one: 0 at once. */
int64_t throttle_died(struct throttle *throttle, int64_t started, int64_t died);

#endif
