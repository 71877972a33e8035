/*
 * The configuration: one member per row of options.def, read from a file of `name = value` lines.
 *
 * A struct config is never changed after it is made, so any thread may read it.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdint.h>

#include "base/cleanup.h"

#define CONFIG_FILE SYSCONFDIR "/lontar/lontar.conf" /* where no other is named */

#define CONFIG_MEMBER_TEXT char *
#define CONFIG_MEMBER_LEVEL int64_t  /* enum log_level */
#define CONFIG_MEMBER_SWITCH int64_t /* 0 or 1 */
#define CONFIG_MEMBER_INTEGER int64_t
#define CONFIG_MEMBER_MODE int64_t
#define CONFIG_MEMBER_DURATION int64_t /* microseconds */
#define CONFIG_MEMBER_SIZE int64_t     /* bytes */

struct config {
#define OPTION(name, type, ...) CONFIG_MEMBER_##type name;
#include "config/options.def"
#undef OPTION
};

/* What is wrong, for the operator: "FILE:LINE: message". Never holds a value of a TEXT, which may be a secret. */
struct config_error {
  char text[512];
};

/*
 * Reads the defaults, then the file, then LONTAR_DATABASE_URL from the environment where it is set and not empty.
 * `file` NULL: no file. Unknown and doubled names, sections, bad values and values out of range are errors; the first
 * one is told. Returns 0 and the configuration, which the caller frees, or -1 and the error.
 */
int config_load(const char *file, struct config **ret_config, struct config_error *ret_error);

/* NULL is fine. */
void config_free(struct config *config);

#define CLEANUP_CONFIG CLEANUP(config_free_pointer)
static inline void config_free_pointer(struct config **config)
{
  config_free(*config);
}

/* The first option that takes effect only at a start and differs between both, NULL when there is none. */
const char *config_changed_at_start(const struct config *old, const struct config *new);

/* Makes options of START in `new` what they are in `old`, until the next start. 0, or -1 when there is no memory. */
int config_keep_start(const struct config *old, struct config *new);

#endif
