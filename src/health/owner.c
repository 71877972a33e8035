/* The lock of the pid file, taken and looked at. */
#include "health/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/cleanup.h"

enum { LOCK_TRIES = 20, LOCK_PAUSE_US = 10000 };

int owner_lock(int descriptor)
{
  int tries = 0;
  while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || ++tries == LOCK_TRIES)
      return -1;
    (void)usleep(LOCK_PAUSE_US);
  }
  return 0;
}

static pid_t read_pid(int descriptor)
{
  char text[24] = "";
  if (pread(descriptor, text, sizeof text - 1, 0) < 0)
    return -1;
  const long pid = strtol(text, NULL, 10);
  return pid > 1 && pid <= INT_MAX ? (pid_t)pid : 0;
}

pid_t owner_of(const char *run_dir)
{
  char path[PATH_MAX];
  (void)snprintf(path, sizeof path, "%s/" OWNER_FILE, run_dir);
  CLEANUP_CLOSE int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0)
    return errno == ENOENT ? 0 : -1;
  if (flock(descriptor, LOCK_SH | LOCK_NB) == 0)
    return 0;
  return errno == EWOULDBLOCK ? read_pid(descriptor) : -1;
}
