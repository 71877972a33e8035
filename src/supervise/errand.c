/* Forks the shell, reads its pipe, watches its time. */
#include "supervise/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/signals.h"

/* A full pipe fits into as many pieces; one that never stops writing must not hold us. */
enum { PIECE = 1024, PIECES = 128 };

/* From look to look at a group whose shell has ended. */
#define LOOK INT64_C(100000)

enum { EXIT_NO_SHELL = 127 };

/* A group of its own, the caller's signals unblocked again, nothing to read, everything it says into the pipe. */
static _Noreturn void become_shell(const struct errand_order *order, int pipe_end)
{
  (void)setpgid(0, 0);
  (void)signal(SIGPIPE, SIG_DFL);
  signals_unblock();
  if (order->first != NULL)
    order->first(order->argument);
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(pipe_end, STDOUT_FILENO) < 0 ||
      dup2(pipe_end, STDERR_FILENO) < 0 || setenv("LONTAR_ABOUT", order->about, 1) < 0 ||
      setenv("LONTAR_MESSAGE", order->message, 1) < 0)
    _exit(EXIT_NO_SHELL);
  (void)execl("/bin/sh", "sh", "-c", order->command, (char *)NULL);
  _exit(EXIT_NO_SHELL);
}

bool errand_start(struct errand *errand, const struct errand_order *order, int64_t now, int64_t limit)
{
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return false;
  CLEANUP_CLOSE int theirs = ends[1];
  (void)fcntl(theirs, F_SETFL, 0); /* the shell's end is an ordinary one */
  const pid_t pid = fork();
  if (pid == 0)
    become_shell(order, theirs);
  if (pid < 0) {
    const int failed = errno;
    (void)close(ends[0]);
    errno = failed;
    return false;
  }
  (void)setpgid(pid, pid); /* whoever of both comes first */
  *errand = (struct errand){.pid = pid, .output = ends[0], .began = now, .end_at = now + limit, .look_at = now + limit};
  return true;
}

static void keep(struct errand *errand, const char *piece, size_t length)
{
  if (errand->length + length > ERRAND_TAIL) {
    const size_t over = errand->length + length - ERRAND_TAIL;
    memmove(errand->tail, errand->tail + over, errand->length - over);
    errand->length -= over;
  }
  memcpy(errand->tail + errand->length, piece, length);
  errand->length += length;
}

static void close_output(struct errand *errand)
{
  (void)close(errand->output);
  errand->output = -1;
}

void errand_read(struct errand *errand)
{
  char piece[PIECE];
  ssize_t got = 0;
  for (int i = 0; errand->output >= 0 && i < PIECES; i++) {
    got = read(errand->output, piece, sizeof piece);
    if (got < 0)
      break;
    if (got == 0)
      close_output(errand);
    keep(errand, piece, (size_t)got);
  }
}

/* What is left of the group of a shell that has ended; nobody tells us when that ends. */
static bool leaves_nobody(const struct errand *errand)
{
  return !errand->overdue || errand->killed || kill(-errand->pid, 0) < 0;
}

static void bury(struct errand *errand)
{
  errand_read(errand);
  if (errand->output >= 0)
    close_output(errand);
  errand->pid = 0;
}

bool errand_check(struct errand *errand, int64_t now, int *ret_status)
{
  if (errand->pid == 0)
    return false;
  errand->ended = errand->ended || waitpid(errand->pid, &errand->status, WNOHANG) == errand->pid;
  if (errand->ended && leaves_nobody(errand)) {
    *ret_status = errand->status;
    bury(errand);
    return true;
  }
  if (now >= errand->end_at) {
    errand->killed = errand->overdue;
    errand->overdue = true;
    errand->end_at = now + ERRAND_GRACE;
    (void)kill(-errand->pid, errand->killed ? SIGKILL : SIGTERM);
  }
  errand->look_at = errand->ended ? now + LOOK : errand->end_at;
  return false;
}
