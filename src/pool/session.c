/* Prepares a session, one segment for its settings and one for the statements. */
#include "pool/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "repo/presets.h"

enum {
  COMMAND_SETTINGS = -1,
  COMMAND_LOCK_TIMEOUT = 0, /* then the statements */
  CHECKS_CLIENT_SINCE = 140000,
  IDLE_IN_TRANSACTION = 60000,
  LOCK_TIMEOUT = 200, /* as below: then the connection serves others, and the statement is sent again later */
  SETTINGS_SIZE_MAX = 8192,
};

/* A statement cannot be prepared while somebody holds its table. The session goes without it then: it is sent as text,
 * so that only those wait who ask for that table. */
#define PREPARING_LOCK_TIMEOUT "200"

/* A backend whose worker was killed ends within this time, even while it waits for a lock. PostgreSQL can look on some
 * systems only. */
#define CLIENT_CHECK                                                                                                   \
  ", CASE WHEN version() LIKE '%linux%' THEN set_config('client_connection_check_interval', '250', false) END"

static bool send_settings(PGconn *libpq, int64_t statement_timeout)
{
  const int64_t milliseconds = statement_timeout / CLOCK_MILLISECOND;
  const int64_t lock = milliseconds < LOCK_TIMEOUT ? milliseconds : LOCK_TIMEOUT;
  const struct preset_limits limits = {milliseconds, lock, IDLE_IN_TRANSACTION};
  CLEANUP(buffer_free) struct buffer sql;
  buffer_init(&sql, SETTINGS_SIZE_MAX);
  buffer_append_text(
      &sql,
      "SELECT pg_catalog.pg_backend_pid(), pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', false), ");
  presets_write(&sql, PQserverVersion(libpq), &limits);
  if (PQserverVersion(libpq) >= CHECKS_CLIENT_SINCE)
    buffer_append_text(&sql, CLIENT_CHECK);
  buffer_append(&sql, "", 1);
  return !sql.failed && PQsendQueryParams(libpq, sql.data, 0, NULL, NULL, NULL, NULL, 0) == 1 &&
         PQpipelineSync(libpq) == 1;
}

static bool send_statements(PGconn *libpq, bool pooled)
{
  static const char lock_timeout[] = "SELECT set_config('lock_timeout', '" PREPARING_LOCK_TIMEOUT "', true)";
  if (PQsendQueryParams(libpq, lock_timeout, 0, NULL, NULL, NULL, NULL, 0) != 1)
    return false;
  for (int i = 1; i < STATEMENT_COUNT; i++) {
    Oid types[STATEMENT_FIELDS_MAX];
    int count = statement_types((enum statement)i, types);
    if (PQsendPrepare(libpq, pooled ? "" : statement_rows[i].name, statement_rows[i].sql, count, types) != 1)
      return false;
  }
  return PQpipelineSync(libpq) == 1;
}

bool session_begin(struct session *session, PGconn *libpq, int64_t statement_timeout)
{
  *session = (struct session){.answered = COMMAND_SETTINGS};
  return send_settings(libpq, statement_timeout);
}

bool session_begin_pooled(struct session *session, PGconn *libpq)
{
  *session = (struct session){.pooled = true, .answered = COMMAND_LOCK_TIMEOUT};
  return send_statements(libpq, true);
}

bool session_prepare(PGconn *libpq)
{
  return send_statements(libpq, false);
}

static bool is_locked(const PGresult *result)
{
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return sqlstate != NULL && strcmp(sqlstate, "55P03") == 0;
}

enum session_state session_take(struct session *session, const PGresult *result)
{
  if (result == NULL) {
    session->answered++;
    return SESSION_PREPARING;
  }
  switch (PQresultStatus(result)) {
  case PGRES_PIPELINE_SYNC:
    return session->answered == COMMAND_LOCK_TIMEOUT ? SESSION_SET_UP : SESSION_READY;
  case PGRES_COMMAND_OK:
    session->prepared[session->answered] = !session->pooled;
    return SESSION_PREPARING;
  case PGRES_TUPLES_OK:
    if (session->answered == COMMAND_SETTINGS)
      session->backend = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    return SESSION_PREPARING;
  case PGRES_PIPELINE_ABORTED: /* behind a locked one */
    return SESSION_PREPARING;
  default:
    return is_locked(result) && session->answered > COMMAND_LOCK_TIMEOUT ? SESSION_PREPARING : SESSION_REFUSED;
  }
}

/* A new session cannot have our statements yet, nor have lost them: others have had its server. */
static bool speaks_of_a_pooler(const char *sqlstate)
{
  return strcmp(sqlstate, "42P05") == 0 || strcmp(sqlstate, "26000") == 0;
}

const char *session_remedy(const struct session *session, const char *sqlstate)
{
  static const char *const unmigrated[] = {"42P01", "42703", "3F000", "42883"};
  if (!session->pooled && speaks_of_a_pooler(sqlstate))
    return " (" SESSION_POOLER_REMEDY ")";
  for (size_t i = 0; i < sizeof unmigrated / sizeof unmigrated[0]; i++)
    if (strcmp(sqlstate, unmigrated[i]) == 0)
      return " (was `lontarctl migrate` run?)";
  return strcmp(sqlstate, "42501") == 0 ? " (were the rights granted: `lontarctl migrate --grant`?)" : "";
}

bool session_send(const struct session *session, PGconn *libpq, enum statement statement,
                  const struct statement_parameters *parameters)
{
  const struct statement_row *row = &statement_rows[statement];
  Oid types[STATEMENT_FIELDS_MAX];
  if (session->prepared[statement])
    return PQsendQueryPrepared(libpq, row->name, parameters->count, parameters->values, parameters->lengths,
                               parameters->formats, 1) == 1;
  (void)statement_types(statement, types);
  return PQsendQueryParams(libpq, row->sql, parameters->count, types, parameters->values, parameters->lengths,
                           parameters->formats, 1) == 1;
}
