/* The prober's steps as pure functions over events and time. */
#include "health/probe.h"

#include "base/clock.h"

void probe_begin(struct probe *probe, int64_t now)
{
  *probe = (struct probe){.word = BOARD_DATABASE_UNKNOWN, .step = PROBE_PAUSING, .until = now};
}

static enum probe_action enter(struct probe *probe, enum probe_step step, int64_t until, enum probe_action action)
{
  probe->step = step;
  probe->until = until;
  return action;
}

static enum probe_action open_now(struct probe *probe, int64_t now)
{
  probe->began = now;
  probe->poked = false;
  return enter(probe, PROBE_OPENING, now + PROBE_DEADLINE, PROBE_OPEN);
}

static int64_t pause_after(int failures, uint32_t random)
{
  int64_t pause = PROBE_FIRST_PAUSE;
  for (int i = 1; i < failures && pause < PROBE_LONGEST_PAUSE; i++)
    pause *= 2;
  if (pause > PROBE_LONGEST_PAUSE)
    pause = PROBE_LONGEST_PAUSE;
  return pause + (int64_t)(random % (uint64_t)(pause / 10));
}

/* While nothing proves it away, the database may be asked by another connection. */
static int64_t earliest(const struct probe *probe, int64_t now)
{
  return clock_later(now, probe->began + PROBE_GAP);
}

/* The connection that was open is of no use. */
static enum probe_action suspect(struct probe *probe, int64_t now)
{
  const int64_t next = earliest(probe, now);
  return next == now ? open_now(probe, now) : enter(probe, PROBE_PAUSING, next, PROBE_CLOSE);
}

bool probe_again(struct probe *probe)
{
  const bool first = probe->step == PROBE_OPENING && probe->word == BOARD_DATABASE_UP && probe->failures == 0;
  probe->failures += first;
  return first;
}

enum probe_action probe_failed(struct probe *probe, int64_t now, bool excused, uint32_t random)
{
  if (probe->step == PROBE_LISTENING || probe->step == PROBE_CHECKING)
    return suspect(probe, now);
  probe->failures++;
  probe->word = excused ? BOARD_DATABASE_UP : BOARD_DATABASE_DOWN;
  return enter(probe, PROBE_PAUSING, now + pause_after(probe->failures, random), PROBE_CLOSE);
}

enum probe_action probe_moved(struct probe *probe, int64_t now)
{
  return open_now(probe, now);
}

enum probe_action probe_silent(struct probe *probe, bool excused)
{
  probe->word = excused ? BOARD_DATABASE_UP : BOARD_DATABASE_DOWN;
  return enter(probe, PROBE_OPENING, probe->began + PROBE_PATIENCE, PROBE_WAIT);
}

enum probe_action probe_due(struct probe *probe, int64_t now, uint32_t random)
{
  if (now < probe->until)
    return PROBE_WAIT;
  if (probe->step == PROBE_PAUSING || (probe->step == PROBE_LISTENING && probe->poked))
    return open_now(probe, now);
  if (probe->step == PROBE_LISTENING)
    return enter(probe, PROBE_CHECKING, now + PROBE_DEADLINE, PROBE_ASK);
  return probe_failed(probe, now, false, random);
}

enum probe_action probe_answered(struct probe *probe, int64_t now)
{
  probe->word = BOARD_DATABASE_UP;
  probe->failures = 0;
  return enter(probe, PROBE_LISTENING, probe->poked ? earliest(probe, now) : now + PROBE_INTERVAL, PROBE_WAIT);
}

void probe_hurry(struct probe *probe, int64_t at)
{
  if (probe->step == PROBE_LISTENING && at < probe->until)
    probe->until = at;
}

void probe_poked(struct probe *probe, int64_t now)
{
  if (probe->step == PROBE_PAUSING) {
    if (probe->word == BOARD_DATABASE_UP) /* only by what the workers said */
      probe->until = earliest(probe, now);
    return;
  }
  probe->poked = true;
  if (probe->step != PROBE_OPENING)
    (void)enter(probe, PROBE_LISTENING, earliest(probe, now), PROBE_WAIT);
}
