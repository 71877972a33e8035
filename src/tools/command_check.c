/* lontarctl check: examines the database as whoever database_url names. */
#include <stdio.h>

#include "config/config.h"
#include "repo/statement.h"
#include "tools/connect.h"
#include "tools/examine.h"
#include "tools/migrate.h"

/* Every statement that lontard prepares must be one here. */
static int check_statements(PGconn *connection, int *ret_musts)
{
  for (int i = 1; i < STATEMENT_COUNT; i++) {
    Oid types[STATEMENT_FIELDS_MAX];
    const int count = statement_types((enum statement)i, types);
    CLEANUP_RESULT PGresult *prepared = PQprepare(connection, "", statement_rows[i].sql, count, types);
    if (PQresultStatus(prepared) == PGRES_COMMAND_OK)
      continue;
    connect_complain(prepared, connection);
    command_fail(NULL, "the statement %s cannot be prepared", statement_rows[i].name);
    ++*ret_musts;
  }
  return PQstatus(connection) == CONNECTION_OK ? COMMAND_DONE : COMMAND_FAILED;
}

static int check_migrations(PGconn *connection, int *ret_musts)
{
  int applied;
  if (migrate_load(connection, &applied) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (applied == migration_count)
    return COMMAND_DONE;
  command_fail("As the owner of the tables: lontarctl migrate --dry-run, then lontarctl migrate.",
               "the database has %d of %d migrations", applied, migration_count);
  ++*ret_musts;
  return COMMAND_DONE;
}

static int check_print(int musts)
{
  if (musts == 0)
    puts("all is well with the database");
  else
    printf("%d things must be mended\n", musts);
  return musts == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

int command_check(const struct invocation *invocation, int argc, char **argv)
{
  int musts = 0, migrations_missing = 0, found = 0;
  if (argc > 1)
    return command_misuse("check takes no argument %s", argv[1]);
  CLEANUP_CONNECTION PGconn *connection = connect_database(invocation);
  if (!connection || check_migrations(connection, &migrations_missing) != COMMAND_DONE ||
      examine(connection, EXAMINE_CHECK, &found) != COMMAND_DONE ||
      examine_settings(connection, invocation->config->prepared_statements != 0, &musts) != COMMAND_DONE)
    return COMMAND_FAILED;
  musts += found + migrations_missing;
  if (musts == 0 && check_statements(connection, &musts) != COMMAND_DONE)
    return COMMAND_FAILED;
  return check_print(musts);
}
