/*
 * Deletions that may be too much for one statement: which statement follows which, for both doors.
 *
 * A record with little that belongs to it goes in one statement. Else the database is asked first whether it may go at
 * all; then what belongs to it goes in parts, each short enough to hold nobody up, and the record at last. Whoever
 * stops between two parts leaves a record that has less, and may begin again. Pure, thread-safe for different ones.
 */
#ifndef REPO_DELETION_H
#define REPO_DELETION_H

#include "repo/statement.h"

struct deletion_plan;

struct deletion {
  const struct deletion_plan *plan;
  enum statement statement; /* to be run next */
  int part;                 /* which of the plan's that is */
  bool was_there;           /* the record, when it was looked for */
  bool was_kept;            /* nothing came of its deletion as a whole */
  int64_t deleted;          /* rows that went in parts */
  int64_t deleted_before;   /* of those, before the record was tried last; -1: it was not */
};

enum deletion_step {
  DELETION_GOES_ON,    /* run `statement` */
  DELETION_DONE,       /* the record, or all that was asked for, is gone */
  DELETION_ABSENT,     /* there is no such record */
  DELETION_KEPT,       /* a trigger or a rule of the database keeps it */
  DELETION_REFERENCED, /* a table refers to it: `referrer` among the columns names it. Nothing is deleted */
};

/* Begins with a statement that deletes. Parameters that only a deletion knows are set in `values`. */
void deletion_begin(struct deletion *deletion, enum statement statement, struct values *values);

/* Takes the columns of the statement's row, or NULL when it gave none, and says what is next. */
enum deletion_step deletion_take(struct deletion *deletion, const struct values *row, struct values *values);

#endif
