/* Results as json-c objects. Thread-safe. */
#ifndef LIBRARY_ROWS_H
#define LIBRARY_ROWS_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "repo/statement.h"

struct json_object;

/* One row of a text result; numbers, booleans and JSON keep their type. NULL without memory. */
struct json_object *row_from_text(const PGresult *result, int row);

/* One row of a statement of the repository, whose result is binary. NULL when it cannot be read, or without memory. */
struct json_object *row_from_statement(enum statement statement, const PGresult *result, int row);

/* Adds to an object; takes the value over, also on failure. */
bool row_add(struct json_object *object, const char *name, struct json_object *value);

#endif
