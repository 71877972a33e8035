/*
 * The prober's one connection to the database and the one question it asks there: are you there, and do you take
 * writes? Never blocks, except that libpq looks up host names by itself (use addresses). Not thread-safe.
 *
 * The caller watches inquiry_fd for inquiry_wants (poll's bits) and calls inquiry_step when it is ready.
 */
#ifndef HEALTH_INQUIRY_H
#define HEALTH_INQUIRY_H

#include <stdbool.h>

struct inquiry;

enum inquiry_state {
  INQUIRY_PENDING,  /* connecting, or asked and not answered */
  INQUIRY_ANSWERED, /* the server is there and takes writes */
  INQUIRY_FAILED,   /* for good; inquiry_reason tells why */
};

enum { INQUIRY_DETAIL_SIZE = 256 };

/* Begins to connect and to ask; NULL when there is no memory. The caller frees it. */
struct inquiry *inquiry_open(const char *url);

/* Closes at once. NULL is fine. */
void inquiry_free(struct inquiry *inquiry);

/* Asks again on the open connection. */
void inquiry_ask(struct inquiry *inquiry);

/* Does what can be done now. */
void inquiry_step(struct inquiry *inquiry);

enum inquiry_state inquiry_state(const struct inquiry *inquiry);

int inquiry_fd(const struct inquiry *inquiry);
short inquiry_wants(const struct inquiry *inquiry);

/* After INQUIRY_FAILED: one clause for an operator, in our own words; and libpq's, for the log. Neither names a host.
 */
const char *inquiry_reason(const struct inquiry *inquiry);
const char *inquiry_detail(const struct inquiry *inquiry);

/* After INQUIRY_FAILED: the server lives, and refused only this connection (limit of connections, password). */
bool inquiry_was_refused(const struct inquiry *inquiry);

#endif
