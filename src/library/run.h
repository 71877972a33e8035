/* Statements of the repository on a database. Thread-safe. */
#ifndef LIBRARY_RUN_H
#define LIBRARY_RUN_H

#include "library/database.h"
#include "repo/statement.h"

/* Runs a statement with what may be repeated of its kind. The caller clears the result, which is binary. */
enum lontar_error run_statement(struct lontar_database *database, enum statement statement, const struct values *values,
                                PGresult **ret_result, struct lontar_failure *failure);

/* The value of a column in a row; VALUE_NULL when it is NULL or no such column. Texts borrow from the result. */
struct value run_column(enum statement statement, const PGresult *result, int row, enum field field);

#endif
