/* The configuration's numbers as one worker's share. Pure, thread-safe. Source: src/config/options.def. */
#ifndef WORKER_SETTINGS_H
#define WORKER_SETTINGS_H

#include "config/config.h"
#include "pool/pool.h"

/* Divides pool_size: the slices of all workers add up to it exactly, but every worker keeps at least one connection.
 * pool_max_overflow is not divided: each worker may lease all of it (worker/budget.h). The machine's processors are
 * divided where the database has them, too. */
void worker_pool_settings(const struct config *config, int index, int workers, int processors,
                          struct pool_settings *ret_settings);

/* The count at which a worker that begins at `now` grows weary: max_requests later, less up to a tenth, so that workers
 * which began together do not end together; UINT64_MAX for never. `random` is any 32 random bits. */
uint64_t worker_request_limit(const struct config *config, uint64_t now, uint32_t random);

#endif
