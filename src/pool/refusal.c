/* Why libpq could not connect: its text without address and URL, and the SQLSTATE that is hidden in it. */
#include "pool/refusal.h"

#include <stdio.h>
#include <string.h>

/* Only a verbose text holds the SQLSTATE of a failed connection, as "FATAL:  57P03: …". */
void refusal_expect(PGconn *connection, bool connecting)
{
  (void)PQsetErrorVerbosity(connection, connecting ? PQERRORS_VERBOSE : PQERRORS_DEFAULT);
}

/* libpq begins with the server's address, which belongs into no log: "connection to server at … failed: reason". What
 * it says before it dials quotes the URL, which may hold a password. */
const char *refusal_reason(const PGconn *connection)
{
  const char *reason = strstr(PQerrorMessage(connection), " failed: ");
  return reason != NULL ? reason + strlen(" failed: ") : NULL;
}

void refusal_sqlstate(const PGconn *connection, char ret_sqlstate[REFUSAL_SQLSTATE_SIZE])
{
  for (const char *at = PQerrorMessage(connection); (at = strstr(at, ":  ")) != NULL;) {
    at += strlen(":  ");
    if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && at[5] == ':')
      snprintf(ret_sqlstate, REFUSAL_SQLSTATE_SIZE, "%.5s", at);
  }
}
