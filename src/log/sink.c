/* Writes to standard error without waiting, whatever that is. */
#include "log/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static bool journal;

/* systemd names the socket by device and inode. */
static bool is_journal(const struct stat *status)
{
  char text[64];
  const char *stream = getenv("JOURNAL_STREAM");
  (void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)status->st_dev, (uintmax_t)status->st_ino);
  return stream != NULL && S_ISSOCK(status->st_mode) && strcmp(stream, text) == 0;
}

/* O_NONBLOCK belongs to the open file, and not to the descriptor: others may have the same file, above all the shell
 * on a terminal. Opened once more it is ours alone. That fails with a pipe that another user made. */
void sink_own(void)
{
  struct stat status;
  if (fstat(STDERR_FILENO, &status) < 0)
    return;
  journal = is_journal(&status);
  if (!S_ISFIFO(status.st_mode) && isatty(STDERR_FILENO) == 0)
    return;
  const int own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (own < 0)
    return;
  (void)dup2(own, STDERR_FILENO);
  (void)close(own);
}

/* For what knows no RWF_NOWAIT: terminals, and pipes before Linux 6.4. Another process may take the room between the
 * look and the write, so a pipe is set not to block after all: one that we could not open again came from who started
 * us as another user, which only reads there. */
static ssize_t write_if_room(mode_t mode, const char *line, size_t length)
{
  struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
  const int flags = fcntl(STDERR_FILENO, F_GETFL);
  if (S_ISFIFO(mode) && (flags & O_NONBLOCK) == 0)
    (void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
  if (poll(&room, 1, 0) <= 0 || (room.revents & POLLOUT) == 0)
    return -1;
  return write(STDERR_FILENO, line, length);
}

static ssize_t write_now(mode_t mode, const char *line, size_t length)
{
  const struct iovec piece = {.iov_base = (char *)line, .iov_len = length};
  const ssize_t written = pwritev2(STDERR_FILENO, &piece, 1, -1, RWF_NOWAIT);
  return written < 0 && (errno == EOPNOTSUPP || errno == ENOSYS) ? write_if_room(mode, line, length) : written;
}

/* The journal reads the level from the line's beginning. */
static bool send_now(enum log_level level, const char *line, size_t length)
{
  char mark[] = {'<', (char)('0' + (int)level), '>'};
  struct iovec pieces[] = {{mark, sizeof mark}, {(char *)line, length}};
  const struct msghdr both = {.msg_iov = journal ? pieces : pieces + 1, .msg_iovlen = journal ? 2 : 1};
  return sendmsg(STDERR_FILENO, &both, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)(length + (journal ? sizeof mark : 0));
}

bool sink_write(enum log_level level, const char *line, size_t length)
{
  struct stat status;
  ssize_t written;
  if (fstat(STDERR_FILENO, &status) < 0)
    return false;
  if (S_ISSOCK(status.st_mode))
    return send_now(level, line, length);
  if (S_ISREG(status.st_mode))
    written = write(STDERR_FILENO, line, length); /* a disk does not keep us waiting as a reader does */
  else
    written = write_now(status.st_mode, line, length);
  return written == (ssize_t)length;
}
