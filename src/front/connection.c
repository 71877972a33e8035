/* One connection from nginx: parked, with a part of a request, busy with one, writing its answer. */
#include "front/connection.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/handover.h"

/* Headers and the frames of the records, beyond the body itself. */
enum { COLLECT_BEYOND_BODY = 256 << 10 };

/* nginx sends a request in one go. */
static const struct timeval COLLECT_LIMIT = {.tv_sec = 10};
static const struct timeval WRITE_LIMIT = {.tv_sec = 30};
static const struct timeval LINGER_LIMIT = {.tv_sec = 2};
static const struct timeval RETRY_PAUSE = {.tv_usec = 5000};

static bool is_busy(enum connection_state state)
{
  return state == COLLECTING || state == BUSY || state == WRITING;
}

static void set_state(struct front_connection *connection, enum connection_state state)
{
  connection->front->numbers.busy += is_busy(state) - is_busy(connection->state);
  connection->state = state;
}

/* How many bytes of memory the request may take; those that wait come when there is room again. */
static void hold(struct front_connection *connection, size_t bytes)
{
  struct front *front = connection->front;
  if (bytes == connection->held)
    return;
  front->held += bytes - connection->held;
  connection->held = bytes;
  if (!TAILQ_EMPTY(&front->waiting) && front->held < FRONT_HELD_MAX)
    event_active(&front->room, EV_TIMEOUT, 0);
}

static void leave_unsent(struct front_connection *connection, size_t bytes)
{
  if (bytes == connection->unsent)
    return;
  connection->front->numbers.unsent += bytes - connection->unsent;
  connection->unsent = bytes;
}

static void stop_waiting(struct front_connection *connection)
{
  if (connection->waits)
    TAILQ_REMOVE(&connection->front->waiting, connection, turn);
  connection->waits = false;
}

/* Gives back what belongs to the request; the connection stays open. */
static void release_request(struct front_connection *connection)
{
  free(connection->origin.memory);
  connection->origin = (struct request_origin){.memory = NULL};
  intake_clear(&connection->intake);
  memset(&connection->request, 0, sizeof connection->request);
  hold(connection, 0);
}

void front_connection_free(struct front_connection *connection)
{
  set_state(connection, PARKED);
  connection->front->numbers.connections--;
  LIST_REMOVE(connection, link);
  (void)event_del(&connection->readable);
  (void)event_del(&connection->writable);
  (void)event_del(&connection->limit);
  stop_waiting(connection);
  release_request(connection);
  leave_unsent(connection, 0);
  reply_free(&connection->reply);
  if (connection->fd >= 0)
    (void)close(connection->fd);
  free(connection);
}

/* Does not touch the connection after the handler has the request: its answer may have freed it. */
static void receive(struct front_connection *connection, const unsigned char *data, size_t length)
{
  struct front *front = connection->front;
  struct front_request *request = &connection->request;
  const bool good = request_read(data, length, front->max_body, request, &connection->origin);
  intake_clear(&connection->intake);
  hold(connection, length > FRONT_SMALL ? length : 0);
  (void)event_del(&connection->limit);
  if (!good) {
    front_connection_free(connection);
    return;
  }
  request->connection = connection;
  set_state(connection, BUSY);
  front->handler.request(front->handler.owner, request);
}

static void begin_collecting(struct front_connection *connection)
{
  set_state(connection, COLLECTING);
  hold(connection, connection->front->max_body + COLLECT_BEYOND_BODY);
  if (event_add(&connection->limit, &COLLECT_LIMIT) != 0)
    front_connection_free(connection);
}

/* One by itself may be of any size, so that all come to their turn. */
static bool has_room(struct front_connection *connection)
{
  struct front *front = connection->front;
  return front->held < FRONT_HELD_MAX || intake_is_small(connection->fd, &front->window, FRONT_SMALL);
}

static void wait_for_room(struct front_connection *connection)
{
  (void)event_del(&connection->readable);
  if (!connection->waits)
    TAILQ_INSERT_TAIL(&connection->front->waiting, connection, turn);
  connection->waits = true;
}

void front_take_waiting(struct front *front)
{
  struct front_connection *connection;
  while (front->held < FRONT_HELD_MAX && (connection = TAILQ_FIRST(&front->waiting)) != NULL) {
    stop_waiting(connection);
    if (event_add(&connection->readable, NULL) == 0)
      front_connection_take(connection);
    else
      front_connection_free(connection);
  }
}

void front_connection_take(struct front_connection *connection)
{
  struct front *front = connection->front;
  const unsigned char *data;
  size_t length;
  if (connection->state == PARKED && !has_room(connection)) {
    wait_for_room(connection);
    return;
  }
  switch (intake_take(&connection->intake, connection->fd, &front->window, &data, &length)) {
  case INTAKE_WHOLE:
    receive(connection, data, length);
    return;
  case INTAKE_PART:
    if (connection->state == PARKED)
      begin_collecting(connection);
    return;
  case INTAKE_GONE:
    front_connection_free(connection);
    return;
  case INTAKE_SILENT:
    if (connection->state == PARKED && front->phase == FRONT_DRAINING)
      front_connection_free(connection);
    return;
  }
}

/* Closing with bytes unread would reset nginx's side, and it might lose the answer. */
static void linger(struct front_connection *connection)
{
  set_state(connection, LINGERING);
  if (shutdown(connection->fd, SHUT_WR) != 0 || event_add(&connection->readable, NULL) != 0 ||
      event_add(&connection->limit, &LINGER_LIMIT) != 0)
    front_connection_free(connection);
}

static void discard(struct front_connection *connection)
{
  struct front *front = connection->front;
  const ssize_t got = recv(connection->fd, front->window.bytes, sizeof front->window.bytes, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
    front_connection_free(connection);
}

/* While an answer is due, nginx has nothing to say, unless it leaves. */
static void watch(struct front_connection *connection)
{
  struct front *front = connection->front;
  const enum intake_state state = intake_look(connection->fd);
  if (state == INTAKE_SILENT)
    return;
  if (state == INTAKE_GONE && connection->state == WRITING) {
    front_connection_free(connection);
    return;
  }
  (void)event_del(&connection->readable); /* bytes before their turn would wake the loop until parked again */
  if (state != INTAKE_GONE)
    return;
  connection->gone = true;
  front->handler.gone(front->handler.owner, &connection->request);
}

static void on_readable(int fd, short what, void *argument)
{
  struct front_connection *connection = argument;
  (void)fd;
  (void)what;
  switch (connection->state) {
  case PARKED:
  case COLLECTING:
    front_connection_take(connection);
    return;
  case BUSY:
  case WRITING:
    watch(connection);
    return;
  case LINGERING:
    discard(connection);
    return;
  }
}

static void on_limit(int fd, short what, void *argument)
{
  (void)fd;
  (void)what;
  front_connection_free(argument);
}

static bool send_away(struct front_connection *connection, int outbox)
{
  if (handover_send(outbox, connection->fd) != 0)
    return false;
  front_connection_free(connection);
  return true;
}

bool front_hand_over(struct front_connection *connection)
{
  struct front *front = connection->front;
  if (send_away(connection, front->sockets.outbox))
    return true;
  (void)event_add(&front->retry, &RETRY_PAUSE);
  return false;
}

void front_give(struct front_connection *connection)
{
  struct front *front = connection->front;
  connection->leaves = false;
  front->numbers.given += send_away(connection, front->peer);
}

static void park(struct front_connection *connection)
{
  set_state(connection, PARKED);
  if (connection->front->phase == FRONT_DRAINING || event_add(&connection->readable, NULL) != 0)
    front_connection_free(connection);
  else if (connection->front->phase == FRONT_RETIRING)
    (void)front_hand_over(connection);
  else if (connection->leaves)
    front_give(connection);
}

static void reply_done(struct front_connection *connection)
{
  const bool too_large = connection->request.too_large;
  const bool keep = connection->origin.keep;
  reply_clear(&connection->reply);
  leave_unsent(connection, 0);
  release_request(connection);
  if (too_large)
    linger(connection);
  else if (keep)
    park(connection);
  else
    front_connection_free(connection);
}

static void write_reply(struct front_connection *connection)
{
  switch (reply_send(&connection->reply, connection->fd)) {
  case REPLY_SENT:
    reply_done(connection);
    return;
  case REPLY_WAITING:
    leave_unsent(connection, connection->reply.body.length);
    if (event_add(&connection->writable, &WRITE_LIMIT) == 0)
      return;
    break;
  case REPLY_BROKEN:
    break;
  }
  front_connection_free(connection);
}

static void on_writable(int fd, short what, void *argument)
{
  struct front_connection *connection = argument;
  (void)fd;
  if (what & EV_TIMEOUT)
    front_connection_free(connection);
  else
    write_reply(connection);
}

void front_respond(struct front_request *request, struct response *response)
{
  struct front_connection *connection = request->connection;
  set_state(connection, WRITING);
  if (connection->gone) {
    response_free(response);
    front_connection_free(connection);
  } else if (reply_build(&connection->reply, connection->origin.id, request, response)) {
    write_reply(connection);
  } else {
    front_connection_free(connection);
  }
}

static bool assign_events(struct front_connection *connection)
{
  struct event_base *base = connection->front->base;
  return event_assign(&connection->readable, base, connection->fd, EV_READ | EV_PERSIST, on_readable, connection) ==
             0 &&
         event_assign(&connection->writable, base, connection->fd, EV_WRITE, on_writable, connection) == 0 &&
         event_assign(&connection->limit, base, -1, 0, on_limit, connection) == 0;
}

bool front_connection_new(struct front *front, int fd)
{
  struct front_connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL)
    return false;
  connection->front = front;
  connection->fd = fd;
  connection->state = PARKED;
  intake_init(&connection->intake, front->max_body + COLLECT_BEYOND_BODY);
  reply_init(&connection->reply);
  if (!assign_events(connection) || event_add(&connection->readable, NULL) != 0) {
    free(connection);
    return false;
  }
  LIST_INSERT_HEAD(&front->connections, connection, link);
  front->numbers.connections++;
  return true;
}
