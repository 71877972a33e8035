/* One libpq connection as a small state machine: opening, preparing, ready, broken. */
#include "pool/connection.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "log/log.h"
#include "pool/bulk.h"
#include "pool/door.h"
#include "pool/notice.h"
#include "pool/session.h"
#include "pool/verdict.h"

struct connection {
  struct connection_owner owner;
  struct dial *dial; /* until a server let us in */
  PGconn *libpq;     /* from then on; settings and statements are on their way first */
  enum connection_state state;
  bool unsynced;  /* the open segment holds jobs */
  bool unflushed; /* libpq has bytes that the socket did not take */
  int64_t statement_timeout;
  bool prepared_statements;
  struct session session;
  struct job_list pipeline; /* sent, oldest first */
  struct bulk bulk;
  PGresult *commit_error; /* of the segment whose sync comes next */
  bool commit_doubted;    /* of that segment, too: it is committed, and may be lost */
  enum sqlstate_session dismissal;
  enum lontar_error error;
  char refusal[6]; /* SQLSTATE */
  char message[256];
};

static bool break_with(struct connection *connection, enum lontar_error error, const char *text)
{
  if (connection->state == CONNECTION_BROKEN)
    return false;
  connection->state = CONNECTION_BROKEN;
  connection->error = error;
  snprintf(connection->message, sizeof connection->message, "%s", text);
  connection->message[strcspn(connection->message, "\n")] = '\0';
  return false;
}

/* libpq begins with the server's address, which belongs into no log: "connection to server at … failed: reason". */
static bool break_with_libpq(struct connection *connection)
{
  const char *text = PQerrorMessage(connection->libpq);
  const char *reason = strstr(text, " failed: ");
  return break_with(connection, LONTAR_UNAVAILABLE, reason != NULL ? reason + strlen(" failed: ") : text);
}

/* Remembers whether the server said goodbye on an administrator's command, or because the session had been idle for too
 * long; to an idle session it says so by a notice. */
static void note_dismissal(struct connection *connection, const PGresult *result)
{
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (sqlstate != NULL && strcmp(sqlstate, "57P01") == 0)
    connection->dismissal = SQLSTATE_SERVER;
  else if (sqlstate != NULL && strcmp(sqlstate, "57P05") == 0)
    connection->dismissal = SQLSTATE_ENDED;
}

/* Nothing of a later segment is answered before, so this speaks of the oldest. */
static void note_doubt(struct connection *connection, const PGresult *notice)
{
  char words[NOTICE_SIZE];
  char quoted[NOTICE_SIZE * 2];
  connection->commit_doubted = true;
  (void)notice_words(words, notice);
  log_line(LOG_LEVEL_WARNING, "a commit may not be on the standby, so its writes get 504: message=%s",
           log_quote(quoted, sizeof quoted, words, strlen(words)));
}

static void take_notice(void *argument, const PGresult *notice)
{
  note_dismissal(argument, notice);
  if (notice_doubts_commit(notice))
    note_doubt(argument, notice);
}

static void forget_results(struct job *job)
{
  for (int i = 0; i < job_count(job); i++)
    PQclear(TAKE(job_part(job, i)->result));
  job->answered = job->told = 0;
  job->ends_segment = false;
}

void connection_replace(struct connection *connection, struct job *job, struct job *other)
{
  *other = *job;
  TAILQ_INSERT_BEFORE(job, other, link);
  TAILQ_REMOVE(&connection->pipeline, job, link);
  job->first.result = NULL;
  forget_results(job);
}

void connection_take_jobs(struct connection *connection, struct job_list *jobs)
{
  struct job *job;
  while ((job = TAILQ_FIRST(&connection->pipeline)) != NULL) {
    TAILQ_REMOVE(&connection->pipeline, job, link);
    job->heard_of = job->first.result != NULL;
    forget_results(job);
    TAILQ_INSERT_TAIL(jobs, job, link);
  }
}

void connection_free(struct connection *connection)
{
  if (connection == NULL)
    return;
  dial_free(connection->dial);
  PQclear(connection->commit_error);
  PQfinish(connection->libpq);
  free(connection);
}

/* A server that works on something looks for our end of the socket now and then (client_connection_check_interval). */
bool connection_part(struct connection *connection, int *ret_fd)
{
  const int socket = connection_fd(connection);
  const int fd = socket >= 0 ? fcntl(socket, F_DUPFD_CLOEXEC, 0) : -1;
  connection_free(connection);
  if (fd >= 0)
    (void)shutdown(fd, SHUT_WR);
  *ret_fd = fd;
  return socket >= 0;
}

struct job *connection_oldest(const struct connection *connection)
{
  return TAILQ_FIRST(&connection->pipeline);
}

/* A pooler makes numbers up. */
bool connection_is_pooled(const struct connection *connection)
{
  const struct session *session = &connection->session;
  return session->pooled || (session->backend != 0 && session->backend != PQbackendPID(connection->libpq));
}

int connection_backend(const struct connection *connection)
{
  if (connection->libpq == NULL || connection_is_pooled(connection))
    return 0;
  return PQbackendPID(connection->libpq);
}

size_t connection_bulk(const struct connection *connection)
{
  return connection->bulk.largest;
}

bool connection_forget(struct connection *connection, enum statement statement)
{
  const int knew = connection->session.knows[statement];
  if (knew != SESSION_UNKNOWN)
    connection->session.knows[statement] = SESSION_FORGETS;
  connection->session.fresh = 0;
  return knew == SESSION_LEARNS || knew == SESSION_KNOWS;
}

enum connection_state connection_state(const struct connection *connection)
{
  return connection->state;
}

int connection_fd(const struct connection *connection)
{
  return connection->dial != NULL ? dial_fd(connection->dial) : PQsocket(connection->libpq);
}

int connection_wants(const struct connection *connection)
{
  if (connection->dial != NULL)
    return dial_wants(connection->dial) == PGRES_POLLING_READING ? CONNECTION_READ : CONNECTION_WRITE;
  return CONNECTION_READ | (connection->unflushed ? CONNECTION_WRITE : 0);
}

enum sqlstate_session connection_dismissal(const struct connection *connection)
{
  return connection->dismissal;
}

const char *connection_refusal(const struct connection *connection)
{
  return connection->refusal;
}

enum lontar_error connection_error(const struct connection *connection)
{
  return connection->error;
}

const char *connection_message(const struct connection *connection)
{
  return connection->message;
}

static bool begin_preparing(struct connection *connection)
{
  if (PQserverVersion(connection->libpq) < DOOR_OLDEST_SERVER)
    return break_with(connection, LONTAR_UNAVAILABLE, "the server is older than PostgreSQL 12");
  if (PQsetnonblocking(connection->libpq, 1) != 0 || PQenterPipelineMode(connection->libpq) != 1)
    return break_with_libpq(connection);
  bool sent = connection->prepared_statements
                  ? session_begin(&connection->session, connection->libpq, connection->statement_timeout)
                  : session_begin_pooled(&connection->session, connection->libpq);
  if (!sent)
    return break_with_libpq(connection);
  connection->unflushed = PQflush(connection->libpq) == 1;
  return true;
}

/* Begins to watch over a new session. */
static void take_session(struct connection *connection)
{
  connection->libpq = dial_take(connection->dial);
  dial_free(TAKE(connection->dial));
  PQsetNoticeReceiver(connection->libpq, take_notice, connection);
  (void)begin_preparing(connection);
}

static void follow_dial(struct connection *connection, enum dial_state state)
{
  if (state == DIAL_DONE)
    take_session(connection);
  else if (state == DIAL_FAILED)
    (void)break_with(connection, LONTAR_UNAVAILABLE, dial_message(connection->dial));
}

static void on_dial_moved(void *argument)
{
  struct connection *connection = argument;
  follow_dial(connection, dial_state(connection->dial));
  connection->owner.moved(connection->owner.owner);
}

struct connection *connection_open(const struct connection_settings *settings, const struct connection_owner *owner)
{
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL)
    return NULL;
  const struct dial_settings dial = {
      .application_name = settings->application_name,
      .timeout = settings->connect_timeout,
      .patient = true,
      .moved = on_dial_moved,
      .owner = connection,
  };
  TAILQ_INIT(&connection->pipeline);
  connection->owner = *owner;
  connection->statement_timeout = settings->statement_timeout;
  connection->prepared_statements = settings->prepared_statements;
  connection->dial = dial_new(settings->dialer, &dial);
  if (connection->dial == NULL) {
    free(connection);
    return NULL;
  }
  follow_dial(connection, dial_state(connection->dial));
  return connection;
}

static bool is_failure(ExecStatusType status)
{
  return status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_NONFATAL_ERROR;
}

static void break_unprepared(struct connection *connection, const PGresult *result)
{
  char text[sizeof connection->message];
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  note_dismissal(connection, result);
  snprintf(connection->refusal, sizeof connection->refusal, "%s", sqlstate != NULL ? sqlstate : "");
  snprintf(text, sizeof text, "%s%s", message != NULL ? message : PQerrorMessage(connection->libpq),
           sqlstate != NULL ? session_remedy(&connection->session, sqlstate) : "");
  (void)break_with(connection, LONTAR_UNAVAILABLE, text);
}

static void flush(struct connection *connection)
{
  int left = PQflush(connection->libpq);
  connection->unflushed = left == 1;
  if (left == 0)
    bulk_note_written(&connection->bulk);
  if (left < 0)
    (void)break_with_libpq(connection);
}

static void receive_preparation(struct connection *connection)
{
  while (connection->state == CONNECTION_OPENING && PQisBusy(connection->libpq) == 0) {
    PGresult *result = PQgetResult(connection->libpq);
    enum session_state state = session_take(&connection->session, connection->libpq, result);
    if (state == SESSION_READY)
      connection->state = CONNECTION_READY;
    else if (state == SESSION_SET_UP && !session_prove(connection->libpq))
      (void)break_with_libpq(connection);
    else if (state == SESSION_SET_UP)
      flush(connection);
    else if (state == SESSION_REFUSED)
      break_unprepared(connection, result);
    PQclear(result);
  }
}

/* The oldest job that still waits for its result; NULL when only the commit of its segment is still to come. */
static struct job *unanswered(struct connection *connection)
{
  struct job *job;
  TAILQ_FOREACH(job, &connection->pipeline, link)
  {
    if (job->answered < job_count(job))
      return job;
    if (job->ends_segment)
      break;
  }
  return NULL;
}

static void finish(struct connection *connection, struct job *job, enum lontar_error error, bool again)
{
  PGresult *results[JOB_PARTS_MAX];
  const int others = job->other_count;
  results[0] = TAKE(job->first.result);
  for (int i = 0; i < others; i++)
    results[i + 1] = TAKE(job->others[i].result);
  TAILQ_REMOVE(&connection->pipeline, job, link);
  job->answered = 0;
  job->ends_segment = false;
  job->results = results;
  connection->owner.job_done(connection->owner.owner, connection, job, error, results[job->told], again);
  for (int i = 0; i <= others; i++)
    PQclear(results[i]);
}

static enum lontar_error result_error(const PGresult *result)
{
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
    return LONTAR_OK;
  return verdict_error(result);
}

/* Tells the first of its parts that has not gone well, or the last. Behind a failure nothing is run. */
static bool went_well(struct job *job)
{
  for (job->told = 0;; job->told++) {
    const PGresult *result = job_part(job, job->told)->result;
    if (result == NULL || result_error(result) != LONTAR_OK)
      return false;
    if (job->told == job->other_count)
      return true;
  }
}

static bool is_undone(struct connection *connection)
{
  struct job *job;
  if (connection->commit_error != NULL)
    return true;
  TAILQ_FOREACH(job, &connection->pipeline, link)
  {
    if (!went_well(job))
      return true;
    if (job->ends_segment)
      break;
  }
  return false;
}

/* What the commit said stands for what its only job had found. */
static void give_commit_error(struct connection *connection)
{
  struct job *first = TAILQ_FIRST(&connection->pipeline);
  PGresult *error = TAKE(connection->commit_error);
  if (error == NULL || first == NULL || !first->ends_segment) {
    PQclear(error);
    return;
  }
  struct job_part *last = job_part(first, first->other_count);
  PQclear(last->result);
  last->result = error;
}

/* A write that is committed and may be lost: no success, and not to be sent again. */
static void finish_doubted(struct connection *connection, struct job *job)
{
  forget_results(job);
  finish(connection, job, LONTAR_DEADLINE, false);
}

/* The sync came: the segment up to its mark is committed, or undone as a whole when one of its jobs, or the commit,
 * failed. */
static void finish_segment(struct connection *connection)
{
  bool undone = is_undone(connection);
  bool doubted = connection->commit_doubted && !undone;
  bool last = false;
  struct job *job;
  connection->commit_doubted = false;
  give_commit_error(connection);
  while (!last && (job = TAILQ_FIRST(&connection->pipeline)) != NULL) {
    last = job->ends_segment;
    if (doubted && !job_reads(job)) {
      finish_doubted(connection, job);
      continue;
    }
    const bool well = went_well(job);
    const PGresult *result = job_part(job, job->told)->result;
    const bool failed = !well && result != NULL && PQresultStatus(result) != PGRES_PIPELINE_ABORTED;
    finish(connection, job, failed ? result_error(result) : LONTAR_OK, undone && !failed);
  }
}

/* A read needs no commit; it may go as soon as it is whole, unless it marks its segment's end. */
static bool goes_at_once(struct job *job)
{
  return job->answered == job_count(job) && !job->ends_segment && job_reads(job) && went_well(job);
}

/* What was sent ahead of a statement is answered before it, and is its answer where it was refused: behind that all is
 * skipped. */
static void take_answer(struct connection *connection, struct job_part *part, PGresult *result)
{
  const bool skipped = PQresultStatus(result) == PGRES_PIPELINE_ABORTED;
  const bool good = !skipped && !is_failure(PQresultStatus(result));
  session_answered(&connection->session, part, good);
  if ((part->expects > 0 && good) || (skipped && part->result != NULL)) {
    PQclear(result);
    return;
  }
  PQclear(part->result);
  part->result = result;
  bulk_note_rows(&connection->bulk, result);
}

static void receive_result(struct connection *connection, PGresult *result)
{
  struct job *job = unanswered(connection);
  if (verdict_ends_session(result)) {
    note_dismissal(connection, result);
    (void)break_with(connection, LONTAR_UNAVAILABLE, PQresultErrorMessage(result));
    PQclear(result);
  } else if (job != NULL) {
    take_answer(connection, job_part(job, job->answered), result);
  } else if (is_failure(PQresultStatus(result)) && connection->commit_error == NULL) {
    connection->commit_error = result;
  } else {
    PQclear(result);
  }
}

static void end_of_result(struct connection *connection)
{
  struct job *job = unanswered(connection);
  struct job_part *part = job != NULL ? job_part(job, job->answered) : NULL;
  if (part == NULL || part->result == NULL || part->expects > 0)
    return;
  job->answered++;
  if (goes_at_once(job))
    finish(connection, job, LONTAR_OK, false);
}

/* libpq says NULL behind each statement. Twice in a row it knows of no more: all of an open segment was answered, as by
 * an error, which the server sends at once, and the segment's sync is still to be sent. */
static void receive(struct connection *connection)
{
  bool ended = false;
  while (connection->state == CONNECTION_READY && !TAILQ_EMPTY(&connection->pipeline) &&
         PQisBusy(connection->libpq) == 0) {
    PGresult *result = PQgetResult(connection->libpq);
    if (result == NULL && ended)
      break;
    ended = result == NULL;
    if (result == NULL) {
      end_of_result(connection);
    } else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
      PQclear(result);
      finish_segment(connection);
    } else {
      receive_result(connection, result);
    }
    if (PQstatus(connection->libpq) == CONNECTION_BAD)
      (void)break_with_libpq(connection);
  }
}

/* Notices, parameter changes and a shutdown's FATAL arrive without a query. */
static void receive_unasked(struct connection *connection)
{
  if (PQisBusy(connection->libpq) == 0 && PQstatus(connection->libpq) == CONNECTION_BAD)
    (void)break_with_libpq(connection);
}

enum connection_state connection_step(struct connection *connection)
{
  if (connection->state == CONNECTION_BROKEN)
    return connection->state;
  if (connection->dial != NULL) {
    follow_dial(connection, dial_step(connection->dial));
    return connection->state;
  }
  bool alive = PQconsumeInput(connection->libpq) == 1;
  if (connection->unflushed && alive)
    flush(connection);
  if (connection->state == CONNECTION_OPENING)
    receive_preparation(connection);
  else if (TAILQ_EMPTY(&connection->pipeline))
    receive_unasked(connection);
  else
    receive(connection);
  if (!alive)
    (void)break_with_libpq(connection);
  return connection->state;
}

/* PostgreSQL keeps answers back until the segment's end, so a dear read has one of its own: what came before it does
 * not wait for it, and its own answer not for others. How a statement is planned is said for a segment, too. */
static bool goes_apart(const struct connection *connection, const struct job *job)
{
  const enum statement_kind kind = job_kind(job);
  return kind == DEAR || kind == BULKY ||
         session_plans(&connection->session, job->first.statement, &job->first.parameters);
}

bool connection_send(struct connection *connection, struct job *job)
{
  const bool apart = goes_apart(connection, job);
  if (connection->state != CONNECTION_READY || (apart && !connection_sync(connection)))
    return false;
  job->told = 0;
  for (int i = 0; i < job_count(job); i++) {
    struct job_part *part = job_part(job, i);
    if (statement_rows[part->statement].kind == APPENDS) /* no others have long texts */
      bulk_note_statement(&connection->bulk, &part->parameters);
    if (!session_send(&connection->session, connection->libpq, part))
      return break_with_libpq(connection);
  }
  TAILQ_INSERT_TAIL(&connection->pipeline, job, link);
  connection->unsynced = true;
  if (apart)
    (void)connection_sync(connection);
  return true;
}

bool connection_sync(struct connection *connection)
{
  struct job *last = TAILQ_LAST(&connection->pipeline, job_list);
  if (connection->state != CONNECTION_READY || !connection->unsynced || last == NULL)
    return connection->state == CONNECTION_READY;
  last->ends_segment = true;
  connection->unsynced = false;
  connection->session.fresh = 0;
  if (PQpipelineSync(connection->libpq) != 1)
    return break_with_libpq(connection);
  flush(connection);
  return connection->state == CONNECTION_READY;
}
