/* front: requests over a real socket, as nginx would send them, and the bytes that come back. */
#include <event2/event.h>
#include <fastcgi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "front/front.h"
#include "front/handover.h"
#include "unit.h"

enum { MAX_BODY = 1000, PAGE = 300000, HEADERS = 112 };

/* A front with a handler that keeps the request, an inbox that is its own outbox, and one client. */
struct scene {
  struct event_base *base;
  struct front *front;
  int listener;
  int handover[2];
  int client;
  struct front_request *request;
  int gone;
};

static void on_request(void *owner, struct front_request *request)
{
  ((struct scene *)owner)->request = request;
}

static void on_gone(void *owner, struct front_request *request)
{
  struct scene *scene = owner;
  CU_ASSERT_PTR_EQUAL(request, scene->request);
  scene->gone++;
}

static void turn(struct scene *scene)
{
  for (int i = 0; i < 5; i++)
    CU_ASSERT_FATAL(event_base_loop(scene->base, EVLOOP_NONBLOCK) >= 0);
}

static void scene_open(struct scene *scene)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX}; /* the kernel picks an abstract name */
  socklen_t length = sizeof address;
  *scene = (struct scene){.base = event_base_new()};
  scene->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  CU_ASSERT_FATAL(bind(scene->listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
  CU_ASSERT_FATAL(listen(scene->listener, 8) == 0);
  CU_ASSERT_FATAL(getsockname(scene->listener, (struct sockaddr *)&address, &length) == 0);
  scene->client = socket(AF_UNIX, SOCK_STREAM, 0);
  CU_ASSERT_FATAL(connect(scene->client, (struct sockaddr *)&address, length) == 0);
  const struct front_handler handler = {on_request, on_gone, scene};
  CU_ASSERT_FATAL(handover_open(scene->handover) == 0);
  const struct front_sockets sockets = {scene->listener, scene->handover[0], scene->handover[1]};
  scene->front = front_new(scene->base, &sockets, MAX_BODY, &handler);
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene->front);
  turn(scene);
  CU_ASSERT_EQUAL(front_numbers(scene->front).connections, 0);
  CU_ASSERT_TRUE_FATAL(front_serve(scene->front));
  turn(scene);
  CU_ASSERT_EQUAL(front_numbers(scene->front).connections, 1);
}

static void scene_close(struct scene *scene)
{
  front_free(scene->front);
  event_base_free(scene->base);
  close(scene->listener);
  close(scene->handover[0]);
  close(scene->handover[1]);
  close(scene->client);
}

static void put_record(struct buffer *out, unsigned char type, const void *data, size_t length)
{
  unsigned char header[8] = {1, type, 0, 1, (unsigned char)(length >> 8), (unsigned char)length};
  buffer_append(out, header, sizeof header);
  if (length > 0)
    buffer_append(out, data, length);
}

static void put_param(struct buffer *out, const char *name, const char *value)
{
  unsigned char lengths[2] = {(unsigned char)strlen(name), (unsigned char)strlen(value)};
  buffer_append(out, lengths, sizeof lengths);
  buffer_append_text(out, name);
  buffer_append_text(out, value);
}

static void build_request(struct buffer *out, const char *method, const char *announced, const char *body)
{
  struct buffer params;
  buffer_init(&params, 4096);
  buffer_init(out, 8192);
  put_param(&params, "REQUEST_METHOD", method);
  put_param(&params, "REQUEST_URI", "/api/v1/chats%20?limit=2&x=?");
  put_param(&params, "CONTENT_LENGTH", announced);
  put_param(&params, "HTTP_AUTHORIZATION", "Bearer t");
  put_param(&params, "REMOTE_ADDR", "::1");
  put_param(&params, "LONTAR_REQUEST_ID", "not sane\n");
  put_param(&params, "HTTP_X_REQUEST_ID", "id-1");
  put_param(&params, "LONTAR_ARRIVED", "1000000000.123");
  put_record(out, FCGI_BEGIN_REQUEST, (const char[8]){0, FCGI_RESPONDER, FCGI_KEEP_CONN}, 8);
  put_record(out, FCGI_PARAMS, params.data, params.length);
  put_record(out, FCGI_PARAMS, NULL, 0);
  if (*body != '\0')
    put_record(out, FCGI_STDIN, body, strlen(body));
  put_record(out, FCGI_STDIN, NULL, 0);
  buffer_free(&params);
}

static void send_bytes(struct scene *scene, const char *data, size_t length)
{
  CU_ASSERT_EQUAL(send(scene->client, data, length, MSG_NOSIGNAL), (ssize_t)length);
  turn(scene);
}

static void send_request(struct scene *scene, const char *method, const char *announced, const char *body)
{
  struct buffer out;
  build_request(&out, method, announced, body);
  send_bytes(scene, out.data, out.length);
  buffer_free(&out);
}

static void respond(struct scene *scene, int status, const char *type, size_t body_length)
{
  struct response response;
  response_init(&response);
  response.status = status;
  response.content_type = type;
  buffer_append_text(&response.headers, "Cache-Control: no-store\r\n");
  for (size_t i = 0; i < body_length; i++)
    buffer_append(&response.body, &"0123456789"[i % 10], 1);
  front_respond(scene->request, &response);
  CU_ASSERT_PTR_NULL(response.body.data);
  scene->request = NULL;
}

/* Takes bytes from the front while its loop turns; false when they end early. */
static bool take(struct scene *scene, void *out, size_t length)
{
  char *at = out;
  for (int idle = 0; length > 0 && idle < 3; idle++) {
    ssize_t got = recv(scene->client, at, length, MSG_DONTWAIT);
    if (got > 0) {
      at += got;
      length -= (size_t)got;
      idle = -1;
    } else {
      turn(scene);
    }
  }
  return length == 0;
}

/* Joins STDOUT up to END_REQUEST; false when the records break off. */
static bool read_answer(struct scene *scene, struct buffer *out)
{
  for (;;) {
    unsigned char header[8];
    if (!take(scene, header, sizeof header))
      return false;
    size_t length = (size_t)(header[4] << 8 | header[5]);
    char *data = buffer_reserve(out, length + 8);
    if (data == NULL || !take(scene, data, length + header[6]))
      return false;
    CU_ASSERT_EQUAL(header[3], 1);
    if (header[1] == FCGI_END_REQUEST)
      return true;
    CU_ASSERT_EQUAL(header[1], FCGI_STDOUT);
    buffer_advance(out, length);
  }
}

static void expect_answer(struct scene *scene, const char *expected)
{
  struct buffer answer;
  buffer_init(&answer, 1 << 20);
  CU_ASSERT(read_answer(scene, &answer));
  UNIT_TEXT(answer.data, answer.length, expected);
  buffer_free(&answer);
}

static void is_at_end(struct scene *scene)
{
  char byte;
  turn(scene);
  CU_ASSERT_EQUAL(recv(scene->client, &byte, 1, MSG_DONTWAIT), 0);
}

static void reads_a_request(void)
{
  struct scene scene;
  scene_open(&scene);
  send_request(&scene, "POST", "5", "hello");
  const struct front_request *request = scene.request;
  CU_ASSERT_PTR_NOT_NULL_FATAL(request);
  CU_ASSERT_EQUAL(request->method, METHOD_POST);
  UNIT_TEXT(request->path, request->path_length, "/api/v1/chats%20");
  CU_ASSERT_STRING_EQUAL(request->query, "limit=2&x=?");
  CU_ASSERT_STRING_EQUAL(request->authorization, "Bearer t");
  CU_ASSERT_STRING_EQUAL(request->remote_addr, "::1");
  CU_ASSERT_STRING_EQUAL(request->request_id, "id-1");
  UNIT_TEXT(request->body, request->body_length, "hello");
  int64_t age = clock_steady() - request->arrived; /* clamped: it says 2001 */
  CU_ASSERT(age >= 60 * CLOCK_SECOND && age < 70 * CLOCK_SECOND);
  CU_ASSERT_EQUAL(front_numbers(scene.front).busy, 1);
  respond(&scene, 200, "text/plain", 3);
  scene_close(&scene);
}

static void answers_and_keeps_the_connection(void)
{
  struct scene scene;
  scene_open(&scene);
  for (int i = 0; i < 3; i++) {
    send_request(&scene, "GET", "", "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
    respond(&scene, 200, "text/plain", 3);
    expect_answer(&scene, "Status: 200 OK\r\nX-Request-Id: id-1\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
                          "Cache-Control: no-store\r\n\r\n012");
    CU_ASSERT_EQUAL(front_numbers(scene.front).busy, 0);
    CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 1);
  }
  scene_close(&scene);
}

static void sends_no_body_for_head_and_204(void)
{
  struct scene scene;
  scene_open(&scene);
  send_request(&scene, "HEAD", "0", "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  respond(&scene, 200, "text/plain", 3);
  expect_answer(&scene, "Status: 200 OK\r\nX-Request-Id: id-1\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
                        "Cache-Control: no-store\r\n\r\n");
  send_request(&scene, "DELETE", "", "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  respond(&scene, 204, NULL, 0);
  expect_answer(&scene, "Status: 204 No Content\r\nX-Request-Id: id-1\r\nCache-Control: no-store\r\n\r\n");
  scene_close(&scene);
}

static bool counts_up(const char *data, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (data[i] != "0123456789"[i % 10])
      return false;
  return true;
}

static void sends_what_the_socket_takes(void)
{
  /* The first record holds 65,528 bytes of headers and body, the next ones as many of body alone. */
  const size_t lengths[] = {65415, 65416, 65417, 130942, 130943, 130944, PAGE};
  int small = 4096;
  struct scene scene;
  scene_open(&scene);
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    struct buffer answer;
    buffer_init(&answer, 1 << 20);
    send_request(&scene, "GET", "", "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
    (void)setsockopt(scene.client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    respond(&scene, 200, "text/plain", lengths[i]);
    CU_ASSERT(read_answer(&scene, &answer));
    CU_ASSERT_FATAL(answer.length > lengths[i]);
    CU_ASSERT_EQUAL(answer.length - lengths[i], lengths[i] < 100000 ? HEADERS : HEADERS + 1);
    CU_ASSERT(counts_up(answer.data + answer.length - lengths[i], lengths[i]));
    turn(&scene);
    CU_ASSERT_EQUAL(front_numbers(scene.front).busy, 0);
    buffer_free(&answer);
  }
  scene_close(&scene);
}

static void closes_after_a_body_too_large(void)
{
  struct scene scene;
  scene_open(&scene);
  send_request(&scene, "POST", "1001", "the beginning");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  CU_ASSERT(scene.request->too_large);
  respond(&scene, 413, "text/plain", 0);
  expect_answer(&scene, "Status: 413 Content Too Large\r\nX-Request-Id: id-1\r\nContent-Type: text/plain\r\n"
                        "Content-Length: 0\r\nCache-Control: no-store\r\n\r\n");
  is_at_end(&scene);
  (void)shutdown(scene.client, SHUT_WR);
  turn(&scene);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
  scene_close(&scene);
}

static void drops_a_body_that_is_not_as_announced(void)
{
  const char *const announced[] = {"4", "6", "-1", "5x"};
  for (size_t i = 0; i < sizeof announced / sizeof *announced; i++) {
    struct scene scene;
    scene_open(&scene);
    send_request(&scene, "POST", announced[i], "hello");
    CU_ASSERT_PTR_NULL(scene.request);
    CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
    scene_close(&scene);
  }
}

static void a_part_of_a_request_waits_for_the_rest(void)
{
  struct scene scene;
  struct buffer out;
  scene_open(&scene);
  build_request(&out, "POST", "5", "hello");
  for (size_t part = 1; part < out.length; part += 7) {
    send_bytes(&scene, out.data, part);
    CU_ASSERT_PTR_NULL(scene.request);
    CU_ASSERT_EQUAL(front_numbers(scene.front).busy, 1);
    send_bytes(&scene, out.data + part, out.length - part);
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
    UNIT_TEXT(scene.request->body, scene.request->body_length, "hello");
    respond(&scene, 204, NULL, 0);
    expect_answer(&scene, "Status: 204 No Content\r\nX-Request-Id: id-1\r\nCache-Control: no-store\r\n\r\n");
  }
  buffer_free(&out);
  scene_close(&scene);
}

static void a_request_larger_than_its_window_is_read(void)
{
  char body[MAX_BODY + 1];
  struct scene scene;
  struct buffer out;
  scene_open(&scene);
  memset(body, 'x', MAX_BODY);
  body[MAX_BODY] = '\0';
  build_request(&out, "POST", "1000", body);
  struct buffer large; /* its parameters come again and again */
  buffer_init(&large, 1 << 20);
  buffer_append(&large, out.data, 16);
  const size_t params = (size_t)((unsigned char)out.data[20] << 8 | (unsigned char)out.data[21]) + 8;
  while (large.length < 100000)
    buffer_append(&large, out.data + 16, params);
  buffer_append(&large, out.data + 16, out.length - 16);
  send_bytes(&scene, large.data, large.length);
  turn(&scene);
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  UNIT_TEXT(scene.request->body, scene.request->body_length, body);
  respond(&scene, 200, "text/plain", 0);
  buffer_free(&out);
  buffer_free(&large);
  scene_close(&scene);
}

static void drops_what_is_not_fastcgi(void)
{
  struct scene scene;
  scene_open(&scene);
  CU_ASSERT_EQUAL(send(scene.client, "GET / HTTP/1.0\r\n\r\n", 18, MSG_NOSIGNAL), 18);
  turn(&scene);
  CU_ASSERT_PTR_NULL(scene.request);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
  scene_close(&scene);
}

static void notices_that_nginx_left(void)
{
  struct scene scene;
  scene_open(&scene);
  send_request(&scene, "GET", "", "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  (void)shutdown(scene.client, SHUT_RDWR);
  turn(&scene);
  CU_ASSERT_EQUAL(scene.gone, 1);
  CU_ASSERT_EQUAL(front_numbers(scene.front).busy, 1);
  respond(&scene, 200, "text/plain", 3);
  CU_ASSERT_EQUAL(front_numbers(scene.front).busy, 0);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
  scene_close(&scene);
}

static void drains(void)
{
  struct scene scene;
  scene_open(&scene);
  send_request(&scene, "GET", "", "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  front_drain(scene.front);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 1);
  respond(&scene, 200, "text/plain", 0);
  expect_answer(&scene, "Status: 200 OK\r\nX-Request-Id: id-1\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n"
                        "Cache-Control: no-store\r\n\r\n");
  is_at_end(&scene);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
  scene_close(&scene);
}

static void hands_over_what_is_parked(void)
{
  struct scene scene;
  struct buffer out;
  scene_open(&scene);
  send_request(&scene, "GET", "", "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  respond(&scene, 204, NULL, 0);
  expect_answer(&scene, "Status: 204 No Content\r\nX-Request-Id: id-1\r\nCache-Control: no-store\r\n\r\n");
  build_request(&out, "GET", "", "");
  CU_ASSERT_EQUAL(send(scene.client, out.data, out.length, MSG_NOSIGNAL), (ssize_t)out.length);
  front_retire(scene.front); /* before it has read what was sent */
  turn(&scene);
  CU_ASSERT_PTR_NULL(scene.request);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
  CU_ASSERT_TRUE_FATAL(front_serve(scene.front)); /* as the successor would */
  turn(&scene);
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  respond(&scene, 204, NULL, 0);
  expect_answer(&scene, "Status: 204 No Content\r\nX-Request-Id: id-1\r\nCache-Control: no-store\r\n\r\n");
  buffer_free(&out);
  scene_close(&scene);
}

static void hands_over_after_the_answer(void)
{
  struct scene scene;
  scene_open(&scene);
  send_request(&scene, "GET", "", "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  front_retire(scene.front);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 1);
  respond(&scene, 204, NULL, 0);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
  expect_answer(&scene, "Status: 204 No Content\r\nX-Request-Id: id-1\r\nCache-Control: no-store\r\n\r\n");
  CU_ASSERT_TRUE_FATAL(front_serve(scene.front));
  turn(&scene);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 1);
  send_request(&scene, "GET", "", "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  respond(&scene, 204, NULL, 0);
  scene_close(&scene);
}

/* The outbox is filled with copies of some descriptor, which are no connections. */
static void serves_what_it_cannot_hand_over(void)
{
  struct scene scene;
  scene_open(&scene);
  while (handover_send(scene.handover[1], scene.client) == 0)
    ;
  front_retire(scene.front);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 1);
  send_request(&scene, "GET", "", "");
  CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
  respond(&scene, 204, NULL, 0);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 1);
  for (int descriptor; (descriptor = handover_receive(scene.handover[0])) >= 0;)
    close(descriptor);
  for (int64_t end = clock_steady() + CLOCK_SECOND; front_numbers(scene.front).connections > 0 && clock_steady() < end;)
    turn(&scene);
  CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
  scene_close(&scene);
}

/* The one connection goes to another worker's inbox, and is taken from there. */
static void shares_a_connection_between_requests(void)
{
  struct scene scene;
  scene_open(&scene);
  for (int wanted = 2; wanted >= 0; wanted--) {
    send_request(&scene, "GET", "", "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(scene.request);
    front_share(scene.front, scene.handover[1], 1);
    front_share(scene.front, scene.handover[1], wanted);
    CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 1);
    respond(&scene, 204, NULL, 0);
    CU_ASSERT_EQUAL(front_numbers(scene.front).connections, wanted == 0);
    expect_answer(&scene, "Status: 204 No Content\r\nX-Request-Id: id-1\r\nCache-Control: no-store\r\n\r\n");
    front_share(scene.front, scene.handover[1], 1);
    CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 0);
    front_rescue(scene.front, scene.handover[0]);
    CU_ASSERT_EQUAL(front_numbers(scene.front).connections, 1);
  }
  CU_ASSERT_EQUAL(front_numbers(scene.front).given, 3);
  scene_close(&scene);
}

UNIT_CASES(front, UNIT_CASE(reads_a_request), UNIT_CASE(answers_and_keeps_the_connection),
           UNIT_CASE(sends_no_body_for_head_and_204), UNIT_CASE(sends_what_the_socket_takes),
           UNIT_CASE(closes_after_a_body_too_large), UNIT_CASE(drops_a_body_that_is_not_as_announced),
           UNIT_CASE(drops_what_is_not_fastcgi), UNIT_CASE(notices_that_nginx_left), UNIT_CASE(drains),
           UNIT_CASE(a_part_of_a_request_waits_for_the_rest), UNIT_CASE(a_request_larger_than_its_window_is_read),
           UNIT_CASE(hands_over_what_is_parked), UNIT_CASE(hands_over_after_the_answer),
           UNIT_CASE(serves_what_it_cannot_hand_over), UNIT_CASE(shares_a_connection_between_requests));
