/* The ways to the database: one table of libpq's keywords. */
#include "pool/door.h"

#include <stddef.h>

#include "pool/address.h"

enum { ALL = DOOR_DAEMON | DOOR_LIBRARY | DOOR_TOOL };

PGconn *door_open(const struct door *door)
{
  static const struct address anywhere;
  const struct address *address = door->address != NULL ? door->address : &anywhere;
  /* What stands before `dbname` gives way to the URL, what stands behind overrides it. */
  const struct row {
    unsigned doors;
    const char *keyword;
    const char *value; /* NULL: not said */
  } rows[] = {
      {ALL, "gssencmode", "disable"},                          /* libpq blocks while it asks for a ticket */
      {DOOR_TOOL, "connect_timeout", "10"},                    /* the others have deadlines of their own */
      {DOOR_LIBRARY, "fallback_application_name", door->name}, /* the program may name itself in its URL */
      {DOOR_DAEMON, "target_session_attrs", door->role},       /* of several servers, unless the operator chose */
      {ALL, "keepalives_idle", "30"}, /* who is gone without a word is missed in a minute, … */
      {ALL, "keepalives_interval", "10"},
      {ALL, "keepalives_count", "3"},
      {ALL, "tcp_user_timeout", "30000"}, /* … also by who has just written to it */
      {ALL, "dbname", door->url},
      {DOOR_DAEMON | DOOR_TOOL, "application_name", door->name}, /* the prober finds sessions by it */
      {ALL, "client_encoding", "UTF8"},                          /* the only one that is read and written here */
      {DOOR_LIBRARY, "target_session_attrs", door->role}, /* its rounds over the servers, and who ends sessions */
      {ALL, "host", address->host},                       /* one of the URL's, without a look-up that blocks */
      {ALL, "hostaddr", address->hostaddr},
      {ALL, "port", address->port},
  };
  enum { COUNT = sizeof rows / sizeof rows[0] };
  const char *keywords[COUNT + 1] = {NULL};
  const char *values[COUNT + 1] = {NULL};
  int count = 0;
  for (size_t i = 0; i < COUNT; i++) {
    if ((rows[i].doors & door->kind) == 0 || rows[i].value == NULL)
      continue;
    keywords[count] = rows[i].keyword;
    values[count++] = rows[i].value;
  }
  return door->kind == DOOR_TOOL ? PQconnectdbParams(keywords, values, 1) : PQconnectStartParams(keywords, values, 1);
}
