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

/* One request, when it has ended. */
struct ledger_event {
  bool writes;
  bool success;
  bool cut;    /* its connection was refused or ended before the answer; else status 0 means that none came in time */
  long status; /* 0: no answer */
  const char *why; /* libcurl's words for that; else NULL */
  double begun;
  double ended;
};

/* Told of each; NULL: nobody. True takes one that would be among the others out of them. */
extern bool (*ledger_watch)(const struct ledger_event *event);

/* Seconds that everybody waits before the next request after a success; 0 at the beginning. */
extern double ledger_pace;

/* Begins with nothing counted; chats that were written before stay in the book. */
void ledger_open(void);

/* Lets them run until the condition holds or the time is over; says whether it holds. NULL: for that time. */
bool ledger_run(bool (*condition)(void), double seconds);

/* Whether everybody's last answer was a success to a request that began after that moment. */
bool ledger_serves(double since);

/* Lets what is under way end. */
void ledger_close(void);

/* Takes what was acknowledged between two moments out of the book; how many there were. */
size_t ledger_excuse(double from, double until);

/* Compares the book with a database: each acknowledged chat is there once, with its id and text, and no text twice. */
void ledger_check(const char *label, struct pg_conn *database);

#endif
