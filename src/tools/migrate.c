/* Brings the database's schema up to date. */
#include "tools/migrate.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/adopt.h"
#include "tools/connect.h"
#include "tools/grant.h"

enum { CHECKSUM_SIZE = crypto_hash_sha256_BYTES * 2 + 1 };

static void migration_checksum(const struct migration *migration, char out[CHECKSUM_SIZE])
{
  unsigned char hash[crypto_hash_sha256_BYTES];
  (void)crypto_hash_sha256(hash, (const unsigned char *)migration->sql, strlen(migration->sql));
  sodium_bin2hex(out, CHECKSUM_SIZE, hash, sizeof hash);
}

/* Shows the notices that a migration means for the operator; on a terminal, progress stays on one line. */
static void notice_show(void *terminal, const PGresult *result)
{
  static const char PREFIX[] = "lontar: ";
  const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (!text || strncmp(text, PREFIX, sizeof PREFIX - 1) != 0)
    return;
  fprintf(stderr, *(bool *)terminal ? "\r\033[K%s" : "%s\n", text + sizeof PREFIX - 1);
  (void)fflush(stderr);
}

/* One migrate at a time; the lock goes with the connection. What waits for a table gives up before others queue. */
static int migrate_prepare(PGconn *connection)
{
  return connect_execute(connection, "SET statement_timeout = 0; SET client_min_messages = notice;"
                                     " SELECT pg_advisory_lock(1819242100); SET lock_timeout = '15s'");
}

static int migration_compare(const struct migration *migration, const char *checksum)
{
  char ours[CHECKSUM_SIZE];
  migration_checksum(migration, ours);
  if (strcmp(ours, checksum) == 0)
    return COMMAND_DONE;
  return command_fail("Use the program that migrated this database; a migration is never changed once it has been run.",
                      "migration %d (%s) was another one when this database was migrated", migration->number,
                      migration->name);
}

/* How many migrations the database has, which must be the first ones of ours. */
static int migrate_load(PGconn *connection, int *ret_applied)
{
  CLEANUP_RESULT PGresult *table = connect_query(connection, "SELECT to_regclass('lontar_migrations')", 0, NULL);
  if (!table)
    return COMMAND_FAILED;
  *ret_applied = 0;
  if (PQgetisnull(table, 0, 0))
    return COMMAND_DONE;
  CLEANUP_RESULT PGresult *rows =
      connect_query(connection, "SELECT number, checksum FROM lontar_migrations ORDER BY number", 0, NULL);
  if (!rows)
    return COMMAND_FAILED;
  if (PQntuples(rows) > migration_count)
    return command_fail("Install the newer Lontar again.",
                        "the database is newer than this program: it has %d migrations, this program knows %d",
                        PQntuples(rows), migration_count);
  for (int row = 0; row < PQntuples(rows); row++) {
    int64_t number;
    const char *text = PQgetvalue(rows, row, 0);
    if (!text_to_integer(text, strlen(text), &number) || number != migrations[row].number)
      return command_fail("Restore the table lontar_migrations from a backup.",
                          "the database's record of migrations has a gap at %d", row + 1);
    if (migration_compare(&migrations[row], PQgetvalue(rows, row, 1)) != COMMAND_DONE)
      return COMMAND_FAILED;
  }
  *ret_applied = PQntuples(rows);
  return COMMAND_DONE;
}

static int migration_record(PGconn *connection, const struct migration *migration)
{
  char number[16];
  char checksum[CHECKSUM_SIZE];
  (void)snprintf(number, sizeof number, "%d", migration->number);
  migration_checksum(migration, checksum);
  CLEANUP_RESULT PGresult *recorded =
      connect_query(connection, "INSERT INTO lontar_migrations (number, name, checksum) VALUES ($1, $2, $3)", 3,
                    (const char *const[]){number, migration->name, checksum});
  return recorded ? COMMAND_DONE : COMMAND_FAILED;
}

/* The record of migrations is made with the first one, so that a failure leaves nothing behind. */
static const char BEGIN_SQL[] = "BEGIN; CREATE TABLE IF NOT EXISTS lontar_migrations (number integer PRIMARY KEY,"
                                " name text NOT NULL, checksum text NOT NULL,"
                                " applied_at timestamptz NOT NULL DEFAULT now())";

static int migration_apply(PGconn *connection, const struct migration *migration)
{
  bool terminal = isatty(STDERR_FILENO);
  if (connect_execute(connection, BEGIN_SQL) != COMMAND_DONE)
    return COMMAND_FAILED;
  PQnoticeReceiver before = PQsetNoticeReceiver(connection, notice_show, &terminal);
  CLEANUP_RESULT PGresult *result = PQexec(connection, migration->sql);
  PQsetNoticeReceiver(connection, before, NULL);
  if (terminal)
    fputs("\r\033[K", stderr);
  if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
    connect_complain(result, connection);
    return command_fail(NULL, "migration %d (%s) was undone; nothing was changed", migration->number, migration->name);
  }
  if (migration_record(connection, migration) != COMMAND_DONE || connect_execute(connection, "COMMIT") != COMMAND_DONE)
    return COMMAND_FAILED;
  printf("migration %d (%s) is done\n", migration->number, migration->name);
  return COMMAND_DONE;
}

static int migrate_apply(PGconn *connection, int applied)
{
  if (applied == migration_count) {
    printf("the database is up to date: %d of %d migrations\n", applied, migration_count);
    return COMMAND_DONE;
  }
  for (int i = applied; i < migration_count; i++) {
    if (migration_apply(connection, &migrations[i]) != COMMAND_DONE)
      return COMMAND_FAILED;
  }
  return COMMAND_DONE;
}

static int migrate_print_plan(PGconn *connection, int applied, bool adopts, const char *zone)
{
  if (applied == migration_count)
    printf("the database is up to date: %d of %d migrations\n", applied, migration_count);
  for (int i = applied; i < migration_count; i++)
    printf("migration %d (%s) would be run\n", migrations[i].number, migrations[i].name);
  if (!adopts)
    return COMMAND_DONE;
  printf("the tables of an existing NexusAI database would be adopted, without losing a row:\n");
  return adopt_print_plan(connection, zone);
}

int migrate_run(PGconn *connection, const struct migrate_options *options)
{
  int applied;
  bool adopts;
  char zone[ADOPT_ZONE_SIZE] = "";
  if (!options->dry_run && migrate_prepare(connection) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (migrate_load(connection, &applied) != COMMAND_DONE || adopt_needed(connection, &adopts) != COMMAND_DONE)
    return COMMAND_FAILED;
  adopts = adopts && applied == 0;
  if (adopts && adopt_set_time_zone(connection, options->time_zone, zone) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (options->grant && grant_check(connection, options->grant) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (adopts && !options->dry_run)
    printf("the tables of an existing NexusAI database are adopted; its times are read as %s\n", zone);
  int status =
      options->dry_run ? migrate_print_plan(connection, applied, adopts, zone) : migrate_apply(connection, applied);
  if (status != COMMAND_DONE || !options->grant)
    return status;
  return grant_apply(connection, options->grant, options->dry_run);
}
