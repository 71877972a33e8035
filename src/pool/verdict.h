/*
 * What the server's no to a statement of the repository means: whose fault it is, which of the caller's fields it
 * concerns, what the operator can do. Pure, thread-safe.
 */
#ifndef POOL_VERDICT_H
#define POOL_VERDICT_H

#include <libpq-fe.h>
#include <stdbool.h>

#include <lontar/error.h>

#include "repo/statement.h"

enum { VERDICT_FIELDS_MAX = 8 };

/* What was asked. A row that the daemon completes (a hash, a login's session) holds columns nobody outside gave. */
struct asked {
  enum statement statement;
  const struct values *values; /* as they were bound */
  field_set given;             /* what the caller can give: path, query and body, or the library's input */
};

struct verdict {
  enum lontar_error error;
  enum field fields[VERDICT_FIELDS_MAX + 1]; /* the caller's, ends with FIELD_none */
  const char *message;                       /* what is wrong with each of these; static */
  char detail[160];                          /* one sentence for the public, "" for none; no value is in it */
  char remedy[320];                          /* what the operator can do, "" for nothing in particular */
};

/* The error of a result that is one, whatever was asked: what the pool has to know. */
enum lontar_error verdict_error(const PGresult *result);

/* The same for SQL that is not the repository's. */
enum lontar_error verdict_of_sql(const PGresult *result);

/* True when the server ended the session with this result: it stays silent from now on. */
bool verdict_ends_session(const PGresult *result);

/* False when the error came out of a function: somebody's trigger, or what a foreign key does by itself. */
bool verdict_is_direct(const PGresult *result);

/* Judges a result that is an error. */
void verdict_reach(const struct asked *asked, const PGresult *result, struct verdict *ret_verdict);

#endif
