/* What outlives lontard of the primary it used: primary.json in state_dir. Thread-safe. */
#ifndef HEALTH_RECORD_H
#define HEALTH_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "health/primary.h"

#define RECORD_FILE "primary.json"

/* Reads system and timeline; none of them when there is no record, or one of other servers than those of this hash. */
void record_load(const char *folder, uint64_t servers, struct primary *ret_primary);

/* False with errno when it cannot be kept. */
bool record_save(const char *folder, uint64_t servers, const struct primary *primary);

/* Whether somebody has taken it away. */
bool record_is_gone(const char *folder);

#endif
