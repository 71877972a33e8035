/* What the library's files share of a database beyond <lontar/database.h>. */
#ifndef LIBRARY_DATABASE_H
#define LIBRARY_DATABASE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include <lontar/database.h>

#include "library/wire.h"
#include "pool/door.h"

/* How a run that failed may be repeated. */
enum database_retry {
  RETRY_NEVER = 0,
  RETRY_LOST = 1,     /* once when the connection was lost: only for what reads */
  RETRY_CONFLICT = 2, /* when it was undone by a conflict */
};

/* As it was opened with. */
const struct lontar_options *database_options(const struct lontar_database *database);

/* LONTAR_MISUSE in a child of the process that opened the database: its connections are the parent's. */
enum lontar_error database_check(const struct lontar_database *database, struct lontar_failure *failure);

/* Takes a connection, runs the statements on it as wire_run does, gives it back. The caller clears the result. */
enum lontar_error database_run(struct lontar_database *database, const struct wire_statement *statements, size_t count,
                               unsigned retry, PGresult **ret_result, struct lontar_failure *failure);

#endif
