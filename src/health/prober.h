/*
 * The prober: a process that watches the database for all workers, with one connection of its own. It keeps its slot of
 * the board and the marker; health/probe.h says by which rules.
 */
#ifndef HEALTH_PROBER_H
#define HEALTH_PROBER_H

struct board;
struct config;

struct prober_start {
  struct board *board;
  struct config *config; /* the prober's from now on */
  int poke_fd;           /* an eventfd, non-blocking: a worker that adds to it wants the database checked at once */
};

/* Called with signals blocked. Runs until SIGTERM; returns the process's exit status. Its configuration never changes.
 */
int prober_main(const struct prober_start *start);

#endif
