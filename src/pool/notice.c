/* Knows the notice that makes a success doubtful. */
#include "pool/notice.h"

#include <stdio.h>
#include <string.h>

/* Messages are translated, and SQLSTATE 01000 is any warning's, a trigger's too; the place in the server's source is
 * neither. */
bool notice_doubts_commit(const PGresult *notice)
{
  const char *function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
  return function != NULL && strcmp(function, "SyncRepWaitForLSN") == 0;
}

const char *notice_words(char out[NOTICE_SIZE], const PGresult *notice)
{
  const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
  const char *detail = PQresultErrorField(notice, PG_DIAG_MESSAGE_DETAIL);
  (void)snprintf(out, NOTICE_SIZE, "%s%s%s", message != NULL ? message : "", detail != NULL ? ": " : "",
                 detail != NULL ? detail : "");
  return out;
}

void notice_ignore(void *unused, const PGresult *notice)
{
  (void)unused;
  (void)notice;
}
