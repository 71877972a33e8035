/*
 * The ways to the database: what libpq is told beside the URL, for the workers and the prober, for liblontar and for
 * the operator's tools. A connection and its options are opened here and nowhere else. Thread-safe.
 */
#ifndef POOL_DOOR_H
#define POOL_DOOR_H

#include <libpq-fe.h>

#include "base/cleanup.h"

struct address;

/* As PQserverVersion says it: PostgreSQL 12. */
enum { DOOR_OLDEST_SERVER = 120000 };

enum door_kind { DOOR_DAEMON = 1, DOOR_LIBRARY = 2, DOOR_TOOL = 4 };

struct door {
  enum door_kind kind;
  const char *url;
  const char *name;              /* by which the server shows the session */
  const struct address *address; /* NULL: the servers of the URL */
  const char *role;              /* target_session_attrs; NULL: as the URL says */
};

/* Begins to connect, as PQconnectStart does; a tool waits until it is done. NULL when there is no memory. */
PGconn *door_open(const struct door *door);

#define CLEANUP_CONNECTION CLEANUP(door_finish_pointer)
static inline void door_finish_pointer(PGconn **connection)
{
  PQfinish(*connection);
}

#define CLEANUP_RESULT CLEANUP(door_clear_pointer)
static inline void door_clear_pointer(PGresult **result)
{
  PQclear(*result);
}

#endif
