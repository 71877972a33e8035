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

/* How libpq's reason begins when the system failed to connect, in the system's words, or the other end fell silent. */
static const char *const silences[] = {
    "Broken pipe",
    "Connection refused",
    "Connection reset",
    "Connection timed out",
    "Host is down",
    "Network is ",
    "No route to host",
    "No such file or directory",
    "Resource temporarily unavailable",
    "SSL SYSCALL error",
    "SSL connection has been closed",
    "could not receive data from server",
    "could not send ",
    "server closed the connection",
    "timeout expired",
};

bool refusal_met_nobody(const PGconn *connection)
{
  const char *reason = refusal_reason(connection);
  for (size_t i = 0; reason != NULL && i < sizeof silences / sizeof *silences; i++)
    if (strncmp(reason, silences[i], strlen(silences[i])) == 0)
      return true;
  return false;
}

void refusal_sqlstate(const PGconn *connection, char ret_sqlstate[REFUSAL_SQLSTATE_SIZE])
{
  for (const char *at = PQerrorMessage(connection); (at = strstr(at, ":  ")) != NULL;) {
    at += strlen(":  ");
    if (strspn(at, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && at[5] == ':')
      snprintf(ret_sqlstate, REFUSAL_SQLSTATE_SIZE, "%.5s", at);
  }
}
