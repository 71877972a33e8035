/* The table of presets, and the statement that sets them. */
#include "repo/presets.h"

#include <inttypes.h>

#include "base/buffer.h"

enum { LIGHT = false, HEAVY = true, VERSION_MAJOR = 10000 };

const struct preset presets[] = {
#define PRESET(name, since, instead_of, value, weight, why) {#name, since, instead_of, value, weight, why},
#include "repo/presets.def"
#undef PRESET
};

const int preset_count = sizeof presets / sizeof presets[0];

static void write_limit(struct buffer *sql, const char *name, int64_t milliseconds)
{
  buffer_append_format(sql, "pg_catalog.set_config('%s', '%" PRId64 "', false), ", name, milliseconds);
}

static void write_preset(struct buffer *sql, const struct preset *preset)
{
  if (preset->instead_of != NULL)
    buffer_append_format(
        sql, ", CASE pg_catalog.current_setting('%s') WHEN '%s' THEN pg_catalog.set_config('%s', '%s', false) END",
        preset->name, preset->instead_of, preset->name, preset->value);
  else
    buffer_append_format(sql, ", pg_catalog.set_config('%s', '%s', false)", preset->name, preset->value);
}

void presets_write(struct buffer *sql, int server_version, const struct preset_limits *limits)
{
  write_limit(sql, "statement_timeout", limits->statement);
  write_limit(sql, "lock_timeout", limits->lock);
  buffer_append_format(sql, "pg_catalog.set_config('idle_in_transaction_session_timeout', '%" PRId64 "', false)",
                       limits->idle_in_transaction);
  for (int i = 0; i < preset_count; i++)
    if (server_version / VERSION_MAJOR >= presets[i].since)
      write_preset(sql, &presets[i]);
}
