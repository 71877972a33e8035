/* The primary by its timeline, and what is said when there is doubt. */
#include "health/primary.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/buffer.h"

bool primary_outdates(const struct primary *primary, const struct sighting *sighting)
{
  if (primary->system == 0 || sighting->system == 0)
    return false;
  return sighting->system != primary->system || sighting->timeline < primary->timeline;
}

static void raise_alarm(struct primary *primary, enum board_alarm alarm, const struct sighting *other)
{
  primary->alarm = alarm;
  primary->other = *other;
}

/* True when it is another one than before. */
static bool take(struct primary *primary, const struct sighting *sighting, int server)
{
  const bool moved =
      primary->server != server || primary->system != sighting->system || primary->timeline != sighting->timeline;
  primary->system = sighting->system;
  primary->timeline = sighting->timeline;
  primary->server = server;
  return moved;
}

/* Whoever stands behind the only name there is. What the alarm was about stays in it: the one that was left. */
static bool look_at_one(struct primary *primary, const struct sighting *sighting)
{
  const struct sighting before = {.system = primary->system, .timeline = primary->timeline};
  const bool first = before.system == 0;
  if (!sighting->takes_writes || sighting->system == 0)
    return false;
  if (primary_outdates(primary, sighting))
    raise_alarm(primary, sighting->system != before.system ? BOARD_ALARM_OTHER : BOARD_ALARM_BACK, &before);
  return take(primary, sighting, 0) && !first;
}

/* The newest of those that may be used: the one in use where it is as new as any. PRIMARY_NONE when there is none. */
static int find_newest(const struct primary *primary, const struct sighting *sightings, int count)
{
  int best = PRIMARY_NONE;
  for (int i = 0; i < count; i++) {
    const struct sighting *it = &sightings[i];
    if (!it->takes_writes || it->system == 0 || primary_outdates(primary, it))
      continue;
    if (best == PRIMARY_NONE || (it->system == sightings[best].system && it->timeline > sightings[best].timeline) ||
        (i == primary->server && it->timeline == sightings[best].timeline))
      best = i;
  }
  return best;
}

/* Of those that take writes, the newest that is not the same primary. Two that are alike are two ways to one server, as
 * through two poolers. */
static const struct sighting *find_other(const struct sighting *sightings, int count, const struct primary *primary)
{
  const struct sighting *other = NULL;
  for (int i = 0; i < count; i++) {
    const struct sighting *it = &sightings[i];
    if (!it->takes_writes || !primary_outdates(primary, it))
      continue;
    if (other == NULL || it->timeline > other->timeline)
      other = it;
  }
  return other;
}

bool primary_look(struct primary *primary, const struct sighting *sightings, int count)
{
  if (count == 1)
    return look_at_one(primary, &sightings[0]);
  const int newest = find_newest(primary, sightings, count);
  const bool moved = newest != PRIMARY_NONE && take(primary, &sightings[newest], newest);
  const struct sighting *other = find_other(sightings, count, primary);
  primary->alarm = BOARD_ALARM_NONE;
  if (other != NULL && newest != PRIMARY_NONE)
    raise_alarm(primary, BOARD_ALARM_TWO, other);
  else if (other != NULL)
    raise_alarm(primary, other->system == primary->system ? BOARD_ALARM_OLDER : BOARD_ALARM_FOREIGN, other);
  return moved;
}

static void append_two(const struct board_prober *prober, struct buffer *buffer)
{
  if (prober->alarm_system != prober->system)
    buffer_append_text(buffer,
                       " Two servers of database_url take writes and hold different databases: lontard uses one of "
                       "them, take the other one out of database_url.");
  else
    buffer_append_format(buffer,
                         " Two servers of database_url take writes: lontard uses the newer one (timeline %" PRIu64
                         "); stop the older one (timeline %" PRIu64
                         "), and what was saved there since the promotion is nowhere else.",
                         prober->timeline, prober->alarm_timeline);
}

#define REMEDY                                                                                                         \
  "and is not used: start the other one, or remove the file primary.json in state_dir if this one is right."

void primary_sentence(const struct board_prober *prober, struct buffer *buffer)
{
  const uint64_t timeline = prober->timeline, other = prober->alarm_timeline;
  if (prober->alarm == BOARD_ALARM_TWO)
    append_two(prober, buffer);
  else if (prober->alarm == BOARD_ALARM_BACK)
    buffer_append_format(buffer,
                         " The database went back from timeline %" PRIu64 " to %" PRIu64
                         ": what was saved since the promotion to %" PRIu64 " may be gone.",
                         other, timeline, other);
  else if (prober->alarm == BOARD_ALARM_OTHER)
    buffer_append_text(buffer,
                       " The server holds another database than before: what was saved in the one before may be "
                       "gone.");
  else if (prober->alarm == BOARD_ALARM_OLDER)
    buffer_append_format(buffer,
                         " The only server that takes writes is older (timeline %" PRIu64
                         ") than the one before (timeline %" PRIu64 ") " REMEDY,
                         other, timeline);
  else if (prober->alarm == BOARD_ALARM_FOREIGN)
    buffer_append_text(buffer, " The only server that takes writes holds another database than before " REMEDY);
}

const char *primary_word(const struct board_prober *prober)
{
  static const char *const words[] = {
      [BOARD_ALARM_TWO] = "two_primaries",      [BOARD_ALARM_BACK] = "went_back",
      [BOARD_ALARM_OTHER] = "other_database",   [BOARD_ALARM_OLDER] = "older_not_used",
      [BOARD_ALARM_FOREIGN] = "other_not_used",
  };
  return prober->alarm < sizeof words / sizeof *words ? words[prober->alarm] : NULL;
}
