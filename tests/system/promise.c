/* Judges the requests that are asked while a fault lasts. */
#include "system/promise.h"

#include <stdio.h>

#include "system/check.h"
#include "system/faults.h"
#include "system/ledger.h"
#include "system/stack.h"

#define MOVED 1.5       /* until the first chat is saved elsewhere: all servers are looked at each second */
#define SOON 5.0        /* until everything serves again: the marker is looked at each second, pauses end at 0.4 s */
#define QUICK 2.0       /* for a request that nothing should hold up */
#define LONG_ENOUGH 1.0 /* for a request to come */

enum { NO_GRANTS = 500, LATE = 504, WRITERS = 8 };

/* Of those that were asked meanwhile. */
struct tally {
  size_t served; /* and answered meanwhile */
  size_t refused;
  size_t late; /* of these, with 504 */
  double slowest;
  long status; /* an example of the refused */
};

static struct {
  const struct fault *fault; /* NULL between faults */
  double begun;              /* 0 before it is done */
  double ended;              /* 0 while it lasts */
  double saved;              /* when the first chat was that was sent meanwhile */
  struct tally reads;
  struct tally writes;
} promise;

static size_t excused;

void promise_open(const struct fault *fault)
{
  promise = (typeof(promise)){.fault = fault};
}

void promise_begin(void)
{
  promise.begun = stack_clock();
}

void promise_end(void)
{
  promise.ended = stack_clock();
}

static void count(struct tally *tally, const struct ledger_event *event)
{
  const double took = event->ended - event->begun;
  if (took > tally->slowest)
    tally->slowest = took;
  if (!event->success) {
    tally->refused++;
    tally->late += event->status == LATE;
    tally->status = event->status;
  } else if (promise.ended == 0) {
    tally->served++;
  }
}

bool promise_watch(const struct ledger_event *event)
{
  const bool meanwhile =
      promise.begun != 0 && event->begun >= promise.begun && (promise.ended == 0 || event->begun < promise.ended);
  if (meanwhile)
    count(event->writes ? &promise.writes : &promise.reads, event);
  if (meanwhile && event->writes && event->success && promise.saved == 0)
    promise.saved = event->ended;
  const bool excuse = promise.fault && promise.fault->flags & FAULT_GRANTS && event->status == NO_GRANTS;
  excused += excuse;
  return excuse;
}

static void check_served(const char *what, const struct tally *tally)
{
  const char *name = promise.fault->name;
  const bool by_its_end = promise.fault->flags & FAULT_ENDS && tally->late == tally->refused && tally->late <= WRITERS;
  CHECK(tally->refused == 0 || by_its_end, "%s: %zu %s were refused, for example with %ld", name, tally->refused, what,
        tally->status);
  CHECK(tally->slowest <= QUICK, "%s: one of the %s took %.1f s", name, what, tally->slowest);
  if (promise.ended - promise.begun >= LONG_ENOUGH)
    CHECK(tally->served > 0, "%s: no %s were answered", name, what);
}

static void check_refused(const char *what, const struct tally *tally)
{
  CHECK(tally->served == 0, "%s: %zu %s succeeded", promise.fault->name, tally->served, what);
}

static void check_moved(void)
{
  const char *name = promise.fault->name;
  const double took = promise.saved - promise.begun;
  if (!CHECK(promise.saved != 0, "%s: no chat was saved in %.1f s", name, promise.ended - promise.begun))
    return;
  printf(", the first chat was saved after %.0f ms", took * 1000);
  CHECK(took <= MOVED, "%s: the first chat was saved only after %.2f s", name, took);
}

void promise_check(double undone, double well)
{
  const unsigned flags = promise.fault->flags;
  if (flags & FAULT_READS)
    check_served("reads", &promise.reads);
  if (flags & FAULT_WRITES)
    check_served("writes", &promise.writes);
  if (flags & FAULT_NO_READS)
    check_refused("reads", &promise.reads);
  if (flags & FAULT_NO_WRITES)
    check_refused("writes", &promise.writes);
  if (flags & FAULT_MOVES)
    check_moved();
  if (flags & FAULT_SOON && well != 0)
    CHECK(well - undone <= SOON, "%s: everything serves only %.1f s after its end", promise.fault->name, well - undone);
  promise = (typeof(promise)){0};
}

size_t promise_excused(void)
{
  return excused;
}
