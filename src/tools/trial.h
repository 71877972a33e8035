/* Tries Lontar's own statements on tables that were just adopted. */
#ifndef TOOLS_TRIAL_H
#define TOOLS_TRIAL_H

#include <libpq-fe.h>

/*
 * Within the caller's transaction: makes a record in each table, reads, lists and deletes, and takes it all back, the
 * numbers of sequences too. What no examination can foresee, a trigger or a constraint for instance, shows here.
 * COMMAND_DONE, or COMMAND_FAILED after it was printed what failed; then the transaction is of no more use.
 */
int trial_run(PGconn *connection);

#endif
