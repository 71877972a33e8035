/*
 * Which server is the primary, when several call themselves so. A promotion begins a new timeline, so of the servers of
 * one system the one with the highest is the primary, and what others write is lost sooner or later. Pure.
 */
#ifndef HEALTH_PRIMARY_H
#define HEALTH_PRIMARY_H

#include <stdbool.h>
#include <stdint.h>

#include "health/board.h"
#include "health/question.h"

struct buffer;

enum { PRIMARY_SERVERS_MAX = 16, PRIMARY_NONE = -1 };

struct primary {
  uint64_t system; /* 0: none has been seen */
  uint64_t timeline;
  int server; /* from 0; PRIMARY_NONE: not known yet */
  enum board_alarm alarm;
  struct sighting other; /* what the alarm is about */
};

/* Whether whoever was seen so is not the primary any more, or of another database. */
bool primary_outdates(const struct primary *primary, const struct sighting *sighting);

/*
 * Takes a look at all servers into account; what is not known of one is all zero. Among several an older one is never
 * used, for the newer one may come back. Where there is only one to use, it is used, whatever it is, and an alarm
 * stays. True when connections made before are with another primary.
 */
bool primary_look(struct primary *primary, const struct sighting *sightings, int count);

/* Appends the alarm in a sentence or two behind a blank, or nothing. */
void primary_sentence(const struct board_prober *prober, struct buffer *buffer);

/* The alarm's word in documents; NULL while there is none. */
const char *primary_word(const struct board_prober *prober);

#endif
