/* SQLSTATE becomes our error here and nowhere else. */
#include "pool/sqlstate.h"

#include <stddef.h>
#include <string.h>

enum words { SQLSTATE_NAMES, SQLSTATE_VALUES };

static const struct sqlstate_row rows[] = {
#define SQLSTATE(code, name, error, session, words)                                                                    \
  {code, #name, LONTAR_##error, SQLSTATE_##session, SQLSTATE_##words == SQLSTATE_VALUES},
#include "pool/sqlstate.def"
#undef SQLSTATE
};

enum { CLASS_LENGTH = 2 };

const struct sqlstate_row *sqlstate_find(const char *sqlstate)
{
  static const struct sqlstate_row unknown = {"", "unknown", LONTAR_INTERNAL, SQLSTATE_GOOD, true};
  const struct sqlstate_row *found = &unknown;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (strcmp(sqlstate, rows[i].code) == 0)
      return &rows[i];
    if (strlen(rows[i].code) == CLASS_LENGTH && strncmp(sqlstate, rows[i].code, CLASS_LENGTH) == 0)
      found = &rows[i];
  }
  return found;
}

enum lontar_error sqlstate_error(const char *sqlstate)
{
  return sqlstate ? sqlstate_find(sqlstate)->error : LONTAR_UNAVAILABLE;
}

bool sqlstate_server_gone(const char *sqlstate)
{
  enum sqlstate_session session = sqlstate ? sqlstate_find(sqlstate)->session : SQLSTATE_SERVER;
  return session == SQLSTATE_SERVER || session == SQLSTATE_STANDBY;
}
