/* What migrate must know of an existing NexusAI database before it adopts it. */
#include "tools/adopt.h"

#include <stdio.h>
#include <string.h>

#include "tools/connect.h"
#include "tools/existing_sql.h"

int adopt_look(PGconn *connection, bool *ret_tables, bool *ret_times)
{
  CLEANUP_RESULT PGresult *result =
      connect_query(connection,
                    COMMON_SQL " SELECT EXISTS (SELECT FROM ours WHERE rel IS NOT NULL),"
                               " EXISTS (SELECT FROM ours WHERE kind = 'time' AND base = 'timestamp'::regtype)",
                    0, NULL);
  if (!result)
    return COMMAND_FAILED;
  *ret_tables = PQgetvalue(result, 0, 0)[0] == 't';
  *ret_times = PQgetvalue(result, 0, 1)[0] == 't';
  return COMMAND_DONE;
}

/*
 * The setting of the tables' owner in this database, in all databases, then everybody's in this database: the order in
 * which the server applies them. Else the server's own, which this session was given too; when a client or this
 * session's own role overrode it here, only the configuration file could tell, so the answer is NULL.
 */
static const char ZONE_SQL[] =
    "SELECT coalesce((SELECT substr(s.setting, 10) FROM"
    " (SELECT setdatabase, setrole, unnest(setconfig) AS setting FROM pg_db_role_setting) s"
    " LEFT JOIN pg_class c ON c.oid = to_regclass('chat_history')"
    " WHERE s.setting ILIKE 'timezone=%' AND s.setrole IN (0, c.relowner)"
    " AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
    " ORDER BY s.setrole DESC, s.setdatabase DESC LIMIT 1),"
    " (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone'"
    " AND source NOT IN ('client', 'user', 'database user')))";

/* The session's own zone hides where the server's comes from. */
static PGresult *adopt_find_zone(PGconn *connection)
{
  if (connect_execute(connection, "RESET TimeZone") != COMMAND_DONE)
    return NULL;
  CLEANUP_RESULT PGresult *found = connect_query(connection, ZONE_SQL, 0, NULL);
  return found && connect_execute(connection, "SET TimeZone = 'UTC'") == COMMAND_DONE ? TAKE(found) : NULL;
}

int adopt_set_time_zone(PGconn *connection, const char *wanted, char ret_zone[ADOPT_ZONE_SIZE])
{
  static const char HINT[] = "Name the time zone that the old application's server used: --time-zone Asia/Jakarta.";
  CLEANUP_RESULT PGresult *found =
      wanted ? connect_query(connection, "SELECT name FROM pg_timezone_names WHERE lower(name) = lower($1)", 1, &wanted)
             : adopt_find_zone(connection);
  if (!found)
    return COMMAND_FAILED;
  if (PQntuples(found) == 0)
    return command_fail(HINT, "PostgreSQL knows no time zone %s", wanted);
  if (PQgetisnull(found, 0, 0))
    return command_fail(HINT, "database_url or its role sets a time zone, so the server's own cannot be seen");
  const char *zone = PQgetvalue(found, 0, 0);
  CLEANUP_RESULT PGresult *set =
      connect_query(connection, "SELECT set_config('lontar.time_zone', $1, false), now() AT TIME ZONE $1", 1, &zone);
  if (!set)
    return COMMAND_FAILED;
  (void)snprintf(ret_zone, ADOPT_ZONE_SIZE, "%s", zone);
  return COMMAND_DONE;
}

int adopt_set_time_defaults(PGconn *connection)
{
  CLEANUP_RESULT PGresult *set =
      connect_query(connection,
                    COMMON_SQL " SELECT set_config('lontar.time_defaults',"
                               " coalesce(json_object_agg(t || '.' || c, new), '{}')::text, false) FROM time_default",
                    0, NULL);
  return set ? COMMAND_DONE : COMMAND_FAILED;
}

/* One row a column that would change. */
static const char PLAN_SQL[] = COMMON_SQL
    " SELECT h.t, pg_size_pretty(pg_total_relation_size(rel)), bool_or(change <> 'size') OVER (PARTITION BY h.t), h.c,"
    " format_type(atttypid, atttypmod), CASE change WHEN 'id' THEN 'bigint' WHEN 'size' THEN wanted"
    " WHEN 'token' THEN 'its SHA-256 where it is plain'"
    " ELSE 'timestamp with time zone, read as ' || $1 || coalesce(', its default ' || n.new, '') END"
    " FROM changing h LEFT JOIN time_default n USING (t, c) ORDER BY h.t, attnum";

static int adopt_print_rows(PGconn *connection, const char *table, const char *size, bool rewritten)
{
  char *identifier = PQescapeIdentifier(connection, table, strlen(table));
  char sql[128];
  (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", identifier ? identifier : "");
  PQfreemem(identifier);
  CLEANUP_RESULT PGresult *result = connect_query(connection, sql, 0, NULL);
  if (!result)
    return COMMAND_FAILED;
  printf("%s: %s rows, %s; %s:\n", table, PQgetvalue(result, 0, 0), size,
         rewritten ? "rewritten once, which needs as much free disk again while it runs" : "not rewritten");
  return COMMAND_DONE;
}

int adopt_print_plan(PGconn *connection, const char *zone)
{
  CLEANUP_RESULT PGresult *plan = connect_query(connection, PLAN_SQL, 1, &zone);
  if (!plan)
    return COMMAND_FAILED;
  const char *table = "";
  for (int row = 0; row < PQntuples(plan); row++) {
    if (strcmp(table, PQgetvalue(plan, row, 0)) != 0) {
      table = PQgetvalue(plan, row, 0);
      const bool rewritten = PQgetvalue(plan, row, 2)[0] == 't';
      if (adopt_print_rows(connection, table, PQgetvalue(plan, row, 1), rewritten) != COMMAND_DONE)
        return COMMAND_FAILED;
    }
    printf("  %s: %s would become %s\n", PQgetvalue(plan, row, 3), PQgetvalue(plan, row, 4), PQgetvalue(plan, row, 5));
  }
  return COMMAND_DONE;
}

void adopt_print_tokens(void)
{
  puts("note: tokens are stored as hashes from then on, so the old application's own WHERE token = … finds no session: "
       "its session code must ask Lontar from the same moment. Who is logged in stays so through Lontar.");
}
