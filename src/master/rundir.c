/* Claims the run folder by a locked pid file. */
#include "master/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/message.h"
#include "health/board.h"
#include "health/folder.h"
#include "health/owner.h"
#include "health/publish.h"

static int write_pid(int descriptor)
{
  char text[24];
  const int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
  return ftruncate(descriptor, 0) == 0 && pwrite(descriptor, text, (size_t)length, 0) == length ? 0 : -1;
}

int rundir_claim(const char *run_dir, int *ret_descriptor, char *message, size_t size)
{
  char path[PATH_MAX];
  if (mkdir(run_dir, 0755) == 0)
    (void)chmod(run_dir, 0755);
  else if (errno != EEXIST)
    return message_fail(LONTAR_INTERNAL, message, size, "run_dir %s cannot be made: %s", run_dir, strerror(errno));
  if (!folder_path(path, run_dir, OWNER_FILE))
    return message_fail(LONTAR_INTERNAL, message, size, "run_dir %s is too long", run_dir);
  for (;;) {
    CLEANUP_CLOSE int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (descriptor < 0)
      return message_fail(LONTAR_INTERNAL, message, size, "pid file %s: %s", path, strerror(errno));
    if (owner_lock(descriptor) != 0)
      return message_fail(LONTAR_CONFLICT, message, size, "another lontard (pid %ld) is running in %s",
                          (long)owner_of(run_dir), run_dir);
    if (!folder_has_open(path, descriptor))
      continue; /* one that was removed between opening and locking protects nothing */
    if (write_pid(descriptor) < 0)
      return message_fail(LONTAR_INTERNAL, message, size, "pid file %s: %s", path, strerror(errno));
    *ret_descriptor = descriptor;
    descriptor = -1;
    return LONTAR_OK;
  }
}

void rundir_release(const char *run_dir, int descriptor)
{
  static const char *const names[] = {PUBLISH_FILE, BOARD_FILE, OWNER_FILE}; /* which harm nobody if they stay */
  char path[PATH_MAX];
  bool failed = false;
  (void)publish_unmark(run_dir, &failed); /* the last try; the next lontard's first act is another */
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (folder_path(path, run_dir, names[i]))
      (void)unlink(path);
  (void)close(descriptor);
}
