/* Time: a steady clock for durations, the wall clock for stamps. All in microseconds. Thread-safe. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOCK_SECOND INT64_C(1000000)
#define CLOCK_MILLISECOND INT64_C(1000)

/* Microseconds on a clock that never jumps; its zero means nothing. */
int64_t clock_steady(void);

/* Tells one start of the machine from another: steady stamps can be compared only within one. Zeros where the system
 * does not tell. */
void clock_boot_id(uint64_t ret_id[2]);

/* The same as text, for documents. Returns `out`. */
enum { CLOCK_BOOT_SIZE = 33 };
const char *clock_boot_text(char out[CLOCK_BOOT_SIZE]);

/* Microseconds since 1970-01-01 UTC. */
int64_t clock_wall(void);

/* Time from a stamp that may be anything, as in a damaged file, to `now`. */
static inline int64_t clock_since(uint64_t stamp, int64_t now)
{
  return (int64_t)((uint64_t)now - stamp);
}

static inline int64_t clock_later(int64_t one, int64_t other)
{
  return one > other ? one : other;
}

/* Whether such a stamp is of this time: no older than `limit`, nor of a future that only a damaged file has. */
static inline bool clock_is_fresh(uint64_t stamp, int64_t now, int64_t limit)
{
  const int64_t since = clock_since(stamp, now);
  return stamp != 0 && since >= -limit && since <= limit;
}

/* RFC 3339 in UTC, e.g. 2026-01-02T03:04:05.000006Z, without the fraction where it is zero.
 * Returns the length written without the closing NUL, 0 outside the years 1 to 9999; `out` holds at least
 * CLOCK_RFC3339_SIZE bytes. */
#define CLOCK_RFC3339_SIZE 32
size_t clock_rfc3339(int64_t wall, char *out);

#endif
