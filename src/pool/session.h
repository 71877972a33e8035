/*
 * What a new session is told before its first job: settings, then every statement, so that a schema which was not
 * migrated is found at once. Owns no connection and makes no call that blocks.
 */
#ifndef POOL_SESSION_H
#define POOL_SESSION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "repo/statement.h"

enum session_state {
  SESSION_PREPARING,
  SESSION_SET_UP, /* it has its settings: session_prepare is next */
  SESSION_READY,
  SESSION_REFUSED
};

/* Behind a pooler that gives each transaction another server no statement can be prepared. */
#define SESSION_POOLER_REMEDY                                                                                          \
  "database_url leads through a pooler that gives each transaction another server: set prepared_statements = off"

struct session {
  bool pooled;                    /* nothing that is told to it lasts beyond a segment */
  bool prepared[STATEMENT_COUNT]; /* these are known by name; the others are sent as text */
  int backend;                    /* the server's process, 0 when that is not known */
  int answered;                   /* number of the command that is answered next; statements have their own number */
};

/* Sends the settings on a connection in pipeline mode. False when libpq could not. */
bool session_begin(struct session *session, PGconn *libpq, int64_t statement_timeout);

/* The same for a session behind a pooler that gives each transaction another server: it gets no settings, and prepares
 * every statement only to see that it can. */
bool session_begin_pooled(struct session *session, PGconn *libpq);

/* Sends the statements, once session_take has said SESSION_SET_UP and not before: a pooler may hand the server on with
 * the first segment's end, and what it had passed on of the next one would be lost in the middle of a message. False
 * when libpq could not. */
bool session_prepare(PGconn *libpq);

/* Takes a result of what was sent, or the NULL behind it. SESSION_REFUSED: for the result's reason. */
enum session_state session_take(struct session *session, const PGresult *result);

/* After SESSION_REFUSED with this SQLSTATE: what to do, behind a blank and in brackets, or "". */
const char *session_remedy(const struct session *session, const char *sqlstate);

/* Sends a statement; its result is binary. False when libpq could not. */
bool session_send(const struct session *session, PGconn *libpq, enum statement statement,
                  const struct statement_parameters *parameters);

#endif
