/*
 * supervisord's side of lontar-supervise: its protocol for event listeners. supervisord writes a header line and that
 * many bytes of payload; each event is acknowledged, or it would send no other. Not thread-safe.
 */
#ifndef SUPERVISE_LISTENER_H
#define SUPERVISE_LISTENER_H

#include <stddef.h>

enum { LISTENER_HEADER_MAX = 512 };

/* Begins zeroed. */
struct listener {
  char header[LISTENER_HEADER_MAX];
  size_t length;  /* of the header so far */
  size_t payload; /* bytes still to come */
};

enum listener_result {
  LISTENER_BROKEN = -1, /* what came is not the protocol */
  LISTENER_PART = 0,    /* an event has not ended yet, or there was none */
  LISTENER_EVENT = 1,
};

/* Pure: takes bytes up to the end of the next event and tells in `*ret_taken` how many that were. */
enum listener_result listener_take(struct listener *listener, const char *bytes, size_t length, size_t *ret_taken);

/* What is written when the listener is ready, and after an event when it is ready again. */
#define LISTENER_READY "READY\n"
#define LISTENER_DONE "RESULT 2\nOK" LISTENER_READY

#endif
