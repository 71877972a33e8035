/*
 * The prober: a process that watches the database for all workers, with one connection of its own. It keeps its slot of
 * the board and the marker; health/probe.h says by which rules.
 */
#ifndef HEALTH_PROBER_H
#define HEALTH_PROBER_H

#include <stdint.h>

struct board;
struct config;

/* What a worker adds to poke_fd: it doubts that the database is there, or has noted a process of the server. */
#define PROBER_DOUBT UINT64_C(1)
#define PROBER_LOOK (UINT64_C(1) << 32)

struct prober_start {
  struct board *board;
  struct config *config; /* the prober's from now on */
  int poke_fd;           /* an eventfd, non-blocking; see above */
};

/* Called with signals blocked. Runs until SIGTERM; returns the process's exit status. Its configuration never changes.
 */
int prober_main(const struct prober_start *start);

#endif
