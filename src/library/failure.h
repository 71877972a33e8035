/* Fills the caller's struct lontar_failure. Every function takes NULL for it. Thread-safe for different structs. */
#ifndef LIBRARY_FAILURE_H
#define LIBRARY_FAILURE_H

#include <libpq-fe.h>

#include <lontar/database.h>

#include "pool/verdict.h"

/* Forgets what an earlier call left. */
void failure_clear(struct lontar_failure *failure);

/* Says what went wrong on our side and returns `error`. */
__attribute__((format(printf, 3, 4))) enum lontar_error failure_set(struct lontar_failure *failure,
                                                                    enum lontar_error error, const char *format, ...);

/* Says what the server answered, or, with result NULL, how the connection broke. What libpq itself could not do on a
 * connection that stands, for want of memory, is LONTAR_INTERNAL. Returns the error. */
enum lontar_error failure_from_server(struct lontar_failure *failure, const PGresult *result, const PGconn *connection);

/* Says anew what the server answered to a statement of the repository, after failure_from_server. Returns the error. */
enum lontar_error failure_judge(struct lontar_failure *failure, const struct asked *asked, const PGresult *result);

/* Says what the server warned of a commit that it answered with success: LONTAR_DEADLINE. */
enum lontar_error failure_from_doubt(struct lontar_failure *failure, const PGresult *notice);

/* Says in libpq's words, which name the server, why no connection came about: LONTAR_UNAVAILABLE, and not retriable
 * when the server does not let us in. The URL is one that libpq takes: what it says of others may hold a password. */
enum lontar_error failure_from_refusal(struct lontar_failure *failure, const PGconn *connection);

#endif
