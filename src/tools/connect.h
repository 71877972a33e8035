/* A tool's own connection to the database: blocking, one at a time, with errors told in words that help. */
#ifndef TOOLS_CONNECT_H
#define TOOLS_CONNECT_H

#include <libpq-fe.h>

#include <lontar/database.h>

#include "pool/door.h"
#include "tools/command.h"

/* Connects to the configuration's database. NULL after the reason and how to mend it were printed. PQfinish ends it. */
PGconn *connect_database(const struct invocation *invocation);

/* The same as a client of liblontar; lontar_close ends it. */
struct lontar_database *connect_library(const struct invocation *invocation);

/* Prints what it says went wrong, with a hint where there is one. Returns COMMAND_FAILED. */
int connect_tell(const struct lontar_failure *failure);

/* Runs SQL with text parameters. NULL after the server's complaint was printed; else rows or a finished command. */
PGresult *connect_query(PGconn *connection, const char *sql, int count, const char *const *parameters);

/* Runs one or more SQL commands without a result; COMMAND_DONE or, after the complaint was printed, COMMAND_FAILED: so
 * too after a COMMIT that may be lost. Whatever writes is committed by this. */
int connect_execute(PGconn *connection, const char *sql);

/* Prints the server's complaint with a hint where there is one. Returns COMMAND_FAILED. */
int connect_complain(const PGresult *result, PGconn *connection);

#endif
