/*
 * What can go wrong, as one list for the library, the daemon and its tools.
 *
 * Source: src/base/errors.def, which gives each code its HTTP status and public text. Codes are never renumbered; new
 * ones are added at the end. All functions here are pure and thread-safe.
 */
#ifndef LONTAR_ERROR_H
#define LONTAR_ERROR_H

#include <lontar/export.h>

#ifdef __cplusplus
extern "C" {
#endif

enum lontar_error {
  LONTAR_OK = 0,
  LONTAR_MALFORMED = 1,          /* not JSON, not UTF-8, a cursor or number that is none */
  LONTAR_UNAUTHENTICATED = 2,    /* no, unknown or expired token */
  LONTAR_BAD_CREDENTIALS = 3,    /* username and password do not belong together */
  LONTAR_FORBIDDEN = 4,          /* wrong role, or somebody else's data */
  LONTAR_NOT_FOUND = 5,          /* no such record or path */
  LONTAR_METHOD_NOT_ALLOWED = 6, /* the path exists, not with this method */
  LONTAR_CONFLICT = 7,           /* a unique value is taken (SQLSTATE 23505) */
  LONTAR_TOO_LARGE = 8,          /* a request body above the limit */
  LONTAR_INVALID = 9,            /* a value breaks a rule (23502, 23514, 22001) */
  LONTAR_BAD_REFERENCE = 10,     /* refers to a record that does not exist (23503) */
  LONTAR_UNAVAILABLE = 11,       /* the database cannot be reached (08xxx, 53xxx, 57P0x, 25006) */
  LONTAR_BUSY = 12,              /* no connection in time, too many wait already, or no memory for a password */
  LONTAR_DEADLINE = 13,          /* too late (57014), or a commit that the standby may not have */
  LONTAR_RETRY = 14,             /* serialization failure or deadlock, also after the retries (40001, 40P01) */
  LONTAR_INTERNAL = 15,          /* a fault of ours: grants, SQL, memory, triggers (42xxx, XXxxx) */
  LONTAR_MISUSE = 16,            /* the calling program broke this contract, e.g. a missing named parameter */
  LONTAR_REFERENCED = 17,        /* another record refers to the one that was to go (23503) */
};

/* A short stable word such as "not_found"; "internal" for a number that is none of the above. */
LONTAR_EXPORT const char *lontar_error_code(enum lontar_error error);

/* One English sentence fit for the public: no SQL, no host name. */
LONTAR_EXPORT const char *lontar_error_text(enum lontar_error error);

/* The HTTP status that stands for the error; 200 for LONTAR_OK. */
LONTAR_EXPORT int lontar_error_http_status(enum lontar_error error);

#ifdef __cplusplus
}
#endif

#endif
