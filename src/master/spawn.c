/* The fork, seen from both sides. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "config/config.h"
#include "log/log.h"
#include "master/crew.h"
#include "worker/worker.h"

static void spawned_master(struct member *member, enum member_state state, int generation, pid_t pid)
{
  *member = (struct member){
      .state = state,
      .pid = pid,
      .started = clock_steady(),
      .generation = generation,
  };
}

/* Closed: the master's signals, and the pid file, whose lock must end with the master. Kept: the listening socket, the
 * inboxes of all places, the poke, the board and standard error. Signals stay blocked until the worker is ready for
 * them, so that none is lost; a SIGHUP is the master's business. */
static void leave_master_worker(const struct crew *crew)
{
  (void)close(crew->signal_fd);
  (void)close(crew->pid_fd);
  (void)signal(SIGHUP, SIG_IGN);
}

static _Noreturn void spawned_worker(const struct crew *crew, const struct worker_start *start)
{
  char name[32];
  if (!process_follow(start->master, SIGTERM)) /* a worker without its master would serve on unwatched */
    _exit(EXIT_FAILURE);
  leave_master_worker(crew);
  (void)snprintf(name, sizeof name, "worker/%d", start->index);
  log_init((enum log_level)start->config->log_level, name);
  exit(worker_main(start));
}

void crew_spawn(struct crew *crew, int index, int turn, enum member_state state, bool tries)
{
  struct place *place = &crew->places[index];
  struct worker_start start = {
      .index = index,
      .turn = turn,
      .workers = crew->count,
      .waits = state == MEMBER_STARTING,
      .master = getpid(),
      .sockets = {.listener = crew->listen_fd, .inbox = place->inbox, .outbox = place->outbox},
      .config = tries ? crew->candidate : crew->config,
      .tries = tries,
      .board = crew->board,
      .poke_fd = crew->poke_fd,
  };
  for (int i = 0; i < crew->count; i++) {
    start.inboxes[i] = crew->places[i].inbox;
    start.outboxes[i] = crew->places[i].outbox;
  }
  if (!tries && crew->candidate != NULL)
    log_line(LOG_LEVEL_WARNING,
             "the next worker %d has the configuration as it was: no worker could serve with the new one yet", index);
  const pid_t pid = fork();
  if (pid < 0) {
    place->due = clock_steady() + throttle_died(&place->throttle, 0, 0);
    log_line(LOG_LEVEL_ERROR, "a worker cannot be forked: %s; trying again", strerror(errno));
  } else if (pid == 0) {
    spawned_worker(crew, &start);
  } else {
    spawned_master(&place->members[turn], state, tries ? crew->newest : crew->generation, pid);
  }
}
