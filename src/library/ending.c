/* An ending: one connection that terminates backends of its server, moved on step by step. */
#include "library/ending.h"

#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include <lontar/database.h>

#include "base/clock.h"
#include "pool/door.h"
#include "pool/notice.h"

struct ending {
  PGconn *connection; /* never NULL */
  PostgresPollingStatusType state;
  int64_t until;
  bool asked;
  bool answered;
};

struct ending *ending_start(const char *url, const struct lontar_options *options, const struct address *address)
{
  struct ending *ending = calloc(1, sizeof *ending);
  const struct door door = {DOOR_LIBRARY, url, options->application_name, address, "any"};
  PGconn *connection = ending ? door_open(&door) : NULL;
  if (!connection) {
    free(ending);
    return NULL;
  }
  (void)PQsetNoticeReceiver(connection, notice_ignore, NULL);
  ending->connection = connection;
  ending->state = PGRES_POLLING_WRITING;
  ending->until = clock_steady() + options->connect_timeout * CLOCK_MILLISECOND;
  return ending;
}

/* Waits, but for so long only. */
static enum ending_state ending_wait(const struct ending *ending, int64_t now)
{
  return now < ending->until ? ENDING_WAITS : ENDING_FAILED;
}

static enum ending_state ending_connect(struct ending *ending, int64_t now)
{
  while (ending->state != PGRES_POLLING_OK) {
    if (ending->state == PGRES_POLLING_FAILED || PQstatus(ending->connection) == CONNECTION_BAD)
      return ENDING_FAILED;
    const short events = ending->state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    struct pollfd socket = {.fd = PQsocket(ending->connection), .events = events};
    if (poll(&socket, 1, 0) <= 0)
      return ending_wait(ending, now);
    ending->state = PQconnectPoll(ending->connection);
  }
  return ENDING_READY;
}

enum ending_state ending_move(struct ending *ending, int64_t now)
{
  PGconn *connection = ending->connection;
  if (!ending->asked)
    return ending_connect(ending, now);
  if (!PQconsumeInput(connection) || PQflush(connection) < 0)
    return ENDING_FAILED;
  while (!PQisBusy(connection)) {
    PGresult *result = PQgetResult(connection);
    if (!result)
      return ending->answered ? ENDING_DONE : ENDING_FAILED;
    ending->answered = PQresultStatus(result) == PGRES_TUPLES_OK;
    PQclear(result);
  }
  return ending_wait(ending, now);
}

void ending_ask(struct ending *ending, const char *sql)
{
  ending->asked = true;
  if (PQsetnonblocking(ending->connection, 1) == 0)
    (void)PQsendQuery(ending->connection, sql);
}

PGconn *ending_take(struct ending *ending)
{
  PGconn *connection = ending->connection;
  free(ending);
  return connection;
}
