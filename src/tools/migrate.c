/* Brings the database's schema up to date. */
#include "tools/migrate.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/adopt.h"
#include "tools/connect.h"
#include "tools/examine.h"
#include "tools/grant.h"
#include "tools/trial.h"

/* What the database has, and what it needs. */
struct state {
  int applied; /* migrations */
  bool adopts; /* tables of an existing NexusAI database */
  bool times;  /* it has times without a zone */
  char zone[ADOPT_ZONE_SIZE];
};

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

/* A migration names the checksums of former texts that came to the same, where nothing was wrong to adopt. */
static int migration_compare(const struct migration *migration, const char *checksum)
{
  char ours[CHECKSUM_SIZE];
  char formerly[CHECKSUM_SIZE + 16];
  migration_checksum(migration, ours);
  (void)snprintf(formerly, sizeof formerly, "\n-- formerly: %s\n", checksum);
  if (strcmp(ours, checksum) == 0 || (strlen(checksum) == CHECKSUM_SIZE - 1 && strstr(migration->sql, formerly)))
    return COMMAND_DONE;
  return command_fail("Use the program that migrated this database; a migration is never changed once it has been run.",
                      "migration %d (%s) was another one when this database was migrated", migration->number,
                      migration->name);
}

int migrate_load(PGconn *connection, int *ret_applied)
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

/* `tries`: the tables were adopted, so they are tried before the transaction ends. */
static int migration_apply(PGconn *connection, const struct migration *migration, bool tries)
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
  if (migration_record(connection, migration) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (tries && trial_run(connection) != COMMAND_DONE)
    return command_fail(NULL, "migration %d (%s) was undone; nothing was changed", migration->number, migration->name);
  if (connect_execute(connection, "COMMIT") != COMMAND_DONE)
    return COMMAND_FAILED;
  printf("migration %d (%s) is done\n", migration->number, migration->name);
  return COMMAND_DONE;
}

static int migrate_apply(PGconn *connection, const struct state *state)
{
  if (state->applied == migration_count)
    printf("the database is up to date: %d of %d migrations\n", state->applied, migration_count);
  if (state->adopts && state->times)
    printf("the tables of an existing NexusAI database are adopted; its times are read as %s\n", state->zone);
  for (int i = state->applied; i < migration_count; i++) {
    if (migration_apply(connection, &migrations[i], state->adopts && i == 0) != COMMAND_DONE)
      return COMMAND_FAILED;
  }
  if (state->adopts)
    adopt_print_tokens();
  return COMMAND_DONE;
}

static int migrate_print_plan(PGconn *connection, const struct state *state)
{
  if (state->applied == migration_count)
    printf("the database is up to date: %d of %d migrations\n", state->applied, migration_count);
  for (int i = state->applied; i < migration_count; i++)
    printf("migration %d (%s) would be run\n", migrations[i].number, migrations[i].name);
  if (!state->adopts)
    return COMMAND_DONE;
  printf("the tables of an existing NexusAI database would be adopted, without losing a row:\n");
  adopt_print_tokens();
  return adopt_print_plan(connection, state->zone);
}

/* Finds out what there is to do, and in which zone. */
static int migrate_look(PGconn *connection, const struct migrate_options *options, struct state *ret_state)
{
  bool tables;
  if (migrate_load(connection, &ret_state->applied) != COMMAND_DONE ||
      adopt_look(connection, &tables, &ret_state->times) != COMMAND_DONE)
    return COMMAND_FAILED;
  ret_state->adopts = tables && ret_state->applied == 0;
  if (!ret_state->adopts || !ret_state->times)
    return COMMAND_DONE;
  if (adopt_set_time_zone(connection, options->time_zone, ret_state->zone) != COMMAND_DONE)
    return COMMAND_FAILED;
  return adopt_set_time_defaults(connection);
}

/* Looks for what stands in the way, or for all that is wrong when nothing shall be changed. */
static int migrate_examine(PGconn *connection, const struct state *state, bool dry_run, int *ret_musts)
{
  const enum examine_stage migrated = dry_run && state->applied == migration_count ? EXAMINE_CHECK : EXAMINE_UPGRADE;
  const enum examine_stage unmigrated = state->adopts ? EXAMINE_ADOPTION : EXAMINE_FRESH;
  if (examine(connection, state->applied > 0 ? migrated : unmigrated, ret_musts) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (*ret_musts > 0 && !dry_run)
    return command_fail(NULL, "nothing was changed; lontarctl migrate --dry-run tells the same");
  return COMMAND_DONE;
}

int migrate_run(PGconn *connection, const struct migrate_options *options)
{
  struct state state = {.zone = ""};
  int musts;
  if (!options->dry_run && migrate_prepare(connection) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (migrate_look(connection, options, &state) != COMMAND_DONE ||
      migrate_examine(connection, &state, options->dry_run, &musts) != COMMAND_DONE)
    return COMMAND_FAILED;
  if (options->grant && grant_check(connection, options->grant) != COMMAND_DONE)
    return COMMAND_FAILED;
  int status = options->dry_run ? migrate_print_plan(connection, &state) : migrate_apply(connection, &state);
  if (status == COMMAND_DONE && options->grant)
    status = grant_apply(connection, options->grant, options->dry_run);
  return musts > 0 ? COMMAND_FAILED : status;
}
