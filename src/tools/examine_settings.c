/* Looks at what a role or a database sets of what Lontar relies on. */
#include <stdio.h>
#include <string.h>

#include "repo/presets.h"
#include "tools/connect.h"
#include "tools/examine.h"

/* The value that a session of this role begins with, and whether somebody set it for the role or the database. */
static const char SETTING_SQL[] =
    "SELECT s.reset_val, EXISTS (SELECT FROM pg_db_role_setting r, unnest(r.setconfig) c"
    " WHERE r.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user))"
    " AND r.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
    " AND lower(c) LIKE lower($1) || '=%'), quote_ident(current_user)"
    " FROM pg_settings s WHERE lower(s.name) = lower($1)";

static bool is_wrong(const struct preset *preset, const char *value)
{
  return preset->instead_of != NULL ? strcmp(value, preset->instead_of) == 0 : strcmp(value, preset->value) != 0;
}

/* Behind a pooler nothing that is set lasts. */
static void setting_fail(const struct preset *preset, const char *value, const char *role)
{
  char hint[256];
  (void)snprintf(hint, sizeof hint, "ALTER ROLE %s SET %s = '%s'; then let the pooler connect anew.", role,
                 preset->name, preset->value);
  command_fail(hint, "%s is %s for the role %s, and with prepared_statements = off Lontar cannot set it: %s",
               preset->name, value, role, preset->why);
}

static int examine_setting(PGconn *connection, const struct preset *preset, bool sets, int *musts)
{
  CLEANUP_RESULT PGresult *found = connect_query(connection, SETTING_SQL, 1, &preset->name);
  if (!found)
    return COMMAND_FAILED;
  if (PQntuples(found) == 0 || !is_wrong(preset, PQgetvalue(found, 0, 0)))
    return COMMAND_DONE;
  if (!sets && preset->heavy) {
    setting_fail(preset, PQgetvalue(found, 0, 0), PQgetvalue(found, 0, 2));
    ++*musts;
  } else if (sets && PQgetvalue(found, 0, 1)[0] == 't') {
    printf("note: %s is %s for the role %s or the database. Lontar's sessions set it to %s by themselves: %s.\n",
           preset->name, PQgetvalue(found, 0, 0), PQgetvalue(found, 0, 2), preset->value, preset->why);
  }
  return COMMAND_DONE;
}

int examine_settings(PGconn *connection, bool sets, int *musts)
{
  for (int i = 0; i < preset_count; i++)
    if (examine_setting(connection, &presets[i], sets, musts) != COMMAND_DONE)
      return COMMAND_FAILED;
  return COMMAND_DONE;
}
