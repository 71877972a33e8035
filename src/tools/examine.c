/* Runs the queries of findings.def and prints what they find. */
#include "tools/examine.h"

#include <stdio.h>

#include "base/buffer.h"
#include "tools/connect.h"
#include "tools/existing_sql.h"

enum { FRESH = EXAMINE_FRESH, ADOPTION = EXAMINE_ADOPTION, UPGRADE = EXAMINE_UPGRADE, CHECK = EXAMINE_CHECK };

enum { SQL_SIZE_MAX = 65536 };

enum weight { TOLD, MUST };

static const struct finding {
  enum weight weight;
  unsigned stages;
  const char *sql;
  const char *what;
  const char *remedy;
} findings[] = {
#define FINDING(name, weight, stages, sql, what, remedy) {weight, stages, sql, what, remedy},
#include "tools/findings.def"
#undef FINDING
};

static PGresult *finding_query(PGconn *connection, const struct finding *finding)
{
  CLEANUP(buffer_free) struct buffer sql;
  buffer_init(&sql, SQL_SIZE_MAX);
  buffer_append_text(&sql, COMMON_SQL);
  buffer_append_format(&sql, " SELECT format($1, t, c, d, e), format($2, t, c, d, e) FROM (%s) AS f (t, c, d, e)",
                       finding->sql);
  buffer_append(&sql, "", 1);
  if (!sql.failed)
    return connect_query(connection, sql.data, 2, (const char *const[]){finding->what, finding->remedy});
  command_fail(NULL, "no memory is left");
  return NULL;
}

int examine(PGconn *connection, enum examine_stage stage, int *ret_musts)
{
  *ret_musts = 0;
  for (size_t i = 0; i < sizeof findings / sizeof findings[0]; i++) {
    if ((findings[i].stages & (unsigned)stage) == 0)
      continue;
    CLEANUP_RESULT PGresult *found = finding_query(connection, &findings[i]);
    if (!found)
      return COMMAND_FAILED;
    for (int row = 0; row < PQntuples(found); row++) {
      if (findings[i].weight == TOLD)
        printf("note: %s. %s\n", PQgetvalue(found, row, 0), PQgetvalue(found, row, 1));
      else
        command_fail(PQgetvalue(found, row, 1), "%s", PQgetvalue(found, row, 0));
    }
    *ret_musts += findings[i].weight == MUST ? PQntuples(found) : 0;
  }
  return COMMAND_DONE;
}
