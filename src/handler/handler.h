/* Everything above FastCGI and below the worker: takes requests, answers them. Belongs to one thread. */
#ifndef HANDLER_HANDLER_H
#define HANDLER_HANDLER_H

#include "authorize/hasher.h"
#include "authorize/keyring.h"
#include "config/config.h"
#include "front/front.h"
#include "health/board.h"
#include "pool/pool.h"

struct cleanup;

/* What requests are answered with; the worker makes it. */
struct handler {
  struct pool *pool;
  struct hasher *hasher;
  struct keyring *keyring;
  const struct config *config;
  struct board *board;     /* all workers, for /health and /metrics */
  struct board_slot *slot; /* this worker's */
  int64_t passwords_full;  /* steady: when one was last refused because too many wait, */
  int64_t without_memory;  /* and a request for want of memory; 0: never */
  struct cleanup *cleanup; /* under way, and the handler's own; NULL at first */
};

/* For front_handler; `owner` is a struct handler. */
void handler_request(void *owner, struct front_request *request);
void handler_gone(void *owner, struct front_request *request);

/* Drives the operation session_delete_expired by itself; does nothing while an earlier call still runs. */
void handler_cleanup_sessions(struct handler *handler);

#endif
