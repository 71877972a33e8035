/* The rights of the daemon's database role: the records of five tables, and nothing of the schema. Errors are printed.
 */
#ifndef TOOLS_GRANT_H
#define TOOLS_GRANT_H

#include <libpq-fe.h>
#include <stdbool.h>

/* Refuses a role that is not there or could change the schema by what it is already. COMMAND_DONE or COMMAND_FAILED. */
int grant_check(PGconn *connection, const char *role);

/* Grants it, or with `dry_run` prints what would be granted. COMMAND_DONE or COMMAND_FAILED. */
int grant_apply(PGconn *connection, const char *role, bool dry_run);

#endif
