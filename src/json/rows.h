/*
 * Rows of a binary PGresult as JSON, straight into the buffer, without values between.
 *
 * The columns are those of the statement's row in statements.def. Hashes are never written. Not thread-safe for one
 * buffer.
 */
#ifndef JSON_ROWS_H
#define JSON_ROWS_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "repo/statement.h"

/* {"id":1,…} of one row. False when the result does not have the statement's columns: a fault of ours; the buffer then
 * holds a part of the record. */
bool rows_write_record(struct buffer *buffer, const PGresult *result, int row, enum statement statement);

/* How many of the result's first `count` rows go on a page: their JSON stays below PAGE_BYTES, or is a single record's.
 */
int rows_fit(const PGresult *result, enum statement statement, int count);

enum rows_outcome {
  ROWS_WRITTEN,
  ROWS_LEFT_OUT,   /* the same, but a text that every record has was NULL */
  ROWS_UNREADABLE, /* as above */
};

/* […] of `count` rows from `first` on, the last one first when `backwards`. */
enum rows_outcome rows_write_items(struct buffer *buffer, const PGresult *result, enum statement statement, int first,
                                   int count, bool backwards);

#endif
