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
  /* Counted by crowd_run: */
  size_t answered; /* with the status that the request wants */
  size_t refused;  /* with another status */
  size_t lost;     /* time-out, closed connection */
  long status;     /* an example of what was refused */
  size_t connects; /* connections opened */
  size_t reads;    /* answered GETs */
  size_t writes;   /* answered POSTs */
  double slowest;  /* seconds of the longest request */
};

/* Each connection sends reads and writes of the world in turn, one after the other, until all were sent or the time is
 * over. */
void crowd_run(struct crowd *crowd);

/* Says what went wrong; good when every request was answered. */
void crowd_check(const char *label, const struct crowd *crowd);

#endif
