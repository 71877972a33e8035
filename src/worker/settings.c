/* The configuration's numbers as one worker's share. */
#include "worker/settings.h"

#include "pool/address.h"

static int share(int64_t total, int index, int workers)
{
  return (int)(total / workers + (index < total % workers ? 1 : 0));
}

/* A server on this machine has the same processors: of more dear reads at once than these, each would be slower, and
 * all that is cheap would wait for them. */
static int dear_share(const struct config *config, int index, int workers, int processors)
{
  CLEANUP_ADDRESSES struct address_list *list = address_list_parse(config->database_url);
  const int own = share(processors, index, workers);
  if (list == NULL || !address_list_is_local(list) || own > POLICY_DEAR_SLOTS)
    return POLICY_DEAR_SLOTS;
  return own > 0 ? own : 1;
}

void worker_pool_settings(const struct config *config, int index, int workers, int processors,
                          struct pool_settings *ret_settings)
{
  int size = share(config->pool_size, index, workers);
  *ret_settings = (struct pool_settings){
      .policy =
          {
              .size = size > 0 ? size : 1,
              .max_overflow = (int)config->pool_max_overflow,
              .max_dear = dear_share(config, index, workers, processors),
              .max_waiting = (int)config->pool_max_waiting,
              .recycle = config->pool_recycle,
              .idle_timeout = config->pool_idle_timeout,
              .connect_timeout = config->connect_timeout,
              .statement_timeout = config->statement_timeout,
          },
      .held_limit = config->leak_threshold,
      .prepared_statements = config->prepared_statements != 0,
  };
}

uint64_t worker_request_limit(const struct config *config, uint64_t now, uint32_t random)
{
  const uint64_t most = (uint64_t)config->max_requests;
  return most == 0 ? UINT64_MAX : now + most - random % (most / 10 + 1);
}
