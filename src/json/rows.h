/*
 * Rows of a binary PGresult: as JSON, straight into the buffer, and as values.
 *
 * The columns are those of the statement's row in statements.def. What is secret is never written. Not thread-safe for
 * one buffer.
 */
#ifndef JSON_ROWS_H
#define JSON_ROWS_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "repo/statement.h"

/* {"id":1,…} of one row, or its members without the braces. False when the result does not have the statement's
 * columns: a fault of ours; the buffer then holds a part of the record. */
bool rows_write_record(struct buffer *buffer, const PGresult *result, int row, enum statement statement);
bool rows_write_members(struct buffer *buffer, const PGresult *result, int row, enum statement statement);

/* How many of the result's first `count` rows go on a page: their JSON stays below PAGE_BYTES, or is a single record's.
 */
int rows_fit(const PGresult *result, enum statement statement, int count);

enum rows_outcome {
  ROWS_WRITTEN,
  ROWS_LEFT_OUT,   /* the same, but a text that every record has was NULL */
  ROWS_UNREADABLE, /* as above */
};

/* […] of the first `count` rows, the last one first when `backwards`. */
enum rows_outcome rows_write_items(struct buffer *buffer, const PGresult *result, enum statement statement, int count,
                                   bool backwards);

/* Reads one column of one row, or all of a row that exists. Texts borrow from the result. False when the statement or
 * the result does not have them. */
bool rows_value(const PGresult *result, int row, enum statement statement, enum field field, struct value *ret_value);
bool rows_values(const PGresult *result, int row, enum statement statement, struct values *ret_values);

#endif
