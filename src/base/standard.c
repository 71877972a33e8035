/* Puts /dev/null where a standard descriptor is missing. */
#include "base/standard.h"

#include <fcntl.h>
#include <unistd.h>

bool standard_open(void)
{
  for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
    if (fcntl(i, F_GETFD) < 0 && open("/dev/null", O_RDWR) != i) /* the lowest that is free: i */
      return false;
  return true;
}
