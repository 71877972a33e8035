/* Who is asking, and whether a route's row lets them. Pure functions, thread-safe. */
#ifndef HANDLER_PRINCIPAL_H
#define HANDLER_PRINCIPAL_H

#include <stddef.h>
#include <stdint.h>

#include <lontar/error.h>

struct route_row;
struct values;

/* A user found by a session token, or a service found by its key. Copied by value; owns nothing. */
struct principal {
  unsigned who;       /* one of WHO_SISWA, WHO_GURU, WHO_ADMIN, WHO_SERVICE; WHO_ANYONE without a credential */
  int64_t user_id;    /* 0 for a service */
  char username[256]; /* UTF-8, at most 50 characters; "" for a service */
};

/* What a token may be, in bytes: the original's are any text of 8 to 255 characters. */
enum { BEARER_LENGTH_MIN = 8, BEARER_LENGTH_MAX = 255 * 4 };

/* Finds the token of `Authorization: Bearer <token>` (RFC 6750): the scheme in any case, one or more blanks, then
 * anything without control characters, because the original's tokens may hold more than RFC 6750 allows. Blanks at the
 * end do not count. The token points into the header. LONTAR_OK, or LONTAR_UNAUTHENTICATED, also for a NULL header. */
enum lontar_error bearer_parse(const char *authorization_header, const char **ret_token, size_t *ret_length);

/* The bit of enum who for "siswa", "guru" or "admin"; WHO_ANYONE for any other text. */
unsigned role_parse(const char *text, size_t length);

/*
 * Whether the principal may call the row: by its role, or as OWNER, who is the user that the operation's owner names.
 * `values` holds what is known by then of the input: what comes with the body is judged when it is there.
 * LONTAR_OK or LONTAR_FORBIDDEN. LOOPBACK is not judged here: it asks for an address, not for a principal.
 */
enum lontar_error principal_may(const struct principal *principal, const struct route_row *row,
                                const struct values *values);

/* For one who may as OWNER alone: names them where the input does not, and the statement that tells by the row. */
void principal_fill(const struct principal *principal, const struct route_row *row, struct values *values);

#endif
