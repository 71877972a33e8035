/* What migrate must know of an existing NexusAI database before it adopts it. Errors are printed; the functions that
 * return a number return COMMAND_DONE or COMMAND_FAILED. */
#ifndef TOOLS_ADOPT_H
#define TOOLS_ADOPT_H

#include <libpq-fe.h>
#include <stdbool.h>

enum { ADOPT_ZONE_SIZE = 128 };

/* Whether any table of ours is there, and whether one has times without a time zone. */
int adopt_look(PGconn *connection, bool *ret_tables, bool *ret_times);

/*
 * Hands the time zone of the times to adopt to the migrations, in the setting lontar.time_zone: `wanted`, or when it is
 * NULL the one that the server gives to the owner of the tables, who wrote them.
 */
int adopt_set_time_zone(PGconn *connection, const char *wanted, char ret_zone[ADOPT_ZONE_SIZE]);

/* Then hands over, in the setting lontar.time_defaults, what the defaults of these times become: a JSON object of
 * "table.column": "expression". */
int adopt_set_time_defaults(PGconn *connection);

/* Prints what adopting would change, table by table. */
int adopt_print_plan(PGconn *connection, const char *zone);

/* Prints what the old application must reckon with. */
void adopt_print_tokens(void);

#endif
