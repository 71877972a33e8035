/*
 * The servers of database_url that are not in use, each watched over a connection of its own: a promotion must be seen
 * within a second while the old primary lives on. Belongs to the prober's loop; never blocks.
 */
#ifndef HEALTH_HOSTS_H
#define HEALTH_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "health/question.h"

struct census;
struct config;
struct event_base;
struct hosts;

struct hosts_settings {
  struct event_base *base;
  const struct config *config; /* kept by the caller, as is the census, for a session's name */
  struct census *census;
  void (*changed)(void *owner); /* from the loop: a sighting is another */
  void *owner;
};

/* Begins to watch `count` servers; NULL when there is no memory. */
struct hosts *hosts_new(const struct hosts_settings *settings, int count);

/* NULL is fine. */
void hosts_free(struct hosts *hosts);

/* The one that is not watched, because it is in use; PRIMARY_NONE: all are. */
void hosts_spare(struct hosts *hosts, int server);

/* The last answer of one; all zero while it is away or not watched. */
struct sighting hosts_sighting(const struct hosts *hosts, int server);

#endif
