/* One worker's life, in its own process. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

#include "front/front.h"
#include "health/board.h"

struct config;

struct worker_start {
  int index; /* of its place among `workers` */
  int turn;  /* of its slot */
  int workers;
  bool waits; /* another one serves in its place until this one can */
  bool tries; /* a configuration that no worker has served with; then the other's end is no reason to serve */
  pid_t master;
  struct front_sockets sockets;
  int inboxes[BOARD_WORKERS_MAX]; /* of all places */
  int outboxes[BOARD_WORKERS_MAX];
  struct config *config; /* the worker's from now on */
  struct board *board;
  int poke_fd; /* an eventfd, non-blocking: adding to it makes the prober look at once */
};

/*
 * Runs until its last answer and returns the process's exit status. What it is doing stands in its slot as enum
 * board_worker; when it has begun to serve, and when it has grown weary, it sends the master SIGUSR1. Signals, which
 * the caller leaves blocked: SIGUSR1 lets it retire and hand its connections over, SIGTERM and SIGINT end it without a
 * successor. Its configuration never changes.
 */
int worker_main(const struct worker_start *start);

#endif
