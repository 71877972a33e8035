/* The prober's steps as pure functions over events and time. */
#include "health/probe.h"

void probe_begin(struct probe *probe, int64_t now)
{
  *probe = (struct probe){.word = BOARD_DATABASE_UNKNOWN, .step = PROBE_PAUSING, .until = now};
}

static int64_t later(int64_t one, int64_t other)
{
  return one > other ? one : other;
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

/* The connection that was open is of no use. One that had lasted is followed at once. */
static enum probe_action suspect(struct probe *probe, int64_t now)
{
  const int64_t earliest = probe->began + PROBE_FIRST_PAUSE;
  return now >= earliest ? open_now(probe, now) : enter(probe, PROBE_PAUSING, earliest, PROBE_CLOSE);
}

enum probe_action probe_failed(struct probe *probe, int64_t now, bool excused, uint32_t random)
{
  if (probe->step == PROBE_LISTENING || probe->step == PROBE_CHECKING)
    return suspect(probe, now);
  probe->failures++;
  probe->word = excused ? BOARD_DATABASE_UP : BOARD_DATABASE_DOWN;
  return enter(probe, PROBE_PAUSING, now + pause_after(probe->failures, random), PROBE_CLOSE);
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
  if (probe->step == PROBE_PAUSING)
    return open_now(probe, now);
  if (probe->step == PROBE_LISTENING && probe->poked && now - probe->began >= PROBE_FIRST_PAUSE)
    return open_now(probe, now);
  probe->poked = false;
  if (probe->step == PROBE_LISTENING)
    return enter(probe, PROBE_CHECKING, now + PROBE_DEADLINE, PROBE_ASK);
  return probe_failed(probe, now, false, random);
}

enum probe_action probe_answered(struct probe *probe, int64_t now)
{
  const int64_t pause = probe->poked ? PROBE_POKE_GAP : PROBE_INTERVAL;
  probe->word = BOARD_DATABASE_UP;
  probe->failures = 0;
  probe->poked = false;
  probe->answered = now;
  return enter(probe, PROBE_LISTENING, now + pause, PROBE_WAIT);
}

void probe_poked(struct probe *probe, int64_t now)
{
  if (probe->step != PROBE_PAUSING)
    probe->poked = true;
  if (probe->step == PROBE_OPENING || probe->step == PROBE_CHECKING)
    return;
  if (probe->step == PROBE_LISTENING)
    probe->until = later(now, probe->answered + PROBE_POKE_GAP);
  else if (probe->word == BOARD_DATABASE_UP) /* only by what the workers said */
    probe->until = later(now, probe->began + PROBE_FIRST_PAUSE);
}
