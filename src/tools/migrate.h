/*
 * Brings the database's schema up to date with the migrations of src/tools/migrations, which lie in this program.
 *
 * Each runs in one transaction and is recorded in the table lontar_migrations with its checksum; one migrate at a time
 * holds a lock. What is wrong is printed; progress goes to standard error, results and plans to standard output.
 */
#ifndef TOOLS_MIGRATE_H
#define TOOLS_MIGRATE_H

#include <libpq-fe.h>
#include <stdbool.h>

struct migration {
  int number; /* 1, 2, … without a gap */
  const char *name;
  const char *sql;
};

extern const struct migration migrations[];
extern const int migration_count;

struct migrate_options {
  bool dry_run;
  const char *grant;     /* the daemon's role, NULL for none */
  const char *time_zone; /* of the times to adopt, NULL: what the server is configured to */
};

/* How many migrations the database has, which must be the first ones of ours. COMMAND_DONE or COMMAND_FAILED. */
int migrate_load(PGconn *connection, int *ret_applied);

/* COMMAND_DONE, or COMMAND_FAILED when something stands in the way, also of a dry run. */
int migrate_run(PGconn *connection, const struct migrate_options *options);

#endif
