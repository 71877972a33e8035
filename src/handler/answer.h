/* How an operation ended, as the answer of its exchange. */
#ifndef HANDLER_ANSWER_H
#define HANDLER_ANSWER_H

#include <libpq-fe.h>
#include <stdbool.h>

struct exchange;

/* How the operation ended; `rows` are those that it was told last. False: it goes on after all. */
bool answer(struct exchange *exchange, const PGresult *rows);

#endif
