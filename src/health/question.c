/* The prober's question: one row on what the server is, and what it lacks. */
#include "health/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_READ_ONLY, COLUMN_SYSTEM, COLUMN_TIMELINE, COLUMN_LACKS };

/* A standby and a server set to read-only answer alike, in every version. */
#define PLAIN "pg_catalog.current_setting('transaction_read_only')"

/*
 * What the statements name and do. Nothing here takes a lock, so that a table which somebody holds stops no question;
 * and nothing says more than that it is there: what stands in it, such as a column that was dropped, is found by who
 * prepares the statements.
 */
#define EACH_TABLE(X) X("users") X("sessions") X("subjects") X("books") X("chat_history")
#define FUNCTION "pg_catalog.to_regprocedure('public.lontar_deletion(text, bigint)')"
#define SCHEMA "pg_catalog.to_regnamespace('public')"
#define OBJECT(table) ", pg_catalog.to_regclass('public." table "')"
#define OBJECTS FUNCTION EACH_TABLE(OBJECT)
#define FOUR_RIGHTS(table)                                                                                             \
  ", ('SELECT', '" table "'), ('INSERT', '" table "'), ('UPDATE', '" table "'), ('DELETE', '" table "')"
#define RIGHTS "(VALUES (NULL, NULL)" EACH_TABLE(FOUR_RIGHTS) ") AS rights (act, name)"
#define RIGHTS_LACKING                                                                                                 \
  "(SELECT pg_catalog.string_agg(pg_catalog.concat(act, ' on ', name), ',') FROM " RIGHTS                              \
  " WHERE NOT pg_catalog.has_table_privilege(pg_catalog.to_regclass('public.' || name), act))"
#define CALL_LACKING                                                                                                   \
  "CASE WHEN NOT pg_catalog.has_function_privilege(" FUNCTION ", 'EXECUTE') THEN 'EXECUTE on lontar_deletion' END"
#define LACKS                                                                                                          \
  "CASE WHEN " SCHEMA " IS NULL THEN 'schema'"                                                                         \
  " WHEN NOT pg_catalog.has_schema_privilege(" SCHEMA ", 'USAGE') THEN 'use'"                                          \
  " WHEN pg_catalog.num_nulls(" OBJECTS ") > 0 THEN 'schema'"                                                          \
  " ELSE pg_catalog.concat_ws(',', " RIGHTS_LACKING ", " CALL_LACKING ") END"

/* Which primary it is. */
#define IDENTITY                                                                                                       \
  PLAIN ", (SELECT system_identifier FROM pg_catalog.pg_control_system()),"                                            \
        " CASE WHEN pg_catalog.pg_is_in_recovery() THEN '0'"                                                           \
        " ELSE pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8) END"

const char *const question_columns[] = {
    [QUESTION_PLAIN] = PLAIN, [QUESTION_IDENTITY] = IDENTITY, [QUESTION_WHOLE] = IDENTITY ", " LACKS};

bool question_is_barred(const PGresult *result)
{
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return sqlstate != NULL && strncmp(sqlstate, "42", 2) == 0;
}

static void read_lacks(const char *lacks, struct sighting *sighting)
{
  if (strcmp(lacks, "schema") == 0) {
    sighting->lacks = QUESTION_LACKS_SCHEMA;
  } else if (strcmp(lacks, "use") == 0) {
    sighting->lacks = QUESTION_LACKS_USE;
  } else if (*lacks != '\0') {
    sighting->lacks = QUESTION_LACKS_RIGHTS;
    sighting->lacking = 1;
    for (const char *at = lacks; (at = strchr(at, ',')) != NULL; at++)
      sighting->lacking++;
    (void)snprintf(sighting->lack, sizeof sighting->lack, "%.*s", (int)strcspn(lacks, ","), lacks);
  }
}

bool question_read(const PGresult *result, enum question question, struct sighting *ret_sighting)
{
  if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
    return false;
  *ret_sighting = (struct sighting){.takes_writes = strcmp(PQgetvalue(result, 0, COLUMN_READ_ONLY), "off") == 0};
  if (question == QUESTION_PLAIN)
    return true;
  ret_sighting->system = strtoull(PQgetvalue(result, 0, COLUMN_SYSTEM), NULL, 10);
  ret_sighting->timeline = strtoull(PQgetvalue(result, 0, COLUMN_TIMELINE), NULL, 16);
  if (question == QUESTION_WHOLE)
    read_lacks(PQgetvalue(result, 0, COLUMN_LACKS), ret_sighting);
  return true;
}
