/*
 * FastCGI in and out: nginx's connections in the event loop, one request at a time on each.
 *
 * A request is read once all of it is there, as a rule by one call; the answer goes out by one call where the socket
 * takes it, the rest when it is writable: nothing here waits. Kept connections are parked in the loop
 * between requests, hold no state then, and so may pass to another process. Belongs to one thread. Source: the FastCGI
 * specification 1.0, nginx/lontar-fastcgi.conf.
 */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "front/request.h"
#include "front/response.h"

struct event_base;
struct front;

/* While requests of so many bytes are being received or not answered, others stay in their sockets. Each is in memory
 * up to three times: as it came, as values, and in libpq's buffer. Small ones are let in all the same. */
enum { FRONT_HELD_MAX = 8 << 20, FRONT_SMALL = 4096 };

struct front_handler {
  /* A request is there; front_respond answers it now or later. */
  void (*request)(void *owner, struct front_request *request);
  /* nginx closed the connection: the answer, still due, will go nowhere. */
  void (*gone)(void *owner, struct front_request *request);
  void *owner;
};

/* Where connections come from and go to; all non-blocking, and the caller's. */
struct front_sockets {
  int listener;
  int inbox;  /* connections that a predecessor hands over (front/handover.h); -1: none */
  int outbox; /* for those that are handed to a successor; -1: there is none */
};

struct front_numbers {
  int connections;
  int busy;                   /* requests being received or not answered, answers not written */
  uint64_t given;             /* connections that front_share has handed over */
  size_t unsent;              /* bytes of answers that are not all written; each counts as a whole */
  int64_t without_descriptor; /* when (steady) a connection last found none, or no memory; 0: never */
  int64_t without_memory;
};

/* Accepts nothing yet. NULL when there is no memory. */
struct front *front_new(struct event_base *base, const struct front_sockets *sockets, size_t max_body,
                        const struct front_handler *handler);

/* Begins to accept, and to take over. False when the loop does not let it. */
bool front_serve(struct front *front);

/* Sends the answer with X-Request-Id and ends the request. Exactly once for each request; clears the response. A HEAD
 * request gets the headers only. */
void front_respond(struct front_request *request, struct response *response);

/* Accepts no more, and hands over each connection as soon as it is parked. What cannot be handed over yet is served. */
void front_retire(struct front *front);

/* Hands so many connections to the worker that reads behind `outbox`, spread evenly over all, so that it gets idle and
 * used ones alike: the parked ones at once, the others after their answer. What an earlier call has left is dropped. */
void front_share(struct front *front, int outbox, int count);

/* While serving, takes what lies in the inbox of a worker that does not. */
void front_rescue(struct front *front, int inbox);

/* Accepts no more, closes parked connections; those with a request close after its answer. */
void front_drain(struct front *front);

struct front_numbers front_numbers(const struct front *front);
void front_free(struct front *front);

#endif
