/* Answers that are no errors, written into the exchange's response. */
#ifndef HANDLER_ANSWER_H
#define HANDLER_ANSWER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "repo/fields.h"

#define ANSWER_JSON "application/json"

/* What the log says of a result that cannot be read. */
#define ANSWER_UNREADABLE "the result is not what the statement promises: has a column another type?"

/* And of a write that left the record as it is. */
#define ANSWER_KEPT "the record is there, but a trigger or rule of its table keeps it from being changed"

struct exchange;

/* Begins an answer with a body; what was written before is dropped. */
void answer_begin(struct exchange *exchange, int status, const char *content_type);

/* The first row of the operation's result. Without one 404, or 500 when a write left a record as it is. */
void answer_record(struct exchange *exchange, const PGresult *result);

/* For a write that gave no row: it found no record (404), or was kept from it (500), since a trigger may return NULL.
 */
void answer_nothing(struct exchange *exchange);

/* 201 with the record; Location names it below the route's path. */
void answer_created(struct exchange *exchange, const PGresult *result);

/* 201 with the record, for those that have no path of their own: Location names the list of its user, "chats" or
 * "sessions". */
void answer_created_for_user(struct exchange *exchange, const PGresult *result, const char *list);

/* {"items", "next"}: at most `limit` rows, as many as a page holds, in the order of the list whichever way they came.
 * False when the statement left long texts out. */
bool answer_list(struct exchange *exchange, const PGresult *result);

void answer_count(struct exchange *exchange, int64_t count);
void answer_deleted(struct exchange *exchange, int64_t deleted, bool more);

/* 204. */
void answer_gone(struct exchange *exchange);

/* The integer in that column of the first row; answers 500 and returns false when there is none. */
bool answer_integer(struct exchange *exchange, const PGresult *result, enum field field, int64_t *ret_number);

#endif
