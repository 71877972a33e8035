/* One worker's life, in its own process. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

struct board;
struct config;

struct worker_start {
  int index;
  int workers;
  int listen_fd;
  const char *config_file;
  struct config *config; /* the worker's from now on */
  struct board *board;
  int poke_fd; /* an eventfd, non-blocking: adding to it makes the prober look at once */
};

/* Runs until SIGTERM and the last answer; returns the process's exit status. SIGHUP reads the configuration again. */
int worker_main(const struct worker_start *start);

#endif
