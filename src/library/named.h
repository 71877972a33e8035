/*
 * Named parameters: SQL with %(name)s becomes SQL with $1, $2, …, and %% a percent sign. And what its words say that
 * the pool must know before it is sent.
 *
 * Quoted strings (E'' too), quoted identifiers, dollar quotes and comments (nested ones too) are copied as they are.
 * Pure, thread-safe.
 */
#ifndef LIBRARY_NAMED_H
#define LIBRARY_NAMED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum { NAMED_MAX = 1000, NAMED_SQL_MAX = 64 << 20 };

/* A name, borrowed from the SQL that was translated. */
struct named_name {
  const char *text;
  size_t length;
};

enum named_kind {
  NAMED_NOTHING,   /* comments, white space and semicolons */
  NAMED_PLAIN,     /* what is none of the others */
  NAMED_CONTROL,   /* begins or ends a transaction */
  NAMED_SAVEPOINT, /* only within a transaction: SAVEPOINT, RELEASE, ROLLBACK TO */
  NAMED_SESSION,   /* leaves something in the session: SET, LISTEN, PREPARE, a temporary table */
  NAMED_COPY,      /* COPY by way of the client */
};

enum { NAMED_WORDS = 5 };

/* A translated statement. The name at index i belongs to $(i + 1); each name is there once. */
struct named {
  enum named_kind kind;
  const char *words[NAMED_WORDS]; /* the first ones, for kind; NULL behind the last */
  bool copies;                    /* has the word STDIN or STDOUT */
  struct buffer sql;              /* ends with a NUL */
  struct named_name *names;
  size_t count;
};

/* Returns NULL when it is done, else one static sentence that says what is wrong with the statement, or
 * named_no_memory. named_free is due in all cases. */
extern const char named_no_memory[];
const char *named_translate(const char *sql, struct named *ret_named);

void named_free(struct named *named);

#endif
