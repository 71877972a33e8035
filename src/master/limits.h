/* How many descriptors a worker may need, and the limit of this process. */
#ifndef MASTER_LIMITS_H
#define MASTER_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

/* By the settings: nginx's connections, those to the database, and what passes between `workers`. Pure. */
uint64_t limits_needed(const struct config *config, int workers);

/* Makes the soft limit of open files the hard one where it may not do; children inherit it. False, with one sentence in
 * `message`, when that is not enough either. */
bool limits_raise(const struct config *config, int workers, char *message, size_t size);

#endif
