/* Opens the unix socket that nginx connects to. */
#include "master/listen.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/cleanup.h"
#include "base/message.h"
#include "base/process.h"
#include "config/config.h"

/* Whoever may accept there. */
struct server {
  bool there; /* somebody has the socket open */
  pid_t pid;  /* who began to listen; 0 where that cannot be seen */
};

/* EAGAIN is a full backlog, so somebody is there. */
static int look_at_server(const struct sockaddr_un *address, struct server *ret_server)
{
  struct ucred peer = {.pid = 0};
  socklen_t size = sizeof peer;
  CLEANUP_CLOSE int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0)
    return errno;
  const bool connected = connect(descriptor, (const struct sockaddr *)address, sizeof *address) == 0;
  if (!connected && errno != EAGAIN && errno != ECONNREFUSED)
    return errno;
  ret_server->there = connected || errno == EAGAIN;
  if (connected && getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
    ret_server->pid = peer.pid;
  return 0;
}

/* A master that died may have left workers, stopped perhaps, which have the socket open and accept no more. Its number
 * may be another program's by now. */
static bool is_dead(pid_t master)
{
  char own[PROCESS_NAME_SIZE], program[PROCESS_NAME_SIZE];
  if (master == getpid() || (kill(master, 0) < 0 && errno == ESRCH))
    return true;
  return process_program(master, program)[0] != '\0' && strcmp(program, process_program(getpid(), own)) != 0;
}

static int remove_stale(const struct sockaddr_un *address, bool orphans, char *message, size_t size)
{
  struct stat status;
  struct server server = {.there = false};
  const char *path = address->sun_path;
  if (lstat(path, &status) < 0)
    return errno == ENOENT ? LONTAR_OK
                           : message_fail(LONTAR_INTERNAL, message, size, "listen %s: %s", path, strerror(errno));
  if (!S_ISSOCK(status.st_mode))
    return message_fail(LONTAR_CONFLICT, message, size, "listen %s is there and is no socket", path);
  const int failed = look_at_server(address, &server);
  if (failed)
    return message_fail(LONTAR_INTERNAL, message, size, "whether another process listens on %s: %s", path,
                        strerror(failed));
  if (server.there && !(server.pid > 0 ? is_dead(server.pid) : orphans))
    return message_fail(LONTAR_CONFLICT, message, size, "another process (pid %ld) listens on %s", (long)server.pid,
                        path);
  if (unlink(path) < 0)
    return message_fail(LONTAR_INTERNAL, message, size, "stale socket %s: %s", path, strerror(errno));
  return LONTAR_OK;
}

static int set_access(const struct config *config, char *message, size_t size)
{
  if (config->listen_group[0] != '\0') {
    errno = 0;
    const struct group *group = getgrnam(config->listen_group);
    if (!group && errno != 0 && errno != ENOENT)
      return message_fail(LONTAR_INTERNAL, message, size, "group %s (listen_group) cannot be looked up: %s",
                          config->listen_group, strerror(errno));
    if (!group)
      return message_fail(LONTAR_INTERNAL, message, size, "there is no group %s (listen_group)", config->listen_group);
    if (chown(config->listen, (uid_t)-1, group->gr_gid) < 0)
      return message_fail(LONTAR_INTERNAL, message, size, "group %s for %s: %s", config->listen_group, config->listen,
                          strerror(errno));
  }
  if (chmod(config->listen, (mode_t)config->listen_mode) < 0)
    return message_fail(LONTAR_INTERNAL, message, size, "mode of %s: %s", config->listen, strerror(errno));
  return LONTAR_OK;
}

int listen_open(const struct config *config, bool orphans, int *ret_descriptor, char *message, size_t size)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const size_t length = strlen(config->listen);
  if (length >= sizeof address.sun_path)
    return message_fail(LONTAR_INTERNAL, message, size, "listen %s is too long", config->listen);
  memcpy(address.sun_path, config->listen, length);
  int error = remove_stale(&address, orphans, message, size);
  if (error)
    return error;
  CLEANUP_CLOSE int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0 || bind(descriptor, (const struct sockaddr *)&address, sizeof address) < 0)
    return message_fail(LONTAR_INTERNAL, message, size, "listen %s: %s", config->listen, strerror(errno));
  error = set_access(config, message, size);
  if (!error && listen(descriptor, LISTEN_BACKLOG) < 0)
    error = message_fail(LONTAR_INTERNAL, message, size, "listen %s: %s", config->listen, strerror(errno));
  if (error) {
    (void)unlink(config->listen);
    return error;
  }
  *ret_descriptor = descriptor;
  descriptor = -1;
  return LONTAR_OK;
}
