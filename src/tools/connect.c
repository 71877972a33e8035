/* A tool's own connection to the database. */
#include "tools/connect.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "config/config.h"
#include "library/url.h"
#include "pool/door.h"
#include "pool/notice.h"
#include "repo/presets.h"

/* A commit in doubt is told by a warning. */
#define WARNING_CLASS "01"
#define DOUBT_HINT "It is done here, but is lost if a standby takes over that does not have it: look there."

#define PROGRAM "lontarctl"

enum { LOCK_TIMEOUT = 15000, STATEMENT_TIMEOUT = 60000, SETTINGS_SIZE_MAX = 8192 };

/* What a complaint contains, or its SQLSTATE, and how to mend it. The first row that fits is taken. */
static const struct {
  const char *sqlstate; /* NULL: look for the text */
  const char *text;
  const char *hint;
} hints[] = {
    {NULL, "password authentication failed", "Check user and password in database_url."},
    {NULL, "Peer authentication failed",
     "The database lets a user in by the name of the system's user: run this as that user (runuser -u NAME), or put "
     "another user with a password into database_url."},
    {NULL, "no password supplied", "Put a password into database_url, or into the file that PGPASSFILE names."},
    {NULL, "no pg_hba.conf entry", "PostgreSQL's pg_hba.conf must allow this user from this machine."},
    {NULL, "Connection refused",
     "Is PostgreSQL running? Start it (systemctl start postgresql), or correct database_url."},
    {NULL, "No such file or directory",
     "Is PostgreSQL running? Start it (systemctl start postgresql), or correct database_url."},
    {NULL, "could not translate host name", "Correct the host in database_url."},
    {NULL, "timeout expired", "The host does not answer: check the network, or correct database_url."},
    {NULL, "the database system is starting up", "Try again in a moment."},
    {NULL, "role \"", "Create the role (createuser NAME), or correct the user in database_url."},
    {NULL, "database \"", "Create the database (createdb NAME), or correct its name in database_url."},
    {"42501", NULL, "Use a database_url whose user owns the tables (LONTAR_DATABASE_URL overrides the file)."},
    {"42P01", NULL, "The tables are not there yet: run lontarctl migrate."},
    {"55P03", NULL, "Another program holds the table: stop it, or try again when it is idle."},
    {"0A000", NULL, "Drop what depends on the column (a view?), migrate, and create it again."},
    {"53100", NULL, "The disk of the database is full. Nothing was changed."},
};

static const char *hint_find(const char *sqlstate, const char *text)
{
  for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
    bool fits = hints[i].sqlstate ? sqlstate && strcmp(hints[i].sqlstate, sqlstate) == 0
                                  : !sqlstate && strstr(text, hints[i].text);
    if (fits)
      return hints[i].hint;
  }
  return NULL;
}

/* Length of libpq's message without its later lines. */
static int first_line(const char *text)
{
  return (int)strcspn(text, "\n");
}

static const char *url_source(const struct invocation *invocation)
{
  if (getenv("LONTAR_DATABASE_URL"))
    return "LONTAR_DATABASE_URL";
  return invocation->file ? invocation->file : "the default configuration";
}

static int connect_refused(const char *text, const struct invocation *invocation)
{
  const char *hint = hint_find(NULL, text);
  return command_fail(hint ? hint : "Check database_url.", "cannot connect to the database of %s: %.*s",
                      url_source(invocation), first_line(text), text);
}

/* A pooler makes numbers up. What is set through it would stay for whoever has that server next. */
static bool is_pooled(PGconn *connection)
{
  CLEANUP_RESULT PGresult *result = PQexec(connection, "SELECT pg_catalog.pg_backend_pid()");
  return PQntuples(result) == 1 && strtol(PQgetvalue(result, 0, 0), NULL, 10) != PQbackendPID(connection);
}

/* An operator's command takes the time it takes, but does not stand in others' way for ever. */
static int connect_set_up(PGconn *connection, bool direct)
{
  if (!direct && is_pooled(connection))
    return COMMAND_DONE;
  const struct preset_limits limits = {.lock = LOCK_TIMEOUT};
  CLEANUP(buffer_free) struct buffer sql;
  buffer_init(&sql, SETTINGS_SIZE_MAX);
  buffer_append_text(&sql, "SELECT ");
  presets_write(&sql, PQserverVersion(connection), &limits);
  buffer_append(&sql, "", 1);
  return sql.failed ? command_fail(NULL, "no memory is left") : connect_execute(connection, sql.data);
}

static int check_url(const struct invocation *invocation)
{
  struct lontar_failure failure;
  if (url_check(invocation->config->database_url, &failure) == LONTAR_OK)
    return COMMAND_DONE;
  return command_fail(
      "It is postgresql://USER:PASSWORD@HOST/DATABASE, with %40 for @, %2F for / and %25 for % within a part.",
      "the database URL of %s cannot be read: %s", url_source(invocation), failure.message);
}

PGconn *connect_database(const struct invocation *invocation)
{
  const struct door door = {.kind = DOOR_TOOL, .url = invocation->config->database_url, .name = PROGRAM};
  if (check_url(invocation) != COMMAND_DONE)
    return NULL;
  /* libpq would make this the session's time zone, and the server's own is what migrate asks for. */
  unsetenv("PGTZ");
  CLEANUP_CONNECTION PGconn *connection = door_open(&door);
  if (!connection) {
    command_fail(NULL, "no memory is left");
    return NULL;
  }
  PQsetNoticeReceiver(connection, notice_ignore, NULL);
  if (PQstatus(connection) != CONNECTION_OK) {
    connect_refused(PQerrorMessage(connection), invocation);
    return NULL;
  }
  if (PQserverVersion(connection) < DOOR_OLDEST_SERVER) {
    command_fail("Upgrade the server.", "PostgreSQL %d is too old: Lontar needs 12 or newer",
                 PQserverVersion(connection) / 10000);
    return NULL;
  }
  return connect_set_up(connection, invocation->config->prepared_statements != 0) == COMMAND_DONE ? TAKE(connection)
                                                                                                  : NULL;
}

struct lontar_database *connect_library(const struct invocation *invocation)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct lontar_database *database = NULL;
  struct lontar_failure failure;
  options.pool_size = 1;
  options.pool_max_overflow = 0;
  options.statement_timeout = STATEMENT_TIMEOUT;
  options.application_name = PROGRAM;
  options.pooled = !invocation->config->prepared_statements;
  if (check_url(invocation) == COMMAND_DONE &&
      lontar_open(invocation->config->database_url, &options, &database, &failure) != LONTAR_OK)
    connect_refused(failure.message, invocation);
  return database;
}

int connect_tell(const struct lontar_failure *failure)
{
  const bool done = strncmp(failure->sqlstate, WARNING_CLASS, strlen(WARNING_CLASS)) == 0;
  return command_fail(done ? DOUBT_HINT : hint_find(*failure->sqlstate ? failure->sqlstate : NULL, failure->message),
                      "%s%s", *failure->sqlstate ? "the database says: " : "", failure->message);
}

int connect_complain(const PGresult *result, PGconn *connection)
{
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (!text)
    text = PQerrorMessage(connection);
  return command_fail(hint_find(sqlstate, text), "the database says: %.*s", first_line(text), text);
}

static bool result_good(const PGresult *result)
{
  ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

PGresult *connect_query(PGconn *connection, const char *sql, int count, const char *const *parameters)
{
  CLEANUP_RESULT PGresult *result = PQexecParams(connection, sql, count, NULL, parameters, NULL, NULL, 0);
  if (result_good(result))
    return TAKE(result);
  connect_complain(result, connection);
  return NULL;
}

/* Keeps what makes the success of a commit doubtful. */
static void notice_keep(void *words, const PGresult *notice)
{
  if (notice_doubts_commit(notice))
    (void)notice_words(words, notice);
}

int connect_execute(PGconn *connection, const char *sql)
{
  char doubt[NOTICE_SIZE] = "";
  PQsetNoticeReceiver(connection, notice_keep, doubt);
  CLEANUP_RESULT PGresult *result = PQexec(connection, sql);
  PQsetNoticeReceiver(connection, notice_ignore, NULL);
  if (*doubt)
    return command_fail(DOUBT_HINT, "the database says: %s", doubt);
  return result_good(result) ? COMMAND_DONE : connect_complain(result, connection);
}
