/* Why libpq could not connect: its text without address and URL, and the SQLSTATE that is hidden in it. Thread-safe for
 * different connections. */
#ifndef POOL_REFUSAL_H
#define POOL_REFUSAL_H

#include <libpq-fe.h>
#include <stdbool.h>

enum { REFUSAL_SQLSTATE_SIZE = 6 };

/* To be called when the attempt begins, and again with `connecting` false when it succeeded. */
void refusal_expect(PGconn *connection, bool connecting);

/* One line or more, borrowed from the connection; NULL when libpq does not take the URL as it is. */
const char *refusal_reason(const PGconn *connection);

/* Whether no server was met: nobody took us in, or whoever did said nothing. Else it was met and does not suit us, or
 * libpq did not even try. */
bool refusal_met_nobody(const PGconn *connection);

/* Leaves `ret_sqlstate` alone when no server has spoken. */
void refusal_sqlstate(const PGconn *connection, char ret_sqlstate[REFUSAL_SQLSTATE_SIZE]);

#endif
