/* The fork, seen from both sides. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "config/config.h"
#include "log/log.h"
#include "master/crew.h"
#include "worker/worker.h"

static void spawn_failed_master(struct place *place)
{
  place->due = clock_steady() + throttle_died(&place->throttle, 0, 0);
  log_line(LOG_LEVEL_ERROR, "a worker cannot be forked: %s; trying again", strerror(errno));
}

static void spawned_master(struct place *place, pid_t pid)
{
  place->pid = pid;
  place->started = clock_steady();
  place->kill_at = 0;
}

/* A worker without its master would serve on unwatched. */
static void follow_master_worker(pid_t master)
{
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != master)
    _exit(EXIT_FAILURE);
}

/* Closed: the master's signals and the pid file, whose lock must end with the master. Kept: the listening socket, the
 * poke, the board and standard error. SIGHUP is ignored until the worker catches it. */
static void leave_master_worker(const struct crew *crew)
{
  sigset_t none;
  (void)close(crew->signal_fd);
  (void)close(crew->pid_fd);
  (void)signal(SIGHUP, SIG_IGN);
  (void)sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void spawned_worker(const struct crew *crew, int index, pid_t master)
{
  char name[32];
  enum log_level level = LOG_LEVEL_INFO;
  follow_master_worker(master);
  leave_master_worker(crew);
  (void)snprintf(name, sizeof name, "worker/%d", index);
  (void)log_level_parse(crew->config->log_level, &level);
  log_init(level, name);
  const struct worker_start start = {
      .index = index,
      .workers = crew->count,
      .listen_fd = crew->listen_fd,
      .config_file = crew->config_file,
      .config = crew->config,
      .board = crew->board,
      .poke_fd = crew->poke_fd,
  };
  exit(worker_main(&start));
}

void crew_spawn(struct crew *crew, int index)
{
  const pid_t master = getpid();
  const pid_t pid = fork();
  if (pid < 0)
    spawn_failed_master(&crew->places[index]);
  else if (pid == 0)
    spawned_worker(crew, index, master);
  else
    spawned_master(&crew->places[index], pid);
}
