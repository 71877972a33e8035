/* The prober's one connection: opening, asking, listening. */
#include "health/inquiry.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a standby and a server set to read-only answer alike, in every version. */
#define QUESTION "SHOW transaction_read_only"

struct inquiry {
  PGconn *libpq;
  PostgresPollingStatusType polling; /* OK: it is open */
  bool asked;
  bool unflushed; /* libpq has bytes that the socket did not take */
  bool failed;
  bool refused;
  const char *reason;
  char detail[INQUIRY_DETAIL_SIZE];
};

/* How an attempt to connect ends by the server's own word: the first row whose beginning fits is taken. */
static const struct refusal {
  const char *sqlstate;
  bool lives; /* it refuses only us */
  const char *reason;
} refusals[] = {
    {"53300", true, "the server has no connection left for lontard"},
    {"57P", false, "the server is starting or stopping"},
    {"28", true, "the server does not let lontard in"},
    {"3D000", true, "the database does not exist on the server"},
    {"", true, "the server refuses the connection"},
};

static bool is_sqlstate(const char *text)
{
  return strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && text[5] == ':';
}

/* libpq tells the SQLSTATE of a failed attempt only within its text, which PQERRORS_VERBOSE makes "FATAL:  57P03: …".
 * Of several hosts the last one counts. NULL when no server has spoken. */
static const char *find_sqlstate(const char *message)
{
  const char *found = NULL;
  for (const char *at = message; (at = strstr(at, ":  ")) != NULL; at += 3)
    if (is_sqlstate(at + 3))
      found = at + 3;
  return found;
}

/* libpq begins with the server's address, which belongs into no log: "connection to server at … failed: reason". */
static void keep_detail(struct inquiry *inquiry, const char *message)
{
  static const char mark[] = " failed: ";
  const char *detail = "";
  for (const char *at = message; (at = strstr(at, mark)) != NULL; at += sizeof mark - 1)
    detail = at + sizeof mark - 1;
  (void)snprintf(inquiry->detail, sizeof inquiry->detail, "%.*s", (int)strcspn(detail, "\n"), detail);
}

static void fail(struct inquiry *inquiry, const char *reason)
{
  inquiry->failed = true;
  inquiry->reason = reason;
}

static void fail_read_only(struct inquiry *inquiry)
{
  fail(inquiry, "the server takes no writes");
}

/* target_session_attrs in the URL makes libpq itself turn read-only servers down. */
static bool is_about_writes(const char *message)
{
  return strstr(message, "read-only") != NULL || strstr(message, "hot standby") != NULL;
}

static void fail_to_open(struct inquiry *inquiry)
{
  const char *message = PQerrorMessage(inquiry->libpq);
  const char *sqlstate = find_sqlstate(message);
  keep_detail(inquiry, message);
  if (is_about_writes(inquiry->detail)) {
    fail_read_only(inquiry);
    return;
  }
  fail(inquiry, "PostgreSQL cannot be reached");
  for (const struct refusal *row = refusals; sqlstate != NULL; row++) {
    if (strncmp(sqlstate, row->sqlstate, strlen(row->sqlstate)) != 0)
      continue;
    inquiry->refused = row->lives;
    inquiry->reason = row->reason;
    return;
  }
}

static void fail_open(struct inquiry *inquiry)
{
  keep_detail(inquiry, PQerrorMessage(inquiry->libpq));
  fail(inquiry, "the server ended the connection");
}

/* Else libpq would print them to standard error. */
static void ignore_notice(void *argument, const PGresult *result)
{
  (void)argument;
  (void)result;
}

struct inquiry *inquiry_open(const char *url)
{
  /* `dbname` is expanded, and what follows it overrides what the URL says. */
  const char *const keywords[] = {"dbname", "application_name", "keepalives", "keepalives_idle", NULL};
  const char *const values[] = {url, "lontard/prober", "1", "30", NULL};
  struct inquiry *inquiry = calloc(1, sizeof *inquiry);
  if (inquiry == NULL)
    return NULL;
  inquiry->reason = "";
  inquiry->polling = PGRES_POLLING_WRITING;
  inquiry->libpq = PQconnectStartParams(keywords, values, 1);
  if (inquiry->libpq == NULL) {
    free(inquiry);
    return NULL;
  }
  (void)PQsetErrorVerbosity(inquiry->libpq, PQERRORS_VERBOSE);
  (void)PQsetNoticeReceiver(inquiry->libpq, ignore_notice, NULL);
  if (PQstatus(inquiry->libpq) == CONNECTION_BAD)
    fail_to_open(inquiry);
  return inquiry;
}

void inquiry_free(struct inquiry *inquiry)
{
  if (inquiry == NULL)
    return;
  PQfinish(inquiry->libpq);
  free(inquiry);
}

static void flush(struct inquiry *inquiry)
{
  const int left = PQflush(inquiry->libpq);
  inquiry->unflushed = left == 1;
  if (left < 0)
    fail_open(inquiry);
}

void inquiry_ask(struct inquiry *inquiry)
{
  inquiry->asked = true;
  if (PQsetnonblocking(inquiry->libpq, 1) != 0 || PQsendQuery(inquiry->libpq, QUESTION) != 1)
    fail_open(inquiry);
  else
    flush(inquiry);
}

static void step_opening(struct inquiry *inquiry)
{
  inquiry->polling = PQconnectPoll(inquiry->libpq);
  if (inquiry->polling == PGRES_POLLING_FAILED)
    fail_to_open(inquiry);
  else if (inquiry->polling == PGRES_POLLING_OK)
    inquiry_ask(inquiry);
}

static void judge(struct inquiry *inquiry, const PGresult *result)
{
  if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
    fail_open(inquiry);
  else if (strcmp(PQgetvalue(result, 0, 0), "off") != 0)
    fail_read_only(inquiry);
}

static void receive(struct inquiry *inquiry)
{
  while (!inquiry->failed && inquiry->asked && PQisBusy(inquiry->libpq) == 0) {
    PGresult *result = PQgetResult(inquiry->libpq);
    if (result == NULL)
      inquiry->asked = false;
    else
      judge(inquiry, result);
    PQclear(result);
  }
}

static void step_open(struct inquiry *inquiry)
{
  if (PQconsumeInput(inquiry->libpq) != 1 || PQstatus(inquiry->libpq) == CONNECTION_BAD) {
    fail_open(inquiry);
    return;
  }
  if (inquiry->unflushed)
    flush(inquiry);
  receive(inquiry);
}

void inquiry_step(struct inquiry *inquiry)
{
  if (inquiry->failed)
    return;
  if (inquiry->polling == PGRES_POLLING_OK)
    step_open(inquiry);
  else
    step_opening(inquiry);
}

enum inquiry_state inquiry_state(const struct inquiry *inquiry)
{
  if (inquiry->failed)
    return INQUIRY_FAILED;
  return inquiry->asked || inquiry->polling != PGRES_POLLING_OK ? INQUIRY_PENDING : INQUIRY_ANSWERED;
}

int inquiry_fd(const struct inquiry *inquiry)
{
  return PQsocket(inquiry->libpq);
}

short inquiry_wants(const struct inquiry *inquiry)
{
  if (inquiry->polling == PGRES_POLLING_WRITING)
    return POLLOUT;
  return inquiry->unflushed ? POLLIN | POLLOUT : POLLIN;
}

const char *inquiry_reason(const struct inquiry *inquiry)
{
  return inquiry->reason;
}

const char *inquiry_detail(const struct inquiry *inquiry)
{
  return inquiry->detail;
}

bool inquiry_was_refused(const struct inquiry *inquiry)
{
  return inquiry->refused;
}
