/* Fills the caller's struct lontar_failure. */
#include "library/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pool/notice.h"
#include "pool/refusal.h"

void failure_clear(struct lontar_failure *failure)
{
  if (failure)
    *failure = (struct lontar_failure){0};
}

static bool is_retriable(enum lontar_error error)
{
  return error == LONTAR_UNAVAILABLE || error == LONTAR_BUSY || error == LONTAR_RETRY;
}

static void failure_error(struct lontar_failure *failure, enum lontar_error error)
{
  *failure = (struct lontar_failure){.error = error, .retriable = is_retriable(error)};
}

enum lontar_error failure_set(struct lontar_failure *failure, enum lontar_error error, const char *format, ...)
{
  if (!failure)
    return error;
  va_list arguments;
  failure_error(failure, error);
  va_start(arguments, format);
  (void)vsnprintf(failure->message, sizeof failure->message, format, arguments);
  va_end(arguments);
  return error;
}

/* Copies the first line of a text. */
static void text_copy(char *out, size_t size, const char *text)
{
  if (text)
    (void)snprintf(out, size, "%.*s", (int)strcspn(text, "\n"), text);
}

enum lontar_error failure_from_server(struct lontar_failure *failure, const PGresult *result, const PGconn *connection)
{
  const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  bool ours = !sqlstate && PQstatus(connection) == CONNECTION_OK;
  enum lontar_error error = ours ? LONTAR_INTERNAL : sqlstate ? verdict_of_sql(result) : LONTAR_UNAVAILABLE;
  if (!failure)
    return error;
  failure_error(failure, error);
  const char *message = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  text_copy(failure->message, sizeof failure->message, message ? message : PQerrorMessage(connection));
  text_copy(failure->sqlstate, sizeof failure->sqlstate, sqlstate);
  text_copy(failure->constraint, sizeof failure->constraint,
            result ? PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) : NULL);
  return error;
}

enum lontar_error failure_judge(struct lontar_failure *failure, const struct asked *asked, const PGresult *result)
{
  struct verdict verdict;
  verdict_reach(asked, result, &verdict);
  if (!failure)
    return verdict.error;
  failure->error = verdict.error;
  failure->retriable = is_retriable(verdict.error);
  size_t length = strlen(failure->message);
  const char *more = *verdict.remedy ? verdict.remedy : verdict.detail;
  if (*more)
    (void)snprintf(failure->message + length, sizeof failure->message - length, ": %s", more);
  return verdict.error;
}

enum lontar_error failure_from_doubt(struct lontar_failure *failure, const PGresult *notice)
{
  char words[NOTICE_SIZE];
  if (!failure)
    return LONTAR_DEADLINE;
  failure_error(failure, LONTAR_DEADLINE);
  text_copy(failure->message, sizeof failure->message, notice_words(words, notice));
  text_copy(failure->sqlstate, sizeof failure->sqlstate, PQresultErrorField(notice, PG_DIAG_SQLSTATE));
  return LONTAR_DEADLINE;
}

/* Whether an attempt may succeed later: no server spoke, or one that is full, starting or stopping. */
static bool refusal_passes(const char *sqlstate)
{
  static const char *const passing[] = {"08", "53", "57"};
  for (size_t i = 0; i < sizeof passing / sizeof passing[0]; i++) {
    if (strncmp(sqlstate, passing[i], strlen(passing[i])) == 0)
      return true;
  }
  return sqlstate[0] == '\0';
}

enum lontar_error failure_from_refusal(struct lontar_failure *failure, const PGconn *connection)
{
  if (!failure)
    return LONTAR_UNAVAILABLE;
  failure_error(failure, LONTAR_UNAVAILABLE);
  text_copy(failure->message, sizeof failure->message, PQerrorMessage(connection));
  refusal_sqlstate(connection, failure->sqlstate);
  failure->retriable = refusal_passes(failure->sqlstate) && !PQconnectionNeedsPassword(connection);
  return LONTAR_UNAVAILABLE;
}
