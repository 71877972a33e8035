/* The inside of the front, shared by front.c (where connections come from and go to) and connection.c (what happens on
 * one of them). */
#ifndef FRONT_CONNECTION_H
#define FRONT_CONNECTION_H

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "front/front.h"
#include "front/intake.h"

enum connection_state {
  PARKED,     /* waits for a request */
  COLLECTING, /* has a part of one */
  BUSY,       /* has one that is not answered */
  WRITING,    /* the answer is not all out */
  LINGERING,  /* answered without reading the body: closes when nginx has */
};

struct front_connection {
  LIST_ENTRY(front_connection) link;
  TAILQ_ENTRY(front_connection) turn; /* among those that wait for room */
  struct front *front;
  int fd;
  enum connection_state state;
  bool gone;             /* nginx closed it while busy */
  bool leaves;           /* to another worker, once it is parked */
  bool waits;            /* parked, and not read until others' requests have gone */
  struct event readable; /* always waited for, to see a request or nginx leaving */
  struct event writable;
  struct event limit; /* ends collecting and lingering */
  struct intake intake;
  struct front_request request;
  struct request_origin origin;
  struct reply reply;
  size_t held;   /* bytes of its request, or how many they may become */
  size_t unsent; /* of its answer, once the socket did not take all of it */
};

LIST_HEAD(connection_list, front_connection);
TAILQ_HEAD(connection_queue, front_connection);

enum front_phase {
  FRONT_WARMING, /* accepts nothing yet */
  FRONT_SERVING,
  FRONT_RETIRING, /* hands over what is parked */
  FRONT_DRAINING, /* closes what is parked */
};

struct front {
  struct event_base *base;
  struct front_sockets sockets;
  size_t max_body;
  struct front_handler handler;
  enum front_phase phase;
  struct event listener;
  struct event inbox;
  struct event resume; /* the end of a pause of both */
  struct event retry;  /* the next attempt to hand over what is parked */
  struct event room;   /* made active when requests have gone for which others wait */
  struct connection_list connections;
  struct connection_queue waiting;
  struct front_numbers numbers;
  int peer;     /* where those go that leave */
  bool sharing; /* some may be marked to leave */
  size_t held;  /* bytes, of all connections */
  struct intake_window window;
};

/* Takes the descriptor, non-blocking, when there is memory; else it stays the caller's. */
bool front_connection_new(struct front *front, int fd);

/* Closes it. */
void front_connection_free(struct front_connection *connection);

/* Takes what lies in a parked connection, when there is room for it; while draining, closes it if nothing does. */
void front_connection_take(struct front_connection *connection);

/* Those that wait for room, as far as there is some. */
void front_take_waiting(struct front *front);

/* A parked connection is given to the successor; false when that is not possible now, and it stays. */
bool front_hand_over(struct front_connection *connection);

/* The same for one that is to leave to another worker; when that is not possible, it stays for good. */
void front_give(struct front_connection *connection);

#endif
