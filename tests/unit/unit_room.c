/* front: what it holds of requests and answers at most. */
#include <event2/event.h>
#include <fastcgi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "front/front.h"
#include "unit.h"

enum { CLIENTS = 14, BODY = 1000000, MAX_BODY = 1 << 20, ANSWER = 3000000, TURNS = 200 };

struct client {
  int fd;
  struct buffer out;
  size_t sent;
};

struct scene {
  struct event_base *base;
  struct front *front;
  int listener;
  struct client clients[CLIENTS];
  struct front_request *requests[CLIENTS];
  int count; /* of requests that came */
};

static void on_request(void *owner, struct front_request *request)
{
  struct scene *scene = owner;
  scene->requests[scene->count++] = request;
}

static void on_gone(void *owner, struct front_request *request)
{
  (void)owner;
  (void)request;
}

static void connect_clients(struct scene *scene)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX}; /* the kernel picks an abstract name */
  socklen_t length = sizeof address;
  scene->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CU_ASSERT_FATAL(bind(scene->listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
  CU_ASSERT_FATAL(listen(scene->listener, CLIENTS) == 0);
  CU_ASSERT_FATAL(getsockname(scene->listener, (struct sockaddr *)&address, &length) == 0);
  for (int i = 0; i < CLIENTS; i++) {
    scene->clients[i].fd = socket(AF_UNIX, SOCK_STREAM, 0);
    buffer_init(&scene->clients[i].out, 2 * BODY);
    CU_ASSERT_FATAL(connect(scene->clients[i].fd, (struct sockaddr *)&address, length) == 0);
  }
}

static void scene_open(struct scene *scene)
{
  *scene = (struct scene){.base = event_base_new()};
  connect_clients(scene);
  const struct front_handler handler = {on_request, on_gone, scene};
  const struct front_sockets sockets = {scene->listener, -1, -1};
  scene->front = front_new(scene->base, &sockets, MAX_BODY, &handler);
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene->front);
  CU_ASSERT_TRUE_FATAL(front_serve(scene->front));
}

static void scene_close(struct scene *scene)
{
  front_free(scene->front);
  event_base_free(scene->base);
  close(scene->listener);
  for (int i = 0; i < CLIENTS; i++) {
    close(scene->clients[i].fd);
    buffer_free(&scene->clients[i].out);
  }
}

static void put_record(struct buffer *out, unsigned char type, const void *data, size_t length)
{
  const unsigned char header[8] = {1, type, 0, 1, (unsigned char)(length >> 8), (unsigned char)length};
  buffer_append(out, header, sizeof header);
  if (length > 0)
    buffer_append(out, data, length);
}

static void put_request(struct client *client, size_t body)
{
  static const char piece[60000];
  char params[64] = "\x0e\x08"
                    "CONTENT_LENGTH";
  (void)snprintf(params + 16, sizeof params - 16, "%08zu", body);
  client->sent = 0;
  client->out.length = 0;
  put_record(&client->out, FCGI_BEGIN_REQUEST, (const char[8]){0, FCGI_RESPONDER, FCGI_KEEP_CONN}, 8);
  put_record(&client->out, FCGI_PARAMS, params, 24);
  put_record(&client->out, FCGI_PARAMS, NULL, 0);
  for (size_t length; body > 0; body -= length) {
    length = body < sizeof piece ? body : sizeof piece;
    put_record(&client->out, FCGI_STDIN, piece, length);
  }
  put_record(&client->out, FCGI_STDIN, NULL, 0);
}

/* All go on as far as they are let. */
static void go_on(struct scene *scene)
{
  for (int turn = 0; turn < TURNS; turn++) {
    for (int i = 0; i < CLIENTS; i++) {
      struct client *client = &scene->clients[i];
      const ssize_t sent = client->sent < client->out.length
                               ? send(client->fd, client->out.data + client->sent, client->out.length - client->sent,
                                      MSG_NOSIGNAL | MSG_DONTWAIT)
                               : 0;
      client->sent += sent > 0 ? (size_t)sent : 0;
    }
    CU_ASSERT_FATAL(event_base_loop(scene->base, EVLOOP_NONBLOCK) >= 0);
  }
}

static void respond(struct front_request *request, size_t length)
{
  struct response response;
  response_init(&response);
  response.status = 200;
  response.content_type = "text/plain";
  char *body = buffer_reserve(&response.body, length + 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(body);
  memset(body, 'a', length);
  buffer_advance(&response.body, length);
  front_respond(request, &response);
}

static void large_requests_wait_for_others(void)
{
  enum { LARGE = CLIENTS - 1, AT_ONCE = FRONT_HELD_MAX / BODY + 1 };
  struct scene scene;
  scene_open(&scene);
  for (int i = 0; i < LARGE; i++)
    put_request(&scene.clients[i], BODY);
  go_on(&scene);
  CU_ASSERT(scene.count > 4 && scene.count <= AT_ONCE);
  put_request(&scene.clients[LARGE], 100);
  int before = scene.count;
  go_on(&scene);
  CU_ASSERT_EQUAL_FATAL(scene.count, before + 1); /* a small one does not wait */
  CU_ASSERT_EQUAL(scene.requests[before]->body_length, 100);
  for (int answered = 0; answered < CLIENTS; answered++) {
    CU_ASSERT_FATAL(answered < scene.count);
    respond(scene.requests[answered], 10);
    go_on(&scene);
    CU_ASSERT(scene.count - answered - 1 <= AT_ONCE + 1);
  }
  CU_ASSERT_EQUAL(scene.count, CLIENTS);
  CU_ASSERT_EQUAL(front_numbers(scene.front).busy, 0);
  scene_close(&scene);
}

static void those_that_wait_may_leave(void)
{
  struct scene scene;
  scene_open(&scene);
  for (int i = 0; i < CLIENTS; i++)
    put_request(&scene.clients[i], BODY);
  go_on(&scene);
  const int before = scene.count;
  for (int i = 0; i < CLIENTS; i++)
    (void)shutdown(scene.clients[i].fd, SHUT_RDWR);
  for (int i = 0; i < before; i++)
    respond(scene.requests[i], 10);
  go_on(&scene);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
  scene_close(&scene);
}

static void drain(const struct scene *scene, int client, size_t least)
{
  static char waste[65536];
  for (size_t got = 0; got < least;) {
    const ssize_t length = recv(scene->clients[client].fd, waste, sizeof waste, MSG_DONTWAIT);
    got += length > 0 ? (size_t)length : 0;
    CU_ASSERT_FATAL(event_base_loop(scene->base, EVLOOP_NONBLOCK) >= 0);
  }
}

static void answers_not_taken_are_counted(void)
{
  struct scene scene;
  scene_open(&scene);
  for (int i = 0; i < 3; i++)
    put_request(&scene.clients[i], 0);
  go_on(&scene);
  CU_ASSERT_EQUAL_FATAL(scene.count, 3);
  CU_ASSERT_EQUAL(front_numbers(scene.front).unsent, 0);
  for (int i = 0; i < 3; i++)
    respond(scene.requests[i], i < 2 ? ANSWER : 10);
  CU_ASSERT_EQUAL(front_numbers(scene.front).unsent, 2 * (size_t)ANSWER);
  drain(&scene, 0, ANSWER);
  go_on(&scene);
  CU_ASSERT_EQUAL(front_numbers(scene.front).unsent, ANSWER);
  (void)shutdown(scene.clients[1].fd, SHUT_RDWR);
  go_on(&scene);
  CU_ASSERT_EQUAL(front_numbers(scene.front).unsent, 0);
  scene_close(&scene);
}

UNIT_CASES(room, UNIT_CASE(large_requests_wait_for_others), UNIT_CASE(those_that_wait_may_leave),
           UNIT_CASE(answers_not_taken_are_counted));
