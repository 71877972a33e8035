/* Counts /proc/self/fd, and tells when that is as much as there may be. */
#include "worker/descriptors.h"

#include <dirent.h>
#include <inttypes.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "log/log.h"

/* A connection that finds none is tried again a few times a second, so that an older failure is over. */
#define DENIED_LASTS (2 * CLOCK_SECOND)
#define TELL_AGAIN_AFTER (10 * CLOCK_SECOND)

/* The folder takes one itself, and where there is none for it, all are taken. */
static uint64_t count_open(uint64_t limit)
{
  uint64_t count = 0;
  DIR *folder = opendir("/proc/self/fd");
  if (folder == NULL)
    return limit;
  for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
    count += entry->d_name[0] != '.';
  (void)closedir(folder);
  return count > 0 ? count - 1 : 0;
}

static void count_all(struct descriptors *descriptors, int64_t now)
{
  struct rlimit limit = {0};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  descriptors->counted = now;
  descriptors->limit = (uint64_t)limit.rlim_cur;
  descriptors->open = count_open(descriptors->limit);
}

static void tell(struct descriptors *descriptors, int64_t now)
{
  if (descriptors->told != 0 && now - descriptors->told < TELL_AGAIN_AFTER)
    return;
  descriptors->told = now;
  count_all(descriptors, now);
  log_line(LOG_LEVEL_ERROR,
           "no descriptor is left for another connection open=%" PRIu64 " limit=%" PRIu64
           ": raise the limit of open files (LimitNOFILE, ulimit -n)",
           descriptors->open, descriptors->limit);
}

bool descriptors_look(struct descriptors *descriptors, int64_t denied, int64_t now)
{
  if (descriptors->counted == 0 || now - descriptors->counted >= CLOCK_SECOND)
    count_all(descriptors, now);
  const bool full = descriptors->limit > 0 && descriptors->open >= descriptors->limit;
  const bool short_of = full || (denied != 0 && now - denied < DENIED_LASTS);
  if (short_of)
    tell(descriptors, now);
  return short_of;
}
