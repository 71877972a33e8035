/* SQLSTATE becomes our error here and nowhere else. */
#include "pool/sqlstate.h"

#include <stddef.h>
#include <string.h>

/* The first row whose beginning fits is taken; what fits none is INTERNAL. */
static const struct {
  const char *beginning;
  enum lontar_error error;
} rows[] = {
    {"23505", LONTAR_CONFLICT},      /* unique_violation */
    {"23503", LONTAR_BAD_REFERENCE}, /* foreign_key_violation */
    {"23502", LONTAR_INVALID},       /* not_null_violation */
    {"23514", LONTAR_INVALID},       /* check_violation */
    {"22", LONTAR_INVALID},          /* data exceptions */
    {"40001", LONTAR_RETRY},         /* serialization_failure */
    {"40P01", LONTAR_RETRY},         /* deadlock_detected */
    {"57014", LONTAR_DEADLINE},      /* query_canceled, by statement_timeout too */
    {"55P03", LONTAR_DEADLINE},      /* lock_not_available, by lock_timeout */
    {"08", LONTAR_UNAVAILABLE},      /* connection exceptions */
    {"53", LONTAR_UNAVAILABLE},      /* insufficient resources: connections, memory, disk */
    {"57P0", LONTAR_UNAVAILABLE},    /* shutdowns, crash, starting up, database dropped, idle session */
    {"25006", LONTAR_UNAVAILABLE},   /* read_only_sql_transaction: no longer the primary */
    {"25P03", LONTAR_UNAVAILABLE},   /* idle_in_transaction_session_timeout */
    {"28", LONTAR_UNAVAILABLE},      /* the server does not let us in */
    {"3D000", LONTAR_UNAVAILABLE},   /* the database is not there */
};

enum lontar_error sqlstate_error(const char *sqlstate)
{
  if (!sqlstate)
    return LONTAR_UNAVAILABLE;
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    if (strncmp(sqlstate, rows[i].beginning, strlen(rows[i].beginning)) == 0)
      return rows[i].error;
  }
  return LONTAR_INTERNAL;
}

bool sqlstate_server_gone(const char *sqlstate)
{
  static const char *const gone[] = {"57P01", "57P02", "57P03", "25006"};
  if (!sqlstate || strncmp(sqlstate, "08", 2) == 0)
    return true;
  for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
    if (strcmp(sqlstate, gone[i]) == 0)
      return true;
  }
  return false;
}
