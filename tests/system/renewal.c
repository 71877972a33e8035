/* The daemon's workers following each other, all of them, after a signal to the master. */
#include "system/renewal.h"

#include <signal.h>

#include "system/check.h"
#include "system/stack.h"

#define STARTED "lontar_start_time_seconds"

enum { WAIT_SECONDS = 30 };

static long long recycles;
static double started;
static double newest; /* of all images seen: an old one's workers may still answer, from its board */

double renewal_started(void)
{
  const double told = stack_number(STARTED);
  newest = told > newest ? told : newest;
  return newest;
}

/* An upgrade begins with a new board, whose counters are those of the new image. */
void renewal_begin(int signal)
{
  const long long workers = stack_metric("lontar_workers");
  started = signal == SIGHUP ? 0 : renewal_started();
  recycles = workers + (signal == SIGHUP ? stack_metric(RENEWAL_RECYCLES) : 0);
  stack_signal(signal);
}

bool renewal_has_ended(void)
{
  return stack_number(STARTED) == renewal_started() && newest > started && stack_metric(RENEWAL_RECYCLES) >= recycles;
}

void renewal_wait(void)
{
  CHECK(stack_wait(renewal_has_ended, WAIT_SECONDS), "not all workers were followed in %d seconds", WAIT_SECONDS);
}

void renewal_run(int signal)
{
  renewal_begin(signal);
  renewal_wait();
}
