/* What all doors set a session with the database to: workers, prober, liblontar and lontarctl. Thread-safe, no I/O. */
#ifndef REPO_PRESETS_H
#define REPO_PRESETS_H

#include <stdbool.h>
#include <stdint.h>

struct buffer;

struct preset {
  const char *name;
  int since;              /* the first major version that knows it */
  const char *instead_of; /* only this value is replaced; NULL: any */
  const char *value;
  bool heavy;
  const char *why; /* a clause on what another value would do */
};

/* The rows of presets.def. */
extern const struct preset presets[];
extern const int preset_count;

/* What differs from door to door, in milliseconds; 0 is none. */
struct preset_limits {
  int64_t statement;
  int64_t lock;
  int64_t idle_in_transaction;
};

/*
 * Appends the columns of a SELECT that sets everything for the session, separated by commas: one statement, so one
 * round trip, and none that a server of `server_version` (as of PQserverVersion, 12 or later) does not know. Anybody
 * may set them.
 */
void presets_write(struct buffer *sql, int server_version, const struct preset_limits *limits);

#endif
