/*
 * One libpq connection, non-blocking, in pipeline mode, that executes the statements of the repository.
 *
 * The owner watches connection_fd for connection_wants and calls connection_step when it is ready. Jobs are sent into
 * an open segment; connection_sync closes the segment, which is one transaction. A read is answered as soon as its
 * rows are there, a write only when its segment is committed. When one job of a segment fails, its transaction is
 * rolled back: the others come back with `again`, none of their effects remains. What fails at the commit is the error
 * of a segment's only job; of several, none can be blamed, and all come back.
 * Not thread-safe; makes no calls that block.
 */
#ifndef POOL_CONNECTION_H
#define POOL_CONNECTION_H

#include <libpq-fe.h>
#include <stdbool.h>

#include <lontar/error.h>

#include "pool/dial.h"
#include "pool/job.h"
#include "pool/sqlstate.h"
#include "repo/statement.h"

struct connection;

enum connection_wants { CONNECTION_READ = 1, CONNECTION_WRITE = 2 };

enum connection_state { CONNECTION_OPENING, CONNECTION_READY, CONNECTION_BROKEN };

/* What a connection tells its owner. `again`: undone by another job's failure in the same segment, to be sent anew. */
struct connection_owner {
  void (*job_done)(void *owner, struct connection *connection, struct job *job, enum lontar_error error,
                   const PGresult *result, bool again);
  /* From the loop while it is opening: state, descriptor or direction may be others now. The owner may free it. */
  void (*moved)(void *owner);
  void *owner;
};

struct connection_settings {
  struct dialer *dialer;
  const char *application_name; /* kept by the caller as long as the connection */
  int64_t connect_timeout;      /* microseconds, for finding a server that lets us in */
  int64_t statement_timeout;    /* microseconds; PostgreSQL's own limit */
  bool prepared_statements;     /* false behind a pooler: see session.h */
};

/* Begins to connect; NULL when there is no memory. */
struct connection *connection_open(const struct connection_settings *settings, const struct connection_owner *owner);

/* Says goodbye and frees; the owner takes its jobs first. False when the server's end of the session was seen. Else
 * `ret_fd` is the caller's, and ends with the session; -1 when no descriptor is to be had. */
bool connection_part(struct connection *connection, int *ret_fd);

/* Closes at once and forgets its jobs: the owner takes them with connection_take_jobs first. NULL is fine. */
void connection_free(struct connection *connection);

/* Does what can be done now; call it when the descriptor is ready. Its descriptor may be another one afterwards while
 * it is opening. */
enum connection_state connection_step(struct connection *connection);

enum connection_state connection_state(const struct connection *connection);

/* -1 while there is none, since host names are being looked up. */
int connection_fd(const struct connection *connection);
int connection_wants(const struct connection *connection);

/* Sends a job into the open segment, or a dear read and one that is planned for itself in a segment of its own. False
 * when the connection broke; the job is then not in its pipeline. */
bool connection_send(struct connection *connection, struct job *job);

/* Closes the open segment, if any, and writes what the socket takes. False when the connection broke. */
bool connection_sync(struct connection *connection);

/* The statement is sent as text from now on. False when it was already: none was prepared. */
bool connection_forget(struct connection *connection, enum statement statement);

/* True when the server behind is not the one that speaks to us: a pooler between hands sessions out. */
bool connection_is_pooled(const struct connection *connection);

/* Bytes that libpq's buffers have grown for; 0 while they are of common size. */
size_t connection_bulk(const struct connection *connection);

/* The oldest job that is not answered, NULL when there is none. */
struct job *connection_oldest(const struct connection *connection);

/* The server's process; 0 while there is none, and behind a pooler, where it may be another for each segment. */
int connection_backend(const struct connection *connection);

/* Puts another job into the pipeline in place of one, which is as it was before it was sent. */
void connection_replace(struct connection *connection, struct job *job, struct job *other);

/* Moves the jobs that are not answered, oldest first, to the end of `jobs`. Their results so far are dropped. */
void connection_take_jobs(struct connection *connection, struct job_list *jobs);

/* How it was ended: SQLSTATE_SERVER by an administrator, so that no statement is to blame; SQLSTATE_ENDED because it
 * had been idle for too long, so that no statement of which nothing was heard has run; SQLSTATE_GOOD when nothing is
 * known. */
enum sqlstate_session connection_dismissal(const struct connection *connection);

/* The SQLSTATE with which the server refused what begins a session, "" when it has not. */
const char *connection_refusal(const struct connection *connection);

/* Why it broke: our error, and a text for the log (no host, no password). */
enum lontar_error connection_error(const struct connection *connection);
const char *connection_message(const struct connection *connection);

#endif
