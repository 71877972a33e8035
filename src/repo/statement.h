/* The prepared statements, once for the workers and the library: the rows of statements.def. Thread-safe, no I/O. */
#ifndef REPO_STATEMENT_H
#define REPO_STATEMENT_H

#include <stdbool.h>

#include "repo/fields.h"

enum statement {
  STATEMENT_none,
#define STATEMENT(name, ...) STATEMENT_##name,
#include "repo/statements.def"
#undef STATEMENT
  STATEMENT_COUNT
};

enum {
  STATEMENT_FIELDS_MAX = 12,
  STATEMENT_LIST_FILTERS = 3, /* where the filters of a list by ids begin among its parameters */
};

/* Where records are large a page ends before its limit: with the one whose JSON would go beyond, unless it is the
 * first. */
#define PAGE_BYTES 8388608
#define PAGE_BYTES_TEXT "8388608"

/* Rows of a part of a deletion (operation/deletion.c), which is also what goes with its record in one statement. Both
 * take about 5 ms; a changed row is written anew, with an entry in each index. */
#define PART_DELETED 1000
#define PART_DELETED_TEXT "1000"
#define PART_CHANGED 400
#define PART_CHANGED_TEXT "400"

/*
 * READS changes nothing, so it may be sent again or to a standby; of DEAR reads, which may look at many rows, few run
 * at once, and of BULKY ones, which may bring megabytes, one on a connection. WRITES must never be sent twice. APPENDS
 * is a write that is short and touches no row of others, so that several may share one commit.
 */
enum statement_kind { READS, DEAR, BULKY, WRITES, APPENDS };

struct statement_row {
  const char *name;
  enum statement_kind kind;
  enum field parameters[STATEMENT_FIELDS_MAX + 1]; /* $1, $2, … ; ends with FIELD_none */
  enum field columns[STATEMENT_FIELDS_MAX + 1];    /* of the result, in order */
  const char *sql;
};

extern const struct statement_row statement_rows[STATEMENT_COUNT];

static inline bool statement_reads(enum statement statement)
{
  return statement_rows[statement].kind <= BULKY;
}

/* Number of entries before FIELD_none. */
int statement_field_count(const enum field *fields);

/* Place of a field among a statement's columns, -1 when it is none. */
int statement_column(enum statement statement, enum field field);

/* Whether a field is among a statement's parameters. */
bool statement_takes(enum statement statement, enum field field);

/* The statement that reads a record by its id. `resource` is its name, also with more behind an underscore, as in the
 * name of a statement or field. STATEMENT_none where there is none. */
enum statement statement_get(const char *resource);

/* By the order of the table: the same list from its other end; and the same page with the long texts that a list of
 * chats leaves out, STATEMENT_none for a list that leaves nothing out, and for other statements. */
static inline enum statement statement_before(enum statement list)
{
  return (enum statement)(list + 1);
}
enum statement statement_long(enum statement list);

/* Whether it begins with INSERT and so gives back what it inserts: without a row, a trigger or a rule has kept it out.
 */
bool statement_inserts(enum statement statement);

/*
 * Parameters of one execution in PostgreSQL's binary format (text as it is), ready for PQsendQueryPrepared.
 * Texts are borrowed from the values, numbers lie in `numbers`: neither may go before the statement is sent.
 * An absent value is sent as NULL.
 */
struct statement_parameters {
  int count;
  const char *values[STATEMENT_FIELDS_MAX];
  int lengths[STATEMENT_FIELDS_MAX];
  int formats[STATEMENT_FIELDS_MAX];
  unsigned char numbers[STATEMENT_FIELDS_MAX][8];
};

void statement_bind(enum statement statement, const struct values *values, struct statement_parameters *ret_parameters);

/* PostgreSQL's type numbers of a statement's parameters, for PQsendPrepare; `types` has STATEMENT_FIELDS_MAX places. */
int statement_types(enum statement statement, unsigned *types);

/* Reads one binary result column of the field's type; `data` is NULL for SQL's NULL. Text is borrowed from `data`.
 * False when the bytes are not of that type. */
bool statement_read(enum field field, const char *data, int length, struct value *ret_value);

#endif
