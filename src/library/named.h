/*
 * Named parameters: SQL with %(name)s becomes SQL with $1, $2, …, and %% a percent sign.
 *
 * Quoted strings (E'' too), quoted identifiers, dollar quotes and comments (nested ones too) are copied as they are.
 * Pure, thread-safe.
 */
#ifndef LIBRARY_NAMED_H
#define LIBRARY_NAMED_H

#include <stddef.h>

#include "base/buffer.h"

enum { NAMED_MAX = 1000, NAMED_SQL_MAX = 64 << 20 };

/* A name, borrowed from the SQL that was translated. */
struct named_name {
  const char *text;
  size_t length;
};

/* A translated statement. The name at index i belongs to $(i + 1); each name is there once. */
struct named {
  struct buffer sql; /* ends with a NUL */
  struct named_name *names;
  size_t count;
};

/* Returns NULL when it is done, else one static sentence that says what is wrong. named_free is due in both cases. */
const char *named_translate(const char *sql, struct named *ret_named);

void named_free(struct named *named);

#endif
