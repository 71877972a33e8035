/* What lontard's pool and liblontar's lender decide alike. */
#include "pool/rules.h"

#include "base/clock.h"

#define FIRST_PAUSE (100 * CLOCK_MILLISECOND)
#define LAST_PAUSE (5 * CLOCK_SECOND)

static int64_t below(int64_t limit, uint32_t random)
{
  return limit > 0 ? (int64_t)(random % (uint64_t)limit) : 0;
}

int64_t rules_back_off(int failures, uint32_t random)
{
  int64_t pause = FIRST_PAUSE;
  for (int i = 1; i < failures && pause < LAST_PAUSE; i++)
    pause *= 2;
  pause = pause < LAST_PAUSE ? pause : LAST_PAUSE;
  return pause + below(pause / 10, random);
}

int64_t rules_recycle_at(int64_t opened, int64_t life, uint32_t random)
{
  return opened + life - below(life / 10, random);
}

int64_t rules_pause(int64_t pause, int attempts, uint32_t random)
{
  return below(pause * attempts, random);
}
