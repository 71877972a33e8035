/* Why the server said no, for a line of the log: never a value that somebody sent or stored. Thread-safe. */
#ifndef POOL_REASON_H
#define POOL_REASON_H

#include <libpq-fe.h>
#include <stddef.h>

enum { REASON_SIZE = 1024 };

/*
 * Writes `sqlstate=23505 name=unique_violation table=… column=… constraint=… message="…"`, without what the server left
 * out. Where its words may hold values, what is quoted in them is left out; of an error that came out of a function its
 * last line of context stands in their place. Returns `out`.
 */
const char *reason_write(char *out, size_t size, const PGresult *result);

#endif
