/* Looks at owner and mode of the configuration and its folder. */
#include "supervise/trust.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITABLE_BY_OTHERS = S_IWGRP | S_IWOTH };

static bool refuse(const char *path, const char *reason, char *message, size_t size)
{
  (void)snprintf(message, size, "%s %s: it names commands that root runs", path, reason);
  return false;
}

static bool is_ours(const char *path, bool sticky_is_enough, char *message, size_t size)
{
  struct stat status;
  if (stat(path, &status) < 0)
    return refuse(path, strerror(errno), message, size);
  if (status.st_uid != 0)
    return refuse(path, "does not belong to root", message, size);
  if ((status.st_mode & WRITABLE_BY_OTHERS) != 0 && !(sticky_is_enough && (status.st_mode & S_ISVTX) != 0))
    return refuse(path, "can be written by others than root", message, size);
  return true;
}

bool trust_file(const char *path, char *message, size_t size)
{
  char real[PATH_MAX];
  if (geteuid() != 0)
    return true;
  if (realpath(path, real) == NULL)
    return refuse(path, strerror(errno), message, size);
  return is_ours(real, false, message, size) && is_ours(dirname(real), true, message, size);
}
