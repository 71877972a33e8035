/* One libpq connection, used in blocking fashion but never longer than a deadline. */
#include "library/wire.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "library/failure.h"
#include "library/leaving.h"
#include "pool/address.h"
#include "pool/door.h"
#include "pool/notice.h"
#include "pool/refusal.h"
#include "pool/rules.h"
#include "repo/presets.h"

enum { SETTINGS_SIZE_MAX = 8192, LOOK_MILLISECONDS = 2 };

/* Waits for the socket; false when the deadline has passed. A broken socket counts as ready: libpq finds out. */
static bool wire_wait(const PGconn *connection, short events, int64_t deadline)
{
  struct pollfd socket = {.fd = PQsocket(connection), .events = events};
  for (;;) {
    int64_t left = deadline - clock_steady();
    if (left <= 0)
      return false;
    int ready = poll(&socket, 1, (int)(left / CLOCK_MILLISECOND) + 1);
    if (ready > 0 || (ready < 0 && errno != EINTR))
      return true;
  }
}

static enum lontar_error failure_from_old_server(struct lontar_failure *failure, const PGconn *connection)
{
  (void)failure_set(failure, LONTAR_UNAVAILABLE, "the server \"%s\", port %s is older than PostgreSQL 12",
                    PQhost(connection), PQport(connection));
  failure->retriable = false;
  return LONTAR_UNAVAILABLE;
}

static enum lontar_error wire_connect(PGconn *connection, int64_t deadline, struct lontar_failure *failure)
{
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  refusal_expect(connection, true);
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD)
      return failure_from_refusal(failure, connection);
    if (!wire_wait(connection, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
      return failure_set(failure, LONTAR_UNAVAILABLE, "connection to server \"%s\", port %s failed: no answer in time",
                         PQhost(connection), PQport(connection));
    state = PQconnectPoll(connection);
  }
  refusal_expect(connection, false);
  if (PQserverVersion(connection) < DOOR_OLDEST_SERVER)
    return failure_from_old_server(failure, connection);
  return LONTAR_OK;
}

/* Whose process it is: not known behind a pooler, which tells us another number. */
static struct backend backend_from(const PGresult *result, const PGconn *connection)
{
  const char *start = PQgetvalue(result, 0, 1);
  const int pid = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
  const bool known = *start && pid == PQbackendPID(connection);
  return (struct backend){.pid = known ? pid : 0, .start = strtoll(start, NULL, 10)};
}

/* Nothing but its own timeout ends a caller's statement, and a caller may keep a transaction open. */
static enum lontar_error wire_set_up(PGconn *connection, const struct lontar_options *options, int64_t deadline,
                                     struct backend *ret_backend, struct lontar_failure *failure)
{
  const struct preset_limits limits = {.statement = options->statement_timeout};
  CLEANUP(buffer_free) struct buffer sql;
  buffer_init(&sql, SETTINGS_SIZE_MAX);
  buffer_append_text(&sql, "SELECT pg_catalog.pg_backend_pid(), (SELECT " BACKEND_START
                           " FROM pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) AS a)");
  if (!options->pooled) {
    buffer_append_text(&sql, ", ");
    presets_write(&sql, PQserverVersion(connection), &limits);
  }
  buffer_append(&sql, "", 1);
  if (sql.failed)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  const struct wire_statement set = {.sql = sql.data};
  CLEANUP_RESULT PGresult *result = NULL;
  enum lontar_error error = wire_run(connection, &set, 1, deadline, &result, failure);
  if (error == LONTAR_OK)
    *ret_backend = backend_from(result, connection);
  return error;
}

/* One attempt, with one server. */
static enum lontar_error wire_attempt(const struct wire_way *way, const struct address *address, const char *kind,
                                      int64_t deadline, PGconn **ret_connection, struct backend *ret_backend,
                                      struct lontar_failure *failure)
{
  const struct door door = {DOOR_LIBRARY, way->url, way->options->application_name, address, kind};
  PGconn *connection = door_open(&door);
  if (!connection)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  PQsetNoticeReceiver(connection, notice_ignore, NULL);
  enum lontar_error error = wire_connect(connection, deadline, failure);
  if (error == LONTAR_OK)
    error = wire_set_up(connection, way->options, deadline, ret_backend, failure);
  if (error == LONTAR_OK)
    *ret_connection = connection;
  else
    leaving_take(way->leaving, connection, NULL);
  return error;
}

/* The servers of a URL, each by its address. libpq by itself would stay with one that is silent. */
static struct address_list *wire_servers(const char *url)
{
  CLEANUP_ADDRESSES struct address_list *list = address_list_parse(url);
  return list && address_list_has_names(list) ? address_list_resolve(list) : TAKE(list);
}

/* A name that nobody knows will not be known later, unlike one that nobody could be asked about. */
static enum lontar_error failure_from_lookup(const char *url, int error, struct lontar_failure *failure)
{
  CLEANUP_ADDRESSES struct address_list *list = address_list_parse(url);
  const char *name = list && list->items[0].host ? list->items[0].host : "";
  (void)failure_set(failure, LONTAR_UNAVAILABLE, "the address of \"%s\" cannot be found: %s", name,
                    gai_strerror(error));
  failure->retriable = error != EAI_NONAME;
  return LONTAR_UNAVAILABLE;
}

/* Waits for those that have just left, such as the attempt before; the older ones have been given up. */
static bool server_has_room(const struct wire_way *way, const struct address *address, int leaving_max,
                            int64_t deadline)
{
  for (int64_t now = clock_steady(); now < deadline; now = clock_steady()) {
    leaving_look(way->leaving, now);
    if (leaving_count_of(way->leaving, address, now) <= leaving_max)
      return true;
    if (leaving_count_of(way->leaving, address, now - RULES_LEFT_RESTING) > leaving_max)
      return false;
    (void)poll(NULL, 0, LOOK_MILLISECONDS);
  }
  return false;
}

static enum lontar_error failure_from_leaving(struct lontar_failure *failure, const struct address *address)
{
  return failure_set(failure, LONTAR_UNAVAILABLE, "the server \"%s\" still has connections that were given up",
                     address->host ? address->host : address->hostaddr);
}

enum lontar_error wire_open(const struct wire_way *way, int leaving_max, int64_t deadline, PGconn **ret_connection,
                            struct backend *ret_backend, struct lontar_failure *failure)
{
  CLEANUP_ADDRESSES struct address_list *list = wire_servers(way->url);
  if (!list)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  if (list->count == 0)
    return failure_from_lookup(way->url, list->lookup_error, failure);
  /* Whether the URL asks for a round of standbys before one of any servers. */
  bool two_rounds = list->count > 1 && address_url_says(way->url, "target_session_attrs", "prefer-standby");
  int attempts = two_rounds ? 2 * list->count : list->count;
  bool retriable = list->unresolved > 0; /* it may when any of the servers may come back */
  enum lontar_error error = LONTAR_UNAVAILABLE;
  for (int i = 0; i < attempts && error != LONTAR_OK; i++) {
    const char *kind = i < list->count ? "standby" : "any";
    const struct address *address = &list->items[i % list->count];
    int64_t now = clock_steady();
    int64_t until = now + (deadline - now) / (attempts - i);
    if (list->count > 1 && !server_has_room(way, address, leaving_max, until))
      error = failure_from_leaving(failure, address);
    else
      error = wire_attempt(way, address, two_rounds ? kind : NULL, until, ret_connection, ret_backend, failure);
    retriable = retriable || (error != LONTAR_OK && failure->retriable);
  }
  if (error == LONTAR_UNAVAILABLE)
    failure->retriable = retriable;
  return error;
}

bool wire_reset(PGconn *connection)
{
  PQsetNoticeReceiver(connection, notice_ignore, NULL);
  return PQsetnonblocking(connection, 0) == 0;
}

static bool wire_send(PGconn *connection, const struct wire_statement *statement)
{
  return PQsendQueryParams(connection, statement->sql, statement->count, statement->types, statement->values,
                           statement->lengths, statement->formats, statement->result_format) == 1;
}

static bool wire_send_all(PGconn *connection, const struct wire_statement *statements, size_t count)
{
  if (PQsetnonblocking(connection, 1) != 0)
    return false;
  if (count == 1)
    return wire_send(connection, statements);
  if (PQenterPipelineMode(connection) != 1)
    return false;
  for (size_t i = 0; i < count; i++) {
    if (!wire_send(connection, &statements[i]))
      return false;
  }
  return PQpipelineSync(connection) == 1;
}

enum wire_state { WIRE_READY, WIRE_BROKEN, WIRE_LATE };

/* Writes what is left to write, until a result can be taken without waiting. */
static enum wire_state wire_progress(PGconn *connection, int64_t deadline)
{
  for (;;) {
    int unsent = PQflush(connection);
    if (unsent < 0)
      return WIRE_BROKEN;
    if (!PQisBusy(connection))
      return WIRE_READY;
    if (!wire_wait(connection, (short)(unsent ? POLLIN | POLLOUT : POLLIN), deadline))
      return WIRE_LATE;
    if (!PQconsumeInput(connection))
      return WIRE_BROKEN;
  }
}

/* What a result's status means here. */
enum outcome { OUTCOME_GOOD, OUTCOME_SYNC, OUTCOME_SKIPPED, OUTCOME_EMPTY, OUTCOME_COPY, OUTCOME_FAILED };

static enum outcome result_outcome(const PGresult *result)
{
  switch (PQresultStatus(result)) {
  case PGRES_COMMAND_OK:
  case PGRES_TUPLES_OK:
    return OUTCOME_GOOD;
  case PGRES_PIPELINE_SYNC:
    return OUTCOME_SYNC;
  case PGRES_PIPELINE_ABORTED: /* by the failure before it */
    return OUTCOME_SKIPPED;
  case PGRES_EMPTY_QUERY:
    return OUTCOME_EMPTY;
  case PGRES_COPY_IN: /* each would wait for what never comes */
  case PGRES_COPY_OUT:
  case PGRES_COPY_BOTH:
    return OUTCOME_COPY;
  case PGRES_FATAL_ERROR:
  case PGRES_BAD_RESPONSE:
  case PGRES_NONFATAL_ERROR: /* are never results */
  case PGRES_SINGLE_TUPLE:   /* and this only where it is asked for */
  default:
    return OUTCOME_FAILED;
  }
}

/* Ends the pipeline and gives the caller back a connection in blocking mode. */
static void wire_settle(PGconn *connection)
{
  (void)PQexitPipelineMode(connection);
  (void)PQsetnonblocking(connection, 0);
}

/* What came of a run so far. */
struct progress {
  PGresult *kept; /* the first that failed, else the last that was good */
  enum outcome outcome;
  struct lontar_failure doubt; /* of a commit that may be lost; LONTAR_OK: none */
};

static void progress_done(struct progress *progress)
{
  PQclear(progress->kept);
}

/* Takes one result over. */
static void progress_take(struct progress *progress, PGresult *result, enum outcome outcome)
{
  if (progress->outcome != OUTCOME_GOOD || outcome == OUTCOME_SYNC || outcome == OUTCOME_SKIPPED) {
    PQclear(result);
    return;
  }
  PQclear(progress->kept);
  progress->kept = result;
  progress->outcome = outcome;
}

/* What the server says beside its answers. */
static void progress_notice(void *argument, const PGresult *notice)
{
  struct progress *progress = argument;
  if (notice_doubts_commit(notice))
    (void)failure_from_doubt(&progress->doubt, notice);
}

/* Whether the server takes writes, as it tells since PostgreSQL 14, and only this transaction does not. */
static bool made_read_only(const PGresult *result, const PGconn *connection)
{
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *standby = PQparameterStatus(connection, "in_hot_standby");
  const char *by_default = PQparameterStatus(connection, "default_transaction_read_only");
  return sqlstate && strcmp(sqlstate, "25006") == 0 && standby && strcmp(standby, "off") == 0 && by_default &&
         strcmp(by_default, "off") == 0;
}

/* What is no outage of the server's is not to be taken for one. */
static enum lontar_error progress_failed(const struct progress *progress, const PGconn *connection,
                                         const struct asked *asked, struct lontar_failure *failure)
{
  enum lontar_error error = failure_from_server(failure, progress->kept, connection);
  if (asked && progress->kept)
    error = failure_judge(failure, asked, progress->kept);
  if (!made_read_only(progress->kept, connection))
    return error;
  if (failure) {
    failure->error = LONTAR_MISUSE;
    failure->retriable = false;
  }
  return LONTAR_MISUSE;
}

/* The answer to one statement, or to all of a transaction. */
static enum lontar_error progress_judge(struct progress *progress, const PGconn *connection,
                                        const struct wire_statement *statements, size_t count, PGresult **ret_result,
                                        struct lontar_failure *failure)
{
  if (progress->outcome == OUTCOME_EMPTY)
    return failure_set(failure, LONTAR_MISUSE, "there is no statement");
  if (progress->outcome != OUTCOME_GOOD || !progress->kept)
    return progress_failed(progress, connection, statements->asked, failure);
  if (count > 1 && strcmp(PQcmdStatus(progress->kept), "COMMIT") != 0)
    return failure_set(failure, LONTAR_MISUSE, "a statement ended the transaction; what came before it may stay done");
  *ret_result = TAKE(progress->kept);
  return LONTAR_OK;
}

/* Sends all and takes what comes, until nothing more does. */
static enum lontar_error wire_exchange(PGconn *connection, const struct wire_statement *statements, size_t count,
                                       int64_t deadline, struct progress *progress, struct lontar_failure *failure)
{
  bool synced = count == 1;
  if (!wire_send_all(connection, statements, count))
    return failure_from_server(failure, NULL, connection);
  for (;;) {
    enum wire_state state = wire_progress(connection, deadline);
    if (state == WIRE_LATE)
      return failure_set(failure, LONTAR_DEADLINE, "the server did not answer in time");
    PGresult *result = state == WIRE_READY ? PQgetResult(connection) : NULL;
    if (state == WIRE_BROKEN || (!result && !synced && PQstatus(connection) == CONNECTION_BAD))
      return failure_from_server(failure, progress->outcome == OUTCOME_FAILED ? progress->kept : NULL, connection);
    if (!result && synced)
      break;
    if (!result)
      continue; /* the end of one statement of the pipeline */
    enum outcome outcome = result_outcome(result);
    progress_take(progress, result, outcome);
    if (outcome == OUTCOME_COPY)
      return failure_set(failure, LONTAR_MISUSE, "COPY needs a borrowed connection");
    synced = synced || outcome == OUTCOME_SYNC;
    if (count > 1 && synced)
      break;
  }
  wire_settle(connection);
  return LONTAR_OK;
}

enum lontar_error wire_run(PGconn *connection, const struct wire_statement *statements, size_t count, int64_t deadline,
                           PGresult **ret_result, struct lontar_failure *failure)
{
  CLEANUP(progress_done) struct progress progress = {.outcome = OUTCOME_GOOD};
  PQsetNoticeReceiver(connection, progress_notice, &progress);
  enum lontar_error error = wire_exchange(connection, statements, count, deadline, &progress, failure);
  PQsetNoticeReceiver(connection, notice_ignore, NULL);
  if (progress.doubt.error != LONTAR_OK && progress.outcome == OUTCOME_GOOD) {
    if (failure)
      *failure = progress.doubt;
    return progress.doubt.error;
  }
  return error != LONTAR_OK ? error : progress_judge(&progress, connection, statements, count, ret_result, failure);
}
