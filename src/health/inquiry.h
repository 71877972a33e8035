/*
 * The prober's one connection to the database and the question it asks there: are you there, do you take writes, and
 * have you what requests need? Behind it goes the census: which sessions of ours have you? It watches itself in the
 * event loop and never blocks. Not thread-safe.
 */
#ifndef HEALTH_INQUIRY_H
#define HEALTH_INQUIRY_H

#include <stdbool.h>
#include <stdint.h>

#include "health/question.h"
#include "pool/dial.h"

struct board;
struct census;
struct inquiry;

enum inquiry_state {
  INQUIRY_PENDING,  /* connecting, or asked and not answered */
  INQUIRY_ANSWERED, /* the server is there and takes writes; the census may still be under way */
  INQUIRY_FAILED,   /* for good; inquiry_failure tells why */
};

struct inquiry_settings {
  struct event_base *base;
  struct dialer *dialer;
  int64_t timeout;              /* microseconds, to connect */
  void (*changed)(void *owner); /* called from the loop when the state may be another; may free the inquiry */
  void *owner;
  bool watches; /* only what the server is, be it a standby; census and board are left alone */
  bool pooled;  /* nothing that is set lasts, or it lasts for others; and the sessions at the server are the pooler's */
  struct census *census;
  struct board *board;
};

/* Begins to connect and to ask; NULL when there is no memory. The caller frees it. */
struct inquiry *inquiry_open(const struct inquiry_settings *settings);

/* Closes at once. NULL is fine. */
void inquiry_free(struct inquiry *inquiry);

/* Asks again on the open connection. */
void inquiry_ask(struct inquiry *inquiry);

enum inquiry_state inquiry_state(const struct inquiry *inquiry);

/* After INQUIRY_ANSWERED: what the server said of itself the last time, and which of database_url's it is, from 0. */
const struct sighting *inquiry_sighting(const struct inquiry *inquiry);
int inquiry_server(const struct inquiry *inquiry);

/* After INQUIRY_ANSWERED: the server is not the one to use. INQUIRY_FAILED from now on. */
void inquiry_reject(struct inquiry *inquiry);

/* After INQUIRY_ANSWERED: the database's encoding where it is not UTF8, else "". */
const char *inquiry_encoding(const struct inquiry *inquiry);

/* The same: when (steady) it was asked, if nothing is lacking of what requests need, else or where that is not known 0.
 */
int64_t inquiry_found_well(const struct inquiry *inquiry);

/* The same: the server, as the URL names it. */
void inquiry_name(const struct inquiry *inquiry, const char **ret_host, const char **ret_port);

struct inquiry_failure {
  const char *reason; /* one clause for an operator, in our own words; */
  const char *detail; /* and libpq's, for the log. Neither names a host; this one ends with the inquiry */
  bool silent;        /* nobody has said anything */
  bool refused;       /* the server lives, and refused only this connection (limit of connections, password) */
  bool spoke; /* a server answered, though not as it should: it is starting, takes no writes, refuses us or is refused
                 by us; or none could be asked */
  bool ended; /* it had let us in, and then there was no connection any more */
  bool unfit; /* it lacks what every request needs, so that it is nobody's while that is so */
};

/* After INQUIRY_FAILED, or when it is given up. */
struct inquiry_failure inquiry_failure(const struct inquiry *inquiry);

/* While INQUIRY_PENDING: the server sits on this machine and may be waited for. */
bool inquiry_may_wait(const struct inquiry *inquiry);

#endif
