/*
 * What a session is told: its settings before its first job, and each statement when it is first sent, so that it can
 * be sent by its name from then on. Owns no connection and makes no call that blocks.
 */
#ifndef POOL_SESSION_H
#define POOL_SESSION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "pool/job.h"

enum session_state {
  SESSION_PREPARING,
  SESSION_SET_UP, /* it has its settings, through a pooler: session_prove is next */
  SESSION_READY,
  SESSION_REFUSED
};

/* Behind a pooler that gives each transaction another server no statement can be prepared. */
#define SESSION_POOLER_REMEDY                                                                                          \
  "database_url leads through a pooler that gives each transaction another server: set prepared_statements = off"

enum session_knows {
  SESSION_UNKNOWN,
  SESSION_LEARNS, /* it was told, and has not answered: sent as text meanwhile, by its name in the same segment */
  SESSION_KNOWS,
  SESSION_FORGETS /* the schema changed under it: sent as text from then on */
};

struct session {
  bool pooled;                          /* nothing that is told to it lasts beyond a segment */
  bool set_up;                          /* the settings were answered */
  unsigned char knows[STATEMENT_COUNT]; /* enum session_knows */
  uint64_t fresh;                       /* bits of the statements that were told in the open segment */
  int backend;                          /* the server's process, 0 when that is not known */
};

/* Sends the settings on a connection in pipeline mode. False when libpq could not. */
bool session_begin(struct session *session, PGconn *libpq, int64_t statement_timeout);

/* The same for a session behind a pooler that gives each transaction another server: it gets no settings, and only
 * shows that there is a server. */
bool session_begin_pooled(struct session *session, PGconn *libpq);

/* Prepares a statement whose name another session may have left behind, once session_take has said SESSION_SET_UP and
 * not before: a pooler may hand the server on with the first segment's end, and what it had passed on of the next one
 * would be lost in the middle of a message. False when libpq could not. */
bool session_prove(PGconn *libpq);

/* Takes a result of what was sent, or the NULL behind it. SESSION_REFUSED: for the result's reason. */
enum session_state session_take(struct session *session, const PGconn *libpq, const PGresult *result);

/* After SESSION_REFUSED with this SQLSTATE: what to do, behind a blank and in brackets, or "". */
const char *session_remedy(const struct session *session, const char *sqlstate);

/* Whether a plan of its own is worth more to this execution than the one for all parameters: a filter of a list by ids
 * was given, which is NULL for none; whose list it is, is always there. Behind a pooler nothing is said of plans, and
 * what is sent as text is planned anew. */
static inline bool session_plans(const struct session *session, enum statement statement,
                                 const struct statement_parameters *parameters)
{
  const enum field *fields = statement_rows[statement].parameters;
  for (int i = STATEMENT_LIST_FILTERS; fields[0] == FIELD_cursor_id && i < parameters->count; i++)
    if (parameters->values[i] != NULL && fields[i] != FIELD_user_id)
      return !session->pooled;
  return false;
}

/* Sends a statement; its result is binary. What goes ahead of it is answered before: that it is planned for itself, and
 * that it is prepared. False when libpq could not. */
bool session_send(struct session *session, PGconn *libpq, struct job_part *part);

/* One of the answers that the part expects has come, a good one or not. What was learned stays known, whatever becomes
 * of its segment. */
void session_answered(struct session *session, struct job_part *part, bool good);

#endif
