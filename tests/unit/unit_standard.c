/* Programs that were started with standard descriptors closed. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/standard.h"
#include "unit.h"

static int end_without(int first, int last)
{
  struct stat null, other;
  for (int i = first; i <= last; i++)
    (void)close(i);
  if (!standard_open() || stat("/dev/null", &null) != 0)
    return EXIT_FAILURE;
  for (int i = first; i <= last; i++)
    if (fstat(i, &other) != 0 || other.st_rdev != null.st_rdev || write(i, "x", 1) != 1)
      return EXIT_FAILURE;
  const int next = open("/dev/null", O_RDONLY);
  return next > STDERR_FILENO ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void closed_standard_descriptors_are_opened(void)
{
  for (int first = STDIN_FILENO; first <= STDERR_FILENO; first++)
    for (int last = first; last <= STDERR_FILENO; last++) {
      int status = -1;
      const pid_t child = fork();
      if (child == 0)
        _exit(end_without(first, last));
      CU_ASSERT(waitpid(child, &status, 0) == child && status == 0);
    }
}

UNIT_CASES(standard, UNIT_CASE(closed_standard_descriptors_are_opened));
