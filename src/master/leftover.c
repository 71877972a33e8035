/* Finds what a dead master has left by the board it has mapped, and ends it. */
#include "master/leftover.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/process.h"
#include "health/board.h"
#include "log/log.h"

/* What is looked for. */
struct trace {
  char board[PATH_MAX + sizeof BOARD_FILE]; /* without symbolic links, as maps has it */
  char program[PROCESS_NAME_SIZE];
};

static bool read_trace(const char *run_dir, struct trace *ret_trace)
{
  char folder[PATH_MAX];
  if (realpath(run_dir, folder) == NULL)
    return false;
  (void)snprintf(ret_trace->board, sizeof ret_trace->board, "%s/" BOARD_FILE, folder);
  return process_program(getpid(), ret_trace->program)[0] != '\0';
}

/* A line of maps: range, rights, three numbers, path. Readers of the board may not write there. */
static bool names_board(const char *line, const char *board)
{
  const char *path = strchr(line, '/');
  const size_t length = strlen(board);
  return path != NULL && strstr(line, " rw-s ") != NULL && strncmp(path, board, length) == 0 &&
         (strcmp(path + length, "\n") == 0 || strcmp(path + length, " (deleted)\n") == 0);
}

static bool maps_board(pid_t pid, const char *board)
{
  char path[64];
  CLEANUP_FREE char *line = NULL;
  size_t size = 0;
  bool found = false;
  (void)snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
  FILE *file = fopen(path, "re");
  while (!found && file != NULL && getline(&line, &size, file) > 0)
    found = names_board(line, board);
  if (file != NULL)
    (void)fclose(file);
  return found;
}

/* Another image of this process has children of its own that go on. */
static bool is_left(pid_t pid, const struct trace *trace)
{
  char program[PROCESS_NAME_SIZE], state;
  pid_t parent;
  return pid != getpid() && process_look(pid, &parent, &state) && parent != getpid() &&
         strcmp(process_program(pid, program), trace->program) == 0 && maps_board(pid, trace->board);
}

void leftover_find(struct leftover *leftover, const char *run_dir, int64_t limit)
{
  struct trace trace;
  CLEANUP_DIR DIR *proc = opendir("/proc");
  *leftover = (struct leftover){.end_at = clock_steady() + limit};
  if (read_trace(run_dir, &trace))
    for (pid_t pid; (pid = process_next(proc)) != 0;)
      if (leftover->count < LEFTOVER_MAX && is_left(pid, &trace))
        leftover->processes[leftover->count++] = pid;
  if (leftover->count > 0)
    log_line(LOG_LEVEL_INFO, "a lontard that died has left processes, %d of them; they have %" PRId64 " ms to end",
             leftover->count, limit / CLOCK_MILLISECOND);
}

/* By a signal or by a debugger. */
static bool is_stopped(pid_t pid)
{
  pid_t parent;
  char state;
  return process_look(pid, &parent, &state) && (state == 'T' || state == 't');
}

/* False when it is to be looked at again. The handle comes first: what is then found is true of whom it kills. */
static bool end_process(pid_t pid, const struct trace *trace, bool late)
{
  CLEANUP_CLOSE int handle = pidfd_open(pid, 0);
  if (handle < 0 || !is_left(pid, trace))
    return true;
  const bool stopped = is_stopped(pid);
  if (!stopped && !late)
    return false;
  log_line(LOG_LEVEL_WARNING, "process %ld of a lontard that died %s and is killed", (long)pid,
           stopped ? "is stopped" : "has not ended in time");
  (void)pidfd_send_signal(handle, SIGKILL, NULL, 0);
  return true;
}

void leftover_check(struct leftover *leftover, const char *run_dir, int64_t now)
{
  struct trace trace;
  if (leftover->count == 0 || !read_trace(run_dir, &trace))
    return;
  for (int i = leftover->count - 1; i >= 0; i--)
    if (end_process(leftover->processes[i], &trace, now >= leftover->end_at))
      leftover->processes[i] = leftover->processes[--leftover->count];
}
