/* Many kept connections at once. */
#ifndef SYSTEM_CROWD_H
#define SYSTEM_CROWD_H

#include <stddef.h>

struct crowd {
  size_t connections;
  size_t requests;                 /* in all */
  void (*after)(size_t completed); /* called after each answer; may be NULL */
  /* Counted by crowd_run: */
  size_t answered; /* with the status that the request wants */
  size_t refused;  /* with another status */
  size_t lost;     /* time-out, closed connection */
  long status;     /* an example of what was refused */
  size_t connects; /* connections opened */
  size_t reads;    /* answered GETs */
  size_t writes;   /* answered POSTs */
};

/* Each connection sends reads and writes of the world in turn, one after the other, until all were sent. */
void crowd_run(struct crowd *crowd);

/* Says what went wrong; good when every request was answered. */
void crowd_check(const char *label, const struct crowd *crowd);

#endif
