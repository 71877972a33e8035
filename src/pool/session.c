/* Prepares a session and its statements. */
#include "pool/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "repo/presets.h"

enum {
  CHECKS_CLIENT_SINCE = 140000,
  IDLE_IN_TRANSACTION = 60000,
  LOCK_TIMEOUT = 200, /* then the connection serves others, and the statement is sent again later */
  SETTINGS_SIZE_MAX = 8192,
};

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

bool session_begin(struct session *session, PGconn *libpq, int64_t statement_timeout)
{
  *session = (struct session){0};
  return send_settings(libpq, statement_timeout);
}

static bool send_as_text(PGconn *libpq, enum statement statement, const struct statement_parameters *parameters)
{
  Oid types[STATEMENT_FIELDS_MAX];
  (void)statement_types(statement, types);
  return PQsendQueryParams(libpq, statement_rows[statement].sql, parameters->count, types, parameters->values,
                           parameters->lengths, parameters->formats, 1) == 1;
}

bool session_begin_pooled(struct session *session, PGconn *libpq)
{
  static const struct statement_parameters none;
  *session = (struct session){.pooled = true, .set_up = true};
  return send_as_text(libpq, STATEMENT_server_check, &none) && PQpipelineSync(libpq) == 1;
}

static bool prepare(PGconn *libpq, enum statement statement)
{
  Oid types[STATEMENT_FIELDS_MAX];
  const int count = statement_types(statement, types);
  return PQsendPrepare(libpq, statement_rows[statement].name, statement_rows[statement].sql, count, types) == 1;
}

bool session_prove(PGconn *libpq)
{
  return prepare(libpq, STATEMENT_server_check) && PQpipelineSync(libpq) == 1;
}

enum session_state session_take(struct session *session, const PGconn *libpq, const PGresult *result)
{
  switch (result != NULL ? PQresultStatus(result) : PGRES_EMPTY_QUERY) {
  case PGRES_EMPTY_QUERY:
    return SESSION_PREPARING;
  case PGRES_PIPELINE_SYNC:
    if (session->set_up || session->backend == PQbackendPID(libpq))
      return SESSION_READY;
    session->set_up = true;
    return SESSION_SET_UP;
  case PGRES_COMMAND_OK:
    session->knows[STATEMENT_server_check] = SESSION_KNOWS;
    return SESSION_PREPARING;
  case PGRES_TUPLES_OK:
    if (!session->set_up)
      session->backend = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
    return SESSION_PREPARING;
  default:
    return SESSION_REFUSED;
  }
}

/* A new session cannot have our statement yet, nor have lost it: others have had its server. */
static bool speaks_of_a_pooler(const char *sqlstate)
{
  return strcmp(sqlstate, "42P05") == 0 || strcmp(sqlstate, "26000") == 0;
}

const char *session_remedy(const struct session *session, const char *sqlstate)
{
  return !session->pooled && speaks_of_a_pooler(sqlstate) ? " (" SESSION_POOLER_REMEDY ")" : "";
}

/* Ahead of what is to be planned for itself: it holds for the segment. */
static bool send_plan(PGconn *libpq)
{
  static const char sql[] = "SELECT pg_catalog.set_config('plan_cache_mode', 'force_custom_plan', true)";
  return PQsendQueryParams(libpq, sql, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static bool send_by_name(PGconn *libpq, const struct job_part *part)
{
  const struct statement_parameters *it = &part->parameters;
  return PQsendQueryPrepared(libpq, statement_rows[part->statement].name, it->count, it->values, it->lengths,
                             it->formats, 1) == 1;
}

bool session_send(struct session *session, PGconn *libpq, struct job_part *part)
{
  const bool plans = session_plans(session, part->statement, &part->parameters);
  unsigned char *knows = &session->knows[part->statement];
  part->learns = *knows == SESSION_UNKNOWN && !session->pooled;
  part->expects = 1 + plans + part->learns;
  if (part->learns) {
    *knows = SESSION_LEARNS;
    session->fresh |= UINT64_C(1) << part->statement;
  }
  /* Behind a Parse that is refused the rest of its segment is skipped. */
  part->by_name = *knows == SESSION_KNOWS || (session->fresh >> part->statement & 1) != 0;
  return (!plans || send_plan(libpq)) && (!part->learns || prepare(libpq, part->statement)) &&
         (part->by_name ? send_by_name(libpq, part) : send_as_text(libpq, part->statement, &part->parameters));
}

void session_answered(struct session *session, struct job_part *part, bool good)
{
  part->expects -= part->expects > 0;
  if (part->expects != 1 || !part->learns)
    return;
  part->by_name = good;
  if (session->knows[part->statement] == SESSION_LEARNS)
    session->knows[part->statement] = good ? SESSION_KNOWS : SESSION_UNKNOWN;
}
