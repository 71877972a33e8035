/* One libpq connection, used in blocking fashion but never longer than a deadline. */
#include "library/wire.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "library/failure.h"
#include "pool/address.h"
#include "pool/refusal.h"

enum { OLDEST_SERVER = 120000 };

static void result_clear(PGresult **result)
{
  PQclear(*result);
}

static void connection_finish(PGconn **connection)
{
  PQfinish(*connection);
}

static void servers_free(struct address_list **list)
{
  address_list_free(*list);
}

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

static enum lontar_error wire_connect(PGconn *connection, int64_t deadline, struct lontar_failure *failure)
{
  PostgresPollingStatusType state = PGRES_POLLING_WRITING;
  refusal_expect(connection, true);
  while (state != PGRES_POLLING_OK) {
    if (state == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD)
      return failure_from_refusal(failure, connection);
    if (!wire_wait(connection, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline))
      return failure_set(failure, LONTAR_UNAVAILABLE, "the server did not accept a connection in time");
    state = PQconnectPoll(connection);
  }
  refusal_expect(connection, false);
  if (PQserverVersion(connection) < OLDEST_SERVER)
    return failure_set(failure, LONTAR_UNAVAILABLE, "the server is older than PostgreSQL 12");
  return LONTAR_OK;
}

static void notice_ignore(void *unused, const PGresult *result)
{
  (void)unused;
  (void)result;
}

static enum lontar_error wire_set_up(PGconn *connection, const struct lontar_options *options, int64_t deadline,
                                     struct lontar_failure *failure)
{
  char timeout[32];
  (void)snprintf(timeout, sizeof timeout, "%lld", (long long)options->statement_timeout);
  const struct wire_statement set = {
      .sql = "SELECT set_config('statement_timeout', $1, false), set_config('TimeZone', 'UTC', false),"
             " set_config('DateStyle', 'ISO', false), set_config('standard_conforming_strings', 'on', false)",
      .count = 1,
      .values = (const char *const[]){timeout},
  };
  CLEANUP(result_clear) PGresult *result = NULL;
  return wire_run(connection, &set, 1, deadline, &result, failure);
}

/* One attempt, with one server; `kind` overrides the URL's target_session_attrs unless it is NULL. */
static enum lontar_error wire_attempt(const char *url, const struct address *address, const char *kind,
                                      const struct lontar_options *options, int64_t deadline, PGconn **ret_connection,
                                      struct lontar_failure *failure)
{
  /* What stands before `dbname` gives way to the URL, what stands behind overrides it. GSS encryption is left out
   * because libpq blocks while it asks for a ticket. */
  const char *const keywords[] = {"gssencmode",
                                  "fallback_application_name",
                                  "keepalives_idle",
                                  "keepalives_interval",
                                  "keepalives_count",
                                  "tcp_user_timeout",
                                  "dbname",
                                  "client_encoding",
                                  "host",
                                  "hostaddr",
                                  "port",
                                  "target_session_attrs",
                                  NULL};
  const char *const values[] = {
      "disable",     options->application_name, "30",          "10", "3", "30000", url, "UTF8",
      address->host, address->hostaddr,         address->port, kind, NULL};
  CLEANUP(connection_finish) PGconn *connection = PQconnectStartParams(keywords, values, 1);
  if (!connection)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  PQsetNoticeReceiver(connection, notice_ignore, NULL);
  enum lontar_error error = wire_connect(connection, deadline, failure);
  if (error == LONTAR_OK)
    error = wire_set_up(connection, options, deadline, failure);
  if (error == LONTAR_OK)
    *ret_connection = TAKE(connection);
  return error;
}

/* The servers of a URL, each by its address. libpq by itself would stay with one that is silent. */
static struct address_list *wire_servers(const char *url)
{
  CLEANUP(servers_free) struct address_list *list = address_list_parse(url);
  return list && address_list_has_names(list) ? address_list_resolve(list) : TAKE(list);
}

/* Whether the URL asks for a round of standbys before one of any servers. */
static bool wire_prefers_standby(const char *url)
{
  PQconninfoOption *options = PQconninfoParse(url, NULL);
  bool prefers = false;
  for (const PQconninfoOption *it = options; it && it->keyword; it++)
    prefers = prefers ||
              (it->val && strcmp(it->keyword, "target_session_attrs") == 0 && strcmp(it->val, "prefer-standby") == 0);
  PQconninfoFree(options);
  return prefers;
}

enum lontar_error wire_open(const char *url, const struct lontar_options *options, int64_t deadline,
                            PGconn **ret_connection, struct lontar_failure *failure)
{
  CLEANUP(servers_free) struct address_list *list = wire_servers(url);
  if (!list)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  if (list->count == 0)
    return failure_set(failure, LONTAR_UNAVAILABLE, "the database's host name cannot be resolved");
  bool two_rounds = list->count > 1 && wire_prefers_standby(url);
  int attempts = two_rounds ? 2 * list->count : list->count;
  enum lontar_error error = LONTAR_UNAVAILABLE;
  for (int i = 0; i < attempts && error != LONTAR_OK; i++) {
    const char *kind = i < list->count ? "standby" : "any";
    int64_t now = clock_steady();
    error = wire_attempt(url, &list->items[i % list->count], two_rounds ? kind : NULL, options,
                         now + (deadline - now) / (attempts - i), ret_connection, failure);
  }
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

static bool result_failed(const PGresult *result)
{
  ExecStatusType status = PQresultStatus(result);
  return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC &&
         status != PGRES_PIPELINE_ABORTED;
}

/* Ends the pipeline and gives the caller back a connection in blocking mode. */
static void wire_settle(PGconn *connection)
{
  (void)PQexitPipelineMode(connection);
  (void)PQsetnonblocking(connection, 0);
}

/* Takes one result into account: the first error, else the last result that is one. */
static void result_keep(PGresult *result, PGresult **kept, bool *failed)
{
  bool fails = result_failed(result);
  if (*failed || PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
    PQclear(result);
    return;
  }
  PQclear(*kept);
  *kept = result;
  *failed = fails;
}

/* A COPY would wait for data that never comes. */
static bool result_copies(const PGresult *result)
{
  ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

enum lontar_error wire_run(PGconn *connection, const struct wire_statement *statements, size_t count, int64_t deadline,
                           PGresult **ret_result, struct lontar_failure *failure)
{
  CLEANUP(result_clear) PGresult *kept = NULL;
  bool failed = false;
  bool synced = count == 1;
  if (!wire_send_all(connection, statements, count))
    return failure_from_server(failure, NULL, connection);
  for (;;) {
    enum wire_state state = wire_progress(connection, deadline);
    if (state == WIRE_LATE)
      return failure_set(failure, LONTAR_DEADLINE, "the server did not answer in time");
    PGresult *result = state == WIRE_READY ? PQgetResult(connection) : NULL;
    if (state == WIRE_BROKEN || (!result && !synced && PQstatus(connection) == CONNECTION_BAD))
      return failed ? failure_from_server(failure, kept, connection) : failure_from_server(failure, NULL, connection);
    if (!result && synced)
      break;
    if (!result)
      continue; /* the end of one statement of the pipeline */
    if (result_copies(result)) {
      PQclear(result);
      return failure_set(failure, LONTAR_MISUSE, "COPY needs a borrowed connection");
    }
    synced = synced || PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    bool last = count > 1 && synced;
    result_keep(result, &kept, &failed);
    if (last)
      break;
  }
  wire_settle(connection);
  if (failed || !kept) {
    enum lontar_error error = failure_from_server(failure, kept, connection);
    return kept && statements->asked ? failure_judge(failure, statements->asked, kept) : error;
  }
  *ret_result = TAKE(kept);
  return LONTAR_OK;
}
