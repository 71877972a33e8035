/* What SQLSTATEs mean: the rows of sqlstate.def. Pure, thread-safe. */
#ifndef POOL_SQLSTATE_H
#define POOL_SQLSTATE_H

#include <stdbool.h>

#include <lontar/error.h>

/* What a state says of the session it came from; sqlstate.def explains each. */
enum sqlstate_session {
  SQLSTATE_GOOD,
  SQLSTATE_STALE,
  SQLSTATE_RENEW,
  SQLSTATE_LOCKED,
  SQLSTATE_ENDED,
  SQLSTATE_SERVER,
  SQLSTATE_STANDBY,
};

struct sqlstate_row {
  const char *code; /* five characters, or the two of a class */
  const char *name; /* PostgreSQL's */
  enum lontar_error error;
  enum sqlstate_session session;
  bool quotes_values; /* the server's message may hold what a caller sent */
};

/* The row of a SQLSTATE, else its class's, else one named "unknown"; never NULL. */
const struct sqlstate_row *sqlstate_find(const char *sqlstate);

/* The error for a SQLSTATE of five characters. NULL stands for a connection that was lost: LONTAR_UNAVAILABLE. */
enum lontar_error sqlstate_error(const char *sqlstate);

/* Whether this state says that the server or its role is gone, so that every older connection to it is worthless. */
bool sqlstate_server_gone(const char *sqlstate);

#endif
