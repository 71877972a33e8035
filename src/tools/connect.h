/* A tool's own connection to the database: blocking, one at a time, with errors told in words that help. */
#ifndef TOOLS_CONNECT_H
#define TOOLS_CONNECT_H

#include <libpq-fe.h>

#include "pool/door.h"
#include "repo/statement.h"
#include "tools/command.h"

/* Connects to the configuration's database. NULL after the reason and how to mend it were printed. PQfinish ends it. */
PGconn *connect_database(const struct invocation *invocation);

/* Runs SQL with text parameters. NULL after the server's complaint was printed; else rows or a finished command. */
PGresult *connect_query(PGconn *connection, const char *sql, int count, const char *const *parameters);

/* Runs one or more SQL commands without a result; COMMAND_DONE or, after the complaint was printed, COMMAND_FAILED: so
 * too after a COMMIT that may be lost. Whatever writes is committed by this. */
int connect_execute(PGconn *connection, const char *sql);

/* Runs a statement of the repository; its columns are binary (statement_read). The result is never NULL; what it says
 * is for the caller to look at. */
PGresult *connect_statement(PGconn *connection, enum statement statement, const struct values *values);

/* Prints the server's complaint with a hint where there is one. Returns COMMAND_FAILED. */
int connect_complain(const PGresult *result, PGconn *connection);

#endif
