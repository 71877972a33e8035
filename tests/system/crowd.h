/* Many kept connections at once. */
#ifndef SYSTEM_CROWD_H
#define SYSTEM_CROWD_H

#include <stdbool.h>
#include <stddef.h>

struct crowd {
  size_t connections;
  size_t requests;                 /* in all; counted when `seconds` is set */
  double seconds;                  /* go on for so long instead */
  bool reads_only;                 /* no writes among them */
  void (*after)(size_t completed); /* called after each answer; may be NULL */
  void (*turn)(void);              /* called every few milliseconds; may be NULL */
  bool enough;                     /* either of them may set it: nothing more is sent */
  /* Counted by crowd_run: */
  size_t answered;    /* with the status that the request wants */
  size_t refused;     /* with another status, among them: */
  size_t unavailable; /* with 503 */
  size_t lost;        /* time-out, closed connection */
  long status;        /* an example of what was refused */
  size_t connects;    /* connections opened */
  size_t reads;       /* answered GETs */
  size_t writes;      /* answered POSTs */
  double slowest;     /* seconds of the longest request */
};

/* Each connection sends reads and writes of the world in turn, one after the other, until all were sent or the time is
 * over. */
void crowd_run(struct crowd *crowd);

/* Raises the limit of open files to that many and some. */
void crowd_allow_files(size_t count);

/* Says what went wrong; good when every request was answered. */
void crowd_check(const char *label, const struct crowd *crowd);

/* The number of the newest chat, to be taken before a run. */
long long crowd_newest(void);

/* After the last run: each chat that was acknowledged is there once; none beside them, but for those whose request was
 * refused. */
void crowd_check_ledger(const char *label, const struct crowd *crowd, long long newest_before);

#endif
