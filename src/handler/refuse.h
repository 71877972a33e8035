/* Answers that are errors: RFC 9457 documents with the headers their status asks for. Each replaces what was written.
 */
#ifndef HANDLER_REFUSE_H
#define HANDLER_REFUSE_H

#include <libpq-fe.h>

#include <lontar/error.h>

#include "repo/statement.h"

struct exchange;

void refuse(struct exchange *exchange, enum lontar_error error);

/* With a sentence of its own. */
void refuse_because(struct exchange *exchange, enum lontar_error error, const char *detail);

/* With what is wrong by field, or why it cannot be read, by the exchange's own problems. */
void refuse_input(struct exchange *exchange, enum lontar_error error);

/* There is no memory to hash a password. */
void refuse_memory(struct exchange *exchange);

/* What the pool says about a statement; `result` is the server's answer, or NULL where it gave none. */
void refuse_database(struct exchange *exchange, enum statement statement, enum lontar_error error,
                     const PGresult *result);

/* 500, with a sentence for the log that says what is wrong and what can be done about it. */
void refuse_internal(struct exchange *exchange, const char *reason);

#endif
