/* Starting the prober, watching it and cleaning up after it. */
#include "master/lookout.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "config/config.h"
#include "health/board.h"
#include "health/prober.h"
#include "health/publish.h"
#include "log/log.h"

/* ---- The fork, seen from both sides ---- */

/* A prober without its master would mark for nobody. Of the master's descriptors it keeps the poke and standard error:
 * above all not the listening socket, which must die with those who accept. Signals stay blocked until it reads them.
 */
static void leave_master_prober(const struct lookout *lookout, pid_t master)
{
  const unsigned poke_fd = (unsigned)lookout->poke_fd;
  if (!process_follow(master, SIGTERM))
    _exit(EXIT_FAILURE);
  if (poke_fd > STDERR_FILENO + 1)
    (void)close_range(STDERR_FILENO + 1, poke_fd - 1, 0);
  (void)close_range(poke_fd + 1, ~0U, 0);
}

static _Noreturn void spawned_prober(const struct lookout *lookout, pid_t master)
{
  leave_master_prober(lookout, master);
  log_init((enum log_level)lookout->config->log_level, "prober");
  const struct prober_start start = {
      .board = lookout->board,
      .config = lookout->config,
      .poke_fd = lookout->poke_fd,
  };
  exit(prober_main(&start));
}

static void spawned_master(struct lookout *lookout, pid_t pid)
{
  lookout->pid = pid;
  lookout->started = clock_steady();
  lookout->unmark_failed = false; /* the prober begins with that */
}

void lookout_fill(struct lookout *lookout)
{
  const pid_t master = getpid();
  if (lookout->pid != 0 || lookout->due > clock_steady())
    return;
  const pid_t pid = fork();
  if (pid < 0) {
    lookout->due = clock_steady() + throttle_died(&lookout->throttle, 0, 0);
    log_line(LOG_LEVEL_ERROR, "the prober cannot be forked: %s; trying again", strerror(errno));
  } else if (pid == 0) {
    spawned_prober(lookout, master);
  } else {
    spawned_master(lookout, pid);
  }
}

/* ---- Watching ---- */

void lookout_unmark(struct lookout *lookout)
{
  (void)publish_unmark(lookout->config->run_dir, &lookout->unmark_failed);
}

static void log_death(const struct lookout *lookout, int status)
{
  if (WIFSIGNALED(status))
    log_line(LOG_LEVEL_ERROR, "the prober (pid %ld) died of signal %d (%s)", (long)lookout->pid, WTERMSIG(status),
             strsignal(WTERMSIG(status)));
  else
    log_line(WEXITSTATUS(status) ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "the prober (pid %ld) ended with status %d",
             (long)lookout->pid, WEXITSTATUS(status));
}

bool lookout_bury(struct lookout *lookout, pid_t pid, int status)
{
  const int64_t now = clock_steady();
  if (lookout->pid != pid)
    return false;
  log_death(lookout, status);
  lookout_unmark(lookout);
  board_set(&board_prober(lookout->board)->pid, 0);
  lookout->pid = 0;
  lookout->due = status == 0 ? now : now + throttle_died(&lookout->throttle, lookout->started, now);
  return true;
}

/* A prober that has not reached its slot yet counts from its fork. */
static int64_t silence(const struct lookout *lookout, int64_t now)
{
  const struct board_prober *slot = board_prober(lookout->board);
  const bool begun = board_get(&slot->pid) == (uint64_t)lookout->pid;
  return begun ? clock_since(board_get(&slot->heartbeat), now) : now - lookout->started;
}

void lookout_check(struct lookout *lookout)
{
  const int64_t silent = silence(lookout, clock_steady());
  if (lookout->pid == 0 && lookout->unmark_failed)
    lookout_unmark(lookout);
  if (lookout->pid == 0 || silent <= PUBLISH_MARKER_LIFE)
    return;
  log_line(LOG_LEVEL_ERROR, "the prober (pid %ld) has not moved for %" PRId64 " ms; it is killed and replaced",
           (long)lookout->pid, silent / CLOCK_MILLISECOND);
  (void)kill(lookout->pid, SIGKILL);
}

void lookout_signal(const struct lookout *lookout, int number)
{
  if (lookout->pid != 0)
    (void)kill(lookout->pid, number);
}

int64_t lookout_due(const struct lookout *lookout)
{
  return lookout->pid == 0 ? lookout->due : INT64_MAX;
}
