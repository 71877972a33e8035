/* How many descriptors this process has open, and how many it may have. Belongs to one thread. */
#ifndef WORKER_DESCRIPTORS_H
#define WORKER_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

/* Begins zeroed. */
struct descriptors {
  uint64_t open;
  uint64_t limit;
  int64_t counted; /* when; they are counted once a second at most */
  int64_t told;    /* when the log last said that there is none left */
};

/* To be called with each beat. `denied` is when (steady) a connection last found none, 0: never. True while there is
 * none left; the log says so now and then. */
bool descriptors_look(struct descriptors *descriptors, int64_t denied, int64_t now);

#endif
