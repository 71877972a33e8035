/* How long to wait before a process that died is started again. */
#include "master/throttle.h"

int64_t throttle_died(struct throttle *throttle, int64_t started, int64_t died)
{
  if (died - started >= THROTTLE_SHORT_LIFE)
    throttle->pause = 0;
  else if (throttle->pause == 0)
    throttle->pause = THROTTLE_FIRST_PAUSE;
  else if (throttle->pause < THROTTLE_LONGEST_PAUSE / 2)
    throttle->pause *= 2;
  else
    throttle->pause = THROTTLE_LONGEST_PAUSE;
  return throttle->pause;
}
