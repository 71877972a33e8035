/* The way of a takeover from one image to the next: through exec, by descriptors and the environment. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/message.h"
#include "base/text.h"
#include "config/config.h"
#include "health/folder.h"
#include "health/owner.h"
#include "master/rundir.h"
#include "master/takeover.h"

enum { TEXT_MAX = 64 << 10 };

/* ---- Handing on ---- */

/* Returns false when one of them cannot be changed. */
static bool close_on_exec(const struct takeover *takeover, bool on)
{
  const int flags = on ? FD_CLOEXEC : 0;
  bool good = fcntl(takeover->listen_fd, F_SETFD, flags) == 0 && fcntl(takeover->pid_fd, F_SETFD, flags) == 0;
  for (int i = 0; i < takeover->count; i++)
    good = fcntl(takeover->places[i].inbox, F_SETFD, flags) == 0 &&
           fcntl(takeover->places[i].outbox, F_SETFD, flags) == 0 && good;
  return good;
}

/* A file in memory that exec keeps open; -1 with errno. */
static int write_text(const struct takeover *takeover)
{
  struct buffer text;
  buffer_init(&text, TEXT_MAX);
  takeover_write(takeover, &text);
  int file = text.failed ? -1 : memfd_create("lontar-takeover", 0);
  if (file >= 0 && write(file, text.data, text.length) != (ssize_t)text.length) {
    (void)close(file);
    file = -1;
  }
  buffer_free(&text);
  return file;
}

static bool name_file(int file)
{
  char number[16];
  (void)snprintf(number, sizeof number, "%d", file);
  return setenv(TAKEOVER_VARIABLE, number, 1) == 0;
}

void takeover_exec(const struct takeover *takeover, const char *const arguments[])
{
  CLEANUP_CLOSE int file = write_text(takeover);
  if (file >= 0 && name_file(file) && close_on_exec(takeover, false))
    (void)execv(arguments[0], (char *const *)(uintptr_t)arguments); /* which changes none of them */
  const int failed = errno;
  (void)close_on_exec(takeover, true);
  (void)unsetenv(TAKEOVER_VARIABLE);
  errno = failed;
}

/* ---- Receiving ---- */

static bool is_listener(int descriptor, const char *path)
{
  struct sockaddr_un address = {.sun_path = ""};
  socklen_t length = sizeof address;
  int listens = 0;
  socklen_t size = sizeof listens;
  return getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens &&
         getsockname(descriptor, (struct sockaddr *)&address, &length) == 0 && address.sun_family == AF_UNIX &&
         strncmp(address.sun_path, path, sizeof address.sun_path) == 0;
}

static bool are_inboxes(const struct takeover *takeover)
{
  struct stat status[2];
  for (int i = 0; i < takeover->count; i++)
    if (fstat(takeover->places[i].inbox, &status[0]) != 0 || fstat(takeover->places[i].outbox, &status[1]) != 0 ||
        !S_ISSOCK(status[0].st_mode) || !S_ISSOCK(status[1].st_mode))
      return false;
  return true;
}

static int check(const struct takeover *takeover, const struct config *config, char *message, size_t size)
{
  char pid_file[PATH_MAX];
  (void)snprintf(pid_file, sizeof pid_file, "%s/" OWNER_FILE, config->run_dir);
  if (!is_listener(takeover->listen_fd, config->listen))
    return message_fail(LONTAR_INVALID, message, size,
                        "the socket handed on is not listen %s: restart lontard for that", config->listen);
  if (!folder_has_open(pid_file, takeover->pid_fd))
    return message_fail(LONTAR_INVALID, message, size, "the lock handed on is not %s: restart lontard for that",
                        pid_file);
  if (!are_inboxes(takeover) || !close_on_exec(takeover, true))
    return message_fail(LONTAR_INVALID, message, size, "a descriptor handed on is not open");
  return LONTAR_OK;
}

/* The descriptor that the variable names, read to its end. */
static int read_named(const char *number, char *text, size_t text_size, size_t *ret_length, char *message, size_t size)
{
  int64_t file;
  if (!text_to_integer(number, strlen(number), &file) || file <= STDERR_FILENO || file > INT_MAX)
    return message_fail(LONTAR_INVALID, message, size, TAKEOVER_VARIABLE " names no descriptor");
  CLEANUP_CLOSE int descriptor = (int)file;
  const ssize_t got = pread(descriptor, text, text_size, 0);
  if (got < 0)
    return message_fail(LONTAR_INVALID, message, size, "what " TAKEOVER_VARIABLE " names cannot be read: %s",
                        strerror(errno));
  *ret_length = (size_t)got;
  return LONTAR_OK;
}

int takeover_receive(const struct config *config, struct takeover *ret_takeover, char *message, size_t size)
{
  struct takeover takeover = {0};
  size_t length = 0;
  CLEANUP_FREE char *text = malloc(TEXT_MAX);
  const char *number = getenv(TAKEOVER_VARIABLE);
  if (number == NULL)
    return LONTAR_NOT_FOUND;
  if (text == NULL)
    return message_fail(LONTAR_INVALID, message, size, "there is no memory");
  int error = read_named(number, text, TEXT_MAX, &length, message, size);
  (void)unsetenv(TAKEOVER_VARIABLE);
  if (!error)
    error = takeover_parse(text, length, &takeover, message, size);
  if (!error)
    error = check(&takeover, config, message, size);
  if (!error)
    *ret_takeover = takeover;
  return error;
}
