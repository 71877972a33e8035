/*
 * Readers and writers who never give up, and a book of what the writers were promised: whatever happens to the database
 * meanwhile, each acknowledged chat must be in it once.
 */
#ifndef SYSTEM_LEDGER_H
#define SYSTEM_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

struct pg_conn;

/* What has been answered since ledger_open. */
struct ledger {
  size_t writes;             /* 201 */
  size_t reads;              /* 200 */
  size_t writes_unavailable; /* 503 */
  size_t reads_unavailable;
  size_t writes_late; /* 504: they may have happened */
  size_t reads_late;
  size_t others;  /* any other status, or no answer */
  long status;    /* an example of those */
  double pause;   /* the longest time, in seconds, without a write that was acknowledged */
  double resumed; /* when that ended, by stack_clock */
};

extern struct ledger ledger;

/* Begins with nothing counted; chats that were written before stay in the book. */
void ledger_open(void);

/* Lets them run until the condition holds or the time is over; says whether it holds. NULL: for that time. */
bool ledger_run(bool (*condition)(void), double seconds);

/* Lets what is under way end. */
void ledger_close(void);

/* Compares the book with a database. */
void ledger_check(const char *label, struct pg_conn *database);

#endif
