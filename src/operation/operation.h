/*
 * What can be done with users, sessions, chats, subjects and books: a row each, and one way from values to an answer.
 *
 * Like pool/policy it only decides: it says what is to be done next and is told how that went; time is passed in. Who
 * drives it may wait in a loop (handler/work) or block (library/repository). No I/O; a PGresult is only read.
 * Source: operations.def. Thread-safe for different operations.
 */
#ifndef OPERATION_OPERATION_H
#define OPERATION_OPERATION_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include <lontar/error.h>

#include "authorize/password.h"
#include "authorize/token.h"
#include "base/buffer.h"
#include "json/rows.h"
#include "repo/problems.h"
#include "repo/statement.h"

enum operation_number {
  OPERATION_none,
#define OPERATION(name, ...) OPERATION_##name,
#include "operation/operations.def"
#undef OPERATION
  OPERATION_COUNT
};

enum operation_shape {
  SHAPE_RECORD,  /* {"id", …}; LONTAR_NOT_FOUND without a row */
  SHAPE_CHANGE,  /* the same, after at least one of the optional inputs was written into the record */
  SHAPE_SESSION, /* {"token", "id", …}: the record with its token, which is not to be had again */
  SHAPE_LOGIN,   /* {"token", "expires_at", "user": {"id", …}} */
  SHAPE_LIST,    /* {"items": […], "next": cursor or null} */
  SHAPE_COUNT,   /* {"count"} */
  SHAPE_GONE,    /* {"id"} of the record that is gone; LONTAR_NOT_FOUND where there was none */
  SHAPE_DELETED, /* how many are gone; with "more" where some are left, also of a record that is not gone yet */
};

enum operation_want {
  WANT_NOTHING, /* it has ended */
  WANT_ROWS,    /* of `statement`, bound from `values`: operation_told_rows */
  WANT_HASH,    /* of the password among the values: operation_told_hash */
  WANT_VERDICT, /* on that password and `stored`, NULL for an unknown user; a new hash where the old one is dated */
};

/* What the public is told when a password could not be hashed. */
#define OPERATION_NO_MEMORY "There is no memory to check a password now"

/* A reason: what a result is that cannot be read. */
#define OPERATION_UNREADABLE "the result is not what the statement promises: has a column another type?"

enum { OPERATION_STORED_SIZE = 256, OPERATION_CHANGES_SIZE = 512, OPERATION_DETAIL_SIZE = 128 };

struct operation;
struct deletion_plan;

/* How far a deletion is: deletion.c's. */
struct deletion {
  const struct deletion_plan *plan;
  int part;       /* which of the plan's is under way */
  bool was_there; /* the record, when it was looked for */
  bool was_kept;  /* nothing came of its deletion as a whole */
  int64_t before; /* rows that had gone in parts when the record was tried last; -1: it was not */
};

typedef void operation_step(struct operation *operation, const PGresult *rows);

struct operation_row {
  const char *name;
  enum operation_shape shape;
  field_set must;
  field_set may;
  enum field owner;
  enum statement statement;
  operation_step *first;
};

extern const struct operation_row operation_rows[OPERATION_COUNT];

/* One execution. Begins zeroed, does not move: values point into it. */
struct operation {
  /* The driver's, before operation_prepare. */
  const struct operation_row *row;
  struct values values;     /* what was given; the rest is added */
  int64_t until;            /* steady: a deletion in parts ends here, and is called again */
  int64_t session_hours;    /* life of a session of which nobody says how long it lives */
  int64_t caller;           /* the user who asks, and so is known to exist; 0: nobody, or not known yet */
  const char *caller_token; /* hash of the token of the session in which that user asks; NULL: none */

  /* What is to be done now. */
  enum operation_want want;
  enum statement statement;
  const char *stored;

  /* The end. */
  enum lontar_error error;
  bool by_server;                     /* the error is the last statement's own: what the server said tells more */
  const char *reason;                 /* of an error, for the operator; NULL for none */
  char detail[OPERATION_DETAIL_SIZE]; /* of an error, a sentence for the public; "" for none */
  int count;                          /* items of a list, in the rows told last */
  bool backwards;                     /* these rows are in the opposite order */
  bool more;                          /* another page follows; a deletion is not done */
  int64_t number;                     /* of a count or a deletion */
  PGresult *kept;                     /* the record, where rows were told after it */

  /* Private from here. */
  enum statement record; /* whose columns the record has */
  operation_step *next;
  operation_step *otherwise; /* what follows when a statement fails; NULL: that is the end */
  int64_t now;
  enum password_verdict verdict;
  bool checked_again; /* a password was changed while it was checked, once */
  struct deletion deletion;
  char token[TOKEN_SIZE];
  char token_hash[TOKEN_HASH_SIZE];
  char hash[PASSWORD_HASH_SIZE];
  char stored_hash[OPERATION_STORED_SIZE];
  char changes[OPERATION_CHANGES_SIZE];
};

/* The row of that name; OPERATION_none where there is none. */
enum operation_number operation_find(const char *name);

/* Every field that an input may give. */
static inline field_set operation_inputs(const struct operation_row *row)
{
  return row->must | row->may;
}

/* Checks what was given as a whole (prepare.c), and adds what was left to default. `problems` has what is wrong with
 * single values and gets the rest. LONTAR_OK, LONTAR_INVALID, or LONTAR_MALFORMED when nothing but a cursor is wrong:
 * one of another list is found here, one that is none by field_check. */
enum lontar_error operation_prepare(struct operation *operation, struct problems *problems);

/* Says what is wanted first. */
void operation_begin(struct operation *operation);

/* What a statement came to; `rows` may be NULL after an error, and are read during this call and by operation_write. */
void operation_told_rows(struct operation *operation, enum lontar_error error, const PGresult *rows, int64_t now);

/* What the password came to; LONTAR_BUSY when there was no memory. `hash` is the new one, "" for none. */
void operation_told_hash(struct operation *operation, enum lontar_error error, enum password_verdict verdict,
                         const char *hash);

/* Writes the answer of one that went well (write.c), as enum operation_shape shows it at every door. `rows` are those
 * that were told last, and used where nothing is `kept`; `deleted` is the door's name for the number of a deletion.
 * After anything but ROWS_WRITTEN the buffer holds a part. ROWS_LEFT_OUT: of a list, operation_ask_whole goes on. */
enum rows_outcome operation_write(const struct operation *operation, const PGresult *rows, const char *deleted,
                                  struct buffer *buffer);

/* Wants the same page with the long texts that were left out. */
void operation_ask_whole(struct operation *operation);

/* Wipes and frees what it holds. */
void operation_clear(struct operation *operation);

#endif
