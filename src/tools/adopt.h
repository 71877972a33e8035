/* What migrate must know of an existing NexusAI database before it adopts it. Errors are printed. */
#ifndef TOOLS_ADOPT_H
#define TOOLS_ADOPT_H

#include <libpq-fe.h>
#include <stdbool.h>

enum { ADOPT_ZONE_SIZE = 128 };

/* Whether there are tables of the original's with times without a time zone. COMMAND_DONE or COMMAND_FAILED. */
int adopt_needed(PGconn *connection, bool *ret_needed);

/*
 * Hands the time zone of the times to adopt to the migrations, in the setting lontar.time_zone: `wanted`, or when it is
 * NULL the one that the server gives to the owner of the tables, who wrote them. COMMAND_DONE or COMMAND_FAILED.
 */
int adopt_set_time_zone(PGconn *connection, const char *wanted, char ret_zone[ADOPT_ZONE_SIZE]);

/* Prints what adopting would change, table by table. COMMAND_DONE or COMMAND_FAILED. */
int adopt_print_plan(PGconn *connection, const char *zone);

#endif
