/* Where nginx's connections come from and go to: the listener, predecessors, successors, the end. */
#include "front/front.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "front/connection.h"
#include "front/handover.h"

/* Connections taken over in one turn of the loop. */
enum { INBOX_TURN = 64 };

static const struct timeval ACCEPT_PAUSE = {.tv_usec = 100000};

/* Out of descriptors or memory the sockets stay readable: without a pause the loop would spin. */
static void pause_accepting(struct front *front)
{
  if (event_add(&front->resume, &ACCEPT_PAUSE) != 0)
    return;
  (void)event_del(&front->listener);
  (void)event_del(&front->inbox);
}

static bool accept_more(struct front *front)
{
  return event_add(&front->listener, NULL) == 0 && (front->sockets.inbox < 0 || event_add(&front->inbox, NULL) == 0);
}

static void accept_no_more(struct front *front)
{
  (void)event_del(&front->listener);
  (void)event_del(&front->inbox);
  (void)event_del(&front->resume);
}

static void on_resume(int fd, short what, void *argument)
{
  struct front *front = argument;
  (void)fd;
  (void)what;
  if (!accept_more(front))
    (void)event_add(&front->resume, &ACCEPT_PAUSE);
}

static void note_denial(struct front *front, int error)
{
  if (error == EMFILE || error == ENFILE)
    front->numbers.without_descriptor = clock_steady();
  else if (error == ENOMEM || error == ENOBUFS)
    front->numbers.without_memory = clock_steady();
}

/* Takes a descriptor that accept4 or handover_receive gave, or their error; false when there was none. */
static bool take(struct front *front, int fd)
{
  const int error = fd >= 0 ? ENOMEM : errno;
  if (fd >= 0 && front_connection_new(front, fd))
    return true;
  if (fd >= 0)
    (void)close(fd);
  if (error == EAGAIN || error == EWOULDBLOCK || error == EINTR || error == ECONNABORTED)
    return false;
  note_denial(front, error);
  pause_accepting(front);
  return false;
}

/* One connection each time, so that the workers share them. */
static void on_listener(int listener, short what, void *argument)
{
  (void)what;
  (void)take(argument, accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

static void on_inbox(int inbox, short what, void *argument)
{
  (void)what;
  for (int i = 0; i < INBOX_TURN && take(argument, handover_receive(inbox)); i++)
    ;
}

void front_rescue(struct front *front, int inbox)
{
  while (front->phase == FRONT_SERVING && take(front, handover_receive(inbox)))
    ;
}

/* Ends at the first that finds no room. */
static void hand_over_parked(struct front *front)
{
  struct front_connection *next;
  for (struct front_connection *connection = LIST_FIRST(&front->connections); connection != NULL; connection = next) {
    next = LIST_NEXT(connection, link);
    if (connection->state == PARKED && !front_hand_over(connection))
      return;
  }
}

/* Of n connections the one at i leaves where i * count / n makes a step. */
static void mark_and_give(struct front *front, int64_t count)
{
  const int64_t all = front->numbers.connections;
  int64_t i = 0;
  struct front_connection *next;
  for (struct front_connection *connection = LIST_FIRST(&front->connections); connection != NULL; connection = next) {
    next = LIST_NEXT(connection, link);
    connection->leaves = (i + 1) * count / all > i * count / all;
    i++;
    if (connection->leaves && connection->state == PARKED)
      front_give(connection);
  }
}

void front_share(struct front *front, int outbox, int count)
{
  if (count == 0 && !front->sharing)
    return;
  front->peer = outbox;
  front->sharing = count > 0;
  mark_and_give(front, count < front->numbers.connections ? count : front->numbers.connections);
}

static void on_retry(int fd, short what, void *argument)
{
  (void)fd;
  (void)what;
  hand_over_parked(argument);
}

static void on_room(int fd, short what, void *argument)
{
  (void)fd;
  (void)what;
  front_take_waiting(argument);
}

struct front *front_new(struct event_base *base, const struct front_sockets *sockets, size_t max_body,
                        const struct front_handler *handler)
{
  struct front *front = calloc(1, sizeof *front);
  if (front == NULL)
    return NULL;
  front->base = base;
  front->sockets = *sockets;
  front->max_body = max_body;
  front->handler = *handler;
  LIST_INIT(&front->connections);
  TAILQ_INIT(&front->waiting);
  if (event_assign(&front->listener, base, sockets->listener, EV_READ | EV_PERSIST, on_listener, front) != 0 ||
      event_assign(&front->inbox, base, sockets->inbox, EV_READ | EV_PERSIST, on_inbox, front) != 0 ||
      event_assign(&front->resume, base, -1, 0, on_resume, front) != 0 ||
      event_assign(&front->retry, base, -1, 0, on_retry, front) != 0 ||
      event_assign(&front->room, base, -1, 0, on_room, front) != 0) {
    free(front);
    return NULL;
  }
  return front;
}

bool front_serve(struct front *front)
{
  front->phase = FRONT_SERVING;
  return accept_more(front);
}

void front_retire(struct front *front)
{
  front->phase = FRONT_RETIRING;
  accept_no_more(front);
  hand_over_parked(front);
}

void front_drain(struct front *front)
{
  struct front_connection *next;
  if (front->sockets.inbox >= 0)
    front_rescue(front, front->sockets.inbox);
  front->phase = FRONT_DRAINING;
  accept_no_more(front);
  (void)event_del(&front->retry);
  for (struct front_connection *connection = LIST_FIRST(&front->connections); connection != NULL; connection = next) {
    next = LIST_NEXT(connection, link);
    if (connection->state == PARKED)
      front_connection_take(connection); /* a request that was sent before we stopped is still answered */
  }
}

struct front_numbers front_numbers(const struct front *front)
{
  return front->numbers;
}

void front_free(struct front *front)
{
  if (front == NULL)
    return;
  accept_no_more(front);
  (void)event_del(&front->retry);
  struct front_connection *next;
  for (struct front_connection *connection = LIST_FIRST(&front->connections); connection != NULL; connection = next) {
    next = LIST_NEXT(connection, link);
    front_connection_free(connection);
  }
  (void)event_del(&front->room);
  free(front);
}
