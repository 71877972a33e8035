/* Stops, finds and kills, each process by a handle that means nobody else. */
#include "supervise/force.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/message.h"
#include "base/process.h"
#include "health/owner.h"
#include "log/log.h"
#include "supervise/server.h"

#define PROGRAM "lontard"

enum { PASSES = 3, END_MS = 3000 };

static bool signal_to(int handle, int number)
{
  return pidfd_send_signal(handle, number, NULL, 0) == 0;
}

/* A child stays one as long as its parent, which is stopped, cannot wait for it. */
static bool kill_child(pid_t pid, pid_t parent)
{
  pid_t now;
  char state;
  CLEANUP_CLOSE int handle = pidfd_open(pid, 0);
  return handle >= 0 && process_look(pid, &now, &state) && now == parent && state != 'Z' && signal_to(handle, SIGKILL);
}

/* A parent that was about to fork when it was stopped may do so yet: hence more than one pass. */
static int kill_children(pid_t parent)
{
  int killed = 0;
  for (int pass = 0; pass < PASSES; pass++) {
    CLEANUP_DIR DIR *proc = opendir("/proc");
    for (pid_t pid; (pid = process_next(proc)) != 0;)
      killed += kill_child(pid, parent);
  }
  return killed;
}

/* So that the command does not meet who is about to end. */
static void wait_for_end(const char *name, pid_t pid, int handle)
{
  struct pollfd end = {.fd = handle, .events = POLLIN};
  if (poll(&end, 1, END_MS) == 0)
    log_line(LOG_LEVEL_ERROR, "%s (pid %ld) has not ended of SIGKILL: something in the kernel holds it, a disk perhaps",
             name, (long)pid);
}

void force_database(const char *url)
{
  char message[MESSAGE_SIZE];
  const pid_t server = server_find(url, message, sizeof message);
  CLEANUP_CLOSE int handle = server > 0 ? pidfd_open(server, 0) : -1;
  if (server == 0) {
    log_line(LOG_LEVEL_WARNING, "PostgreSQL cannot be killed: %s; the command is only run again", message);
    return;
  }
  /* Found once more, it is the one that the handle means. */
  if (handle < 0 || server_find(url, message, sizeof message) != server || !signal_to(handle, SIGSTOP)) {
    log_line(LOG_LEVEL_WARNING,
             "PostgreSQL cannot be killed: we may not, or it has just ended; the command is only run again");
    return;
  }
  const int children = kill_children(server);
  (void)signal_to(handle, SIGKILL);
  log_line(LOG_LEVEL_WARNING, "PostgreSQL (pid %ld) and %d processes of it were killed, since the last restart hung",
           (long)server, children);
  wait_for_end("PostgreSQL", server, handle);
}

void force_lontard(const char *run_dir)
{
  char program[PROCESS_NAME_SIZE];
  const pid_t master = owner_of(run_dir);
  CLEANUP_CLOSE int handle = master > 0 ? pidfd_open(master, 0) : -1;
  if (handle < 0 || owner_of(run_dir) != master || strcmp(process_program(master, program), PROGRAM) != 0 ||
      !signal_to(handle, SIGKILL)) {
    log_line(LOG_LEVEL_WARNING,
             "lontard cannot be killed: nobody is seen whom we may kill; the command is only run again");
    return;
  }
  log_line(LOG_LEVEL_WARNING, "lontard (pid %ld) was killed, since the last restart hung", (long)master);
  wait_for_end("lontard", master, handle);
}
