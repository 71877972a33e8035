/* Many measured times, and how they are distributed. */
#ifndef SYSTEM_FIGURES_H
#define SYSTEM_FIGURES_H

#include <stddef.h>

/* Begin with {0}. */
struct figures {
  double *seconds;
  size_t count;
  size_t room;
};

void figures_add(struct figures *figures, double seconds);

/* The value that this share (0 to 1) of all is not above; 0 when there are none. */
double figures_at(struct figures *figures, double share);

/* One line: how many, min, p50, p90, p99 and max in milliseconds. */
void figures_print(const char *label, struct figures *figures);

void figures_free(struct figures *figures);

#endif
