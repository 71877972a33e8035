/* The prober's question: one row on what the server is. */
#include "health/question.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMN_READ_ONLY, COLUMN_SYSTEM, COLUMN_TIMELINE };

/* A standby and a server set to read-only answer alike, in every version. */
#define PLAIN "pg_catalog.current_setting('transaction_read_only')"

const char question_plain[] = PLAIN;
const char question_columns[] =
    PLAIN ", (SELECT system_identifier FROM pg_catalog.pg_control_system()),"
          " CASE WHEN pg_catalog.pg_is_in_recovery() THEN '0'"
          " ELSE pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END";

bool question_is_barred(const PGresult *result)
{
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return sqlstate != NULL && strncmp(sqlstate, "42", 2) == 0;
}

bool question_read(const PGresult *result, bool plain, struct sighting *ret_sighting)
{
  if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
    return false;
  *ret_sighting = (struct sighting){.takes_writes = strcmp(PQgetvalue(result, 0, COLUMN_READ_ONLY), "off") == 0};
  if (plain)
    return true;
  ret_sighting->system = strtoull(PQgetvalue(result, 0, COLUMN_SYSTEM), NULL, 10);
  ret_sighting->timeline = strtoull(PQgetvalue(result, 0, COLUMN_TIMELINE), NULL, 16);
  return true;
}
