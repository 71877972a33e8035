/* What a route does once its caller may: a statement of its row, or a handler of its own. */
#ifndef HANDLER_OPERATION_H
#define HANDLER_OPERATION_H

#include <libpq-fe.h>

#include "repo/statement.h"

struct exchange;

/* Begins it: the exchange gets an answer now or in a later step. Input is read and good. */
void operation_begin(struct exchange *exchange);

/* Step: answers a statement's result as the row says. */
void operation_answer(struct exchange *exchange, const PGresult *result);

/* Deletes by a statement and those that follow it (repo/deletion.h), and answers as the row says. */
void operation_delete(struct exchange *exchange, enum statement statement);

/* The handlers of routes whose row names no statement. */
void auth_login(struct exchange *exchange);
void auth_session_get(struct exchange *exchange);
void auth_logout(struct exchange *exchange);
void users_create(struct exchange *exchange);
void users_update(struct exchange *exchange);
void users_verify(struct exchange *exchange);
void sessions_create(struct exchange *exchange);
void chats_create(struct exchange *exchange);
void health_all(struct exchange *exchange);
void health_live(struct exchange *exchange);
void health_ready(struct exchange *exchange);
void health_metrics(struct exchange *exchange);

#endif
