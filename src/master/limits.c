/* The limit of open files against what the settings may need. */
#include "master/limits.h"

#include <inttypes.h>
#include <sys/resource.h>

#include "base/message.h"
#include "config/config.h"

/* What a worker has open by itself, and connections of nginx: the 256 that it keeps for each of its processes, and more
 * while it has requests. */
enum { OWN = 64, CLIENTS = 1024, SOCKETS_A_WORKER = 2 };

uint64_t limits_needed(const struct config *config, int workers)
{
  const int64_t share = (config->pool_size + workers - 1) / workers;
  return (uint64_t)(OWN + CLIENTS + SOCKETS_A_WORKER * workers + share + config->pool_max_overflow);
}

bool limits_raise(const struct config *config, int workers, char *message, size_t size)
{
  const uint64_t needed = limits_needed(config, workers);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || (uint64_t)limit.rlim_cur >= needed)
    return true;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0 && (uint64_t)limit.rlim_cur >= needed)
    return true;
  (void)message_fail(0, message, size,
                     "a worker may have %" PRIu64 " files open and may need %" PRIu64
                     ": raise the limit (LimitNOFILE of the unit, ulimit -n)",
                     (uint64_t)limit.rlim_cur, needed);
  return false;
}
