/* The listener and nginx's connections in the event loop: parked, busy with a request, writing its answer. */
#include "front/front.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcgiapp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "front/request.h"
#include "front/response.h"

enum state {
  PARKED,    /* waits for a request */
  BUSY,      /* has one that is not answered */
  WRITING,   /* the answer is not all out */
  LINGERING, /* answered without reading the body: closes when nginx has */
};

struct front_connection {
  LIST_ENTRY(front_connection) link;
  struct front *front;
  int fd;
  enum state state;
  bool keep; /* nginx wants the connection kept */
  bool gone; /* nginx closed it while busy */
  FCGX_Request fcgi;
  struct event readable; /* always waited for, to see a request or nginx leaving */
  struct event writable;
  struct front_request request;
  char *body;
  struct reply reply;
};

LIST_HEAD(connection_list, front_connection);

struct front {
  struct event_base *base;
  int listen_fd;
  size_t max_body;
  struct front_handler handler;
  struct event listener;
  struct event resume; /* the end of the listener's pause */
  struct connection_list connections;
  int connection_count;
  int busy_count;
  bool draining;
};

/* nginx sends a request in one go, so reading one never takes as long as READ_LIMIT. */
static const struct timeval READ_LIMIT = {.tv_sec = 1};
static const struct timeval WRITE_LIMIT = {.tv_sec = 30};
static const struct timeval LINGER_LIMIT = {.tv_sec = 2};
static const struct timeval ACCEPT_PAUSE = {.tv_usec = 100000};

static bool is_busy(enum state state)
{
  return state == BUSY || state == WRITING;
}

static void set_state(struct front_connection *connection, enum state state)
{
  connection->front->busy_count += is_busy(state) - is_busy(connection->state);
  connection->state = state;
}

/* Gives back what belongs to the request; the connection stays open. */
static void release_request(struct front_connection *connection)
{
  FCGX_Free(&connection->fcgi, 0);
  free(connection->body);
  connection->body = NULL;
  memset(&connection->request, 0, sizeof connection->request);
}

static void connection_free(struct front_connection *connection)
{
  set_state(connection, PARKED);
  connection->front->connection_count--;
  LIST_REMOVE(connection, link);
  (void)event_del(&connection->readable);
  (void)event_del(&connection->writable);
  release_request(connection);
  reply_free(&connection->reply);
  if (connection->fd >= 0)
    (void)close(connection->fd);
  free(connection);
}

enum peer { PEER_SILENT, PEER_SENDS, PEER_GONE };

static enum peer peer_look(int fd)
{
  char byte;
  ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got > 0)
    return PEER_SENDS;
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
    return PEER_SILENT;
  return PEER_GONE;
}

/* Does not touch the connection after the handler has the request: its answer may have freed it. */
static void receive(struct front_connection *connection)
{
  struct front *front = connection->front;
  connection->fcgi.ipcFd = connection->fd;
  connection->fcgi.keepConnection = 1; /* else FCGX_Accept_r would begin with closing it */
  if (FCGX_Accept_r(&connection->fcgi) != 0) {
    connection->fd = -1; /* libfcgi has closed it */
    connection_free(connection);
    return;
  }
  connection->keep = connection->fcgi.keepConnection != 0;
  connection->request.connection = connection;
  if (!request_read(&connection->fcgi, front->max_body, &connection->request, &connection->body)) {
    connection_free(connection);
    return;
  }
  set_state(connection, BUSY);
  front->handler.request(front->handler.owner, &connection->request);
}

static void notice_gone(struct front_connection *connection)
{
  struct front *front = connection->front;
  (void)event_del(&connection->readable);
  connection->gone = true;
  front->handler.gone(front->handler.owner, &connection->request);
}

/* Closing with bytes unread would reset nginx's side, and it might lose the answer. */
static void linger(struct front_connection *connection)
{
  set_state(connection, LINGERING);
  if (shutdown(connection->fd, SHUT_WR) != 0 || event_add(&connection->readable, &LINGER_LIMIT) != 0)
    connection_free(connection);
}

static void discard(struct front_connection *connection)
{
  char waste[16 << 10];
  ssize_t got = recv(connection->fd, waste, sizeof waste, MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
    connection_free(connection);
}

static void on_peer_gone(struct front_connection *connection)
{
  if (connection->state == BUSY)
    notice_gone(connection);
  else
    connection_free(connection);
}

static void on_readable(int fd, short what, void *argument)
{
  struct front_connection *connection = argument;
  if (what & EV_TIMEOUT) { /* set only while lingering */
    connection_free(connection);
    return;
  }
  if (connection->state == LINGERING) {
    discard(connection);
    return;
  }
  enum peer peer = peer_look(fd);
  if (peer == PEER_GONE)
    on_peer_gone(connection);
  else if (peer == PEER_SENDS && connection->state == PARKED)
    receive(connection);
  else if (peer == PEER_SENDS)
    (void)event_del(&connection->readable); /* before its turn: would wake the loop until parked again */
}

static void park(struct front_connection *connection)
{
  set_state(connection, PARKED);
  if (event_add(&connection->readable, NULL) != 0)
    connection_free(connection);
}

static void reply_done(struct front_connection *connection)
{
  bool too_large = connection->request.too_large;
  reply_clear(&connection->reply);
  release_request(connection);
  if (too_large)
    linger(connection);
  else if (connection->keep && !connection->front->draining)
    park(connection);
  else
    connection_free(connection);
}

static void write_reply(struct front_connection *connection)
{
  switch (reply_send(&connection->reply, connection->fd)) {
  case REPLY_SENT:
    reply_done(connection);
    return;
  case REPLY_WAITING:
    if (event_add(&connection->writable, &WRITE_LIMIT) == 0)
      return;
    break;
  case REPLY_BROKEN:
    break;
  }
  connection_free(connection);
}

static void on_writable(int fd, short what, void *argument)
{
  struct front_connection *connection = argument;
  (void)fd;
  if (what & EV_TIMEOUT)
    connection_free(connection);
  else
    write_reply(connection);
}

void front_respond(struct front_request *request, struct response *response)
{
  struct front_connection *connection = request->connection;
  set_state(connection, WRITING);
  if (connection->gone) {
    response_free(response);
    connection_free(connection);
  } else if (reply_build(&connection->reply, connection->fcgi.requestId, request, response)) {
    write_reply(connection);
  } else {
    connection_free(connection);
  }
}

/* The socket stays in blocking mode, as libfcgi needs it to be, but with limits. */
static bool set_limits(int fd)
{
  return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &READ_LIMIT, sizeof READ_LIMIT) == 0 &&
         setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &READ_LIMIT, sizeof READ_LIMIT) == 0;
}

static bool connection_new(struct front *front, int fd)
{
  struct front_connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL)
    return false;
  connection->front = front;
  connection->fd = fd;
  connection->state = PARKED;
  reply_init(&connection->reply);
  if (!set_limits(fd) || FCGX_InitRequest(&connection->fcgi, -1, 0) != 0 ||
      event_assign(&connection->readable, front->base, fd, EV_READ | EV_PERSIST, on_readable, connection) != 0 ||
      event_assign(&connection->writable, front->base, fd, EV_WRITE, on_writable, connection) != 0 ||
      event_add(&connection->readable, NULL) != 0) {
    free(connection);
    return false;
  }
  LIST_INSERT_HEAD(&front->connections, connection, link);
  front->connection_count++;
  return true;
}

/* Out of descriptors or memory the listener stays readable: without a pause the loop would spin. */
static void pause_listener(struct front *front)
{
  if (event_add(&front->resume, &ACCEPT_PAUSE) == 0)
    (void)event_del(&front->listener);
}

static void on_resume(int fd, short what, void *argument)
{
  struct front *front = argument;
  (void)fd;
  (void)what;
  if (event_add(&front->listener, NULL) != 0)
    (void)event_add(&front->resume, &ACCEPT_PAUSE);
}

/* One connection each time, so that the workers share them. */
static void on_listener(int listen_fd, short what, void *argument)
{
  struct front *front = argument;
  (void)what;
  int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR && errno != ECONNABORTED)
      pause_listener(front);
  } else if (!connection_new(front, fd)) {
    (void)close(fd);
    pause_listener(front);
  }
}

/* libfcgi would wait up to 2 s for nginx to close first; the loop may not. */
static bool library_init(void)
{
  return setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) == 0 && FCGX_Init() == 0;
}

struct front *front_new(struct event_base *base, int listen_fd, size_t max_body, const struct front_handler *handler)
{
  struct front *front = calloc(1, sizeof *front);
  if (front == NULL)
    return NULL;
  front->base = base;
  front->listen_fd = listen_fd;
  front->max_body = max_body;
  front->handler = *handler;
  LIST_INIT(&front->connections);
  if (!library_init() ||
      event_assign(&front->listener, base, listen_fd, EV_READ | EV_PERSIST, on_listener, front) != 0 ||
      event_assign(&front->resume, base, -1, 0, on_resume, front) != 0 || event_add(&front->listener, NULL) != 0) {
    free(front);
    return NULL;
  }
  return front;
}

void front_set_max_body(struct front *front, size_t max_body)
{
  front->max_body = max_body;
}

void front_drain(struct front *front)
{
  front->draining = true;
  (void)event_del(&front->listener);
  (void)event_del(&front->resume);
  struct front_connection *next;
  for (struct front_connection *connection = LIST_FIRST(&front->connections); connection != NULL; connection = next) {
    next = LIST_NEXT(connection, link);
    if (connection->state != PARKED)
      continue;
    if (peer_look(connection->fd) == PEER_SENDS)
      receive(connection); /* sent before we stopped: still answered */
    else
      connection_free(connection);
  }
}

int front_connection_count(const struct front *front)
{
  return front->connection_count;
}

int front_busy_count(const struct front *front)
{
  return front->busy_count;
}

void front_free(struct front *front)
{
  if (front == NULL)
    return;
  (void)event_del(&front->listener);
  (void)event_del(&front->resume);
  struct front_connection *next;
  for (struct front_connection *connection = LIST_FIRST(&front->connections); connection != NULL; connection = next) {
    next = LIST_NEXT(connection, link);
    connection_free(connection);
  }
  free(front);
}
