/* Tests of front/request: what it reads from records is what libfcgi reads from them, and broken ones hurt nobody. */
#include <fastcgi.h>
#include <fcgiapp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "front/request.h"
#include "unit.h"

enum { MAX_BODY = 70000, WIRE_MAX = 1 << 20, ROUNDS = 400, MUTATIONS = 20000 };

static unsigned below(unsigned limit)
{
  return (unsigned)random() % limit;
}

/* libfcgi is lost where padding lies between records of different kinds. */
static void put_record(struct buffer *out, unsigned char type, int id, const char *data, size_t length)
{
  const unsigned padding = type != FCGI_BEGIN_REQUEST && length > 0 && below(3) == 0 ? below(256) : 0;
  const unsigned char header[8] = {1,
                                   type,
                                   (unsigned char)(id >> 8),
                                   (unsigned char)id,
                                   (unsigned char)(length >> 8),
                                   (unsigned char)length,
                                   (unsigned char)padding};
  static const char zeros[256];
  buffer_append(out, header, sizeof header);
  if (length > 0)
    buffer_append(out, data, length);
  buffer_append(out, zeros, padding);
}

/* A stream in records of any size, and the empty one at its end. */
static void put_stream(struct buffer *out, unsigned char type, int id, const struct buffer *content)
{
  for (size_t at = 0; at < content->length;) {
    const size_t left = content->length - at;
    const size_t most = left < FCGI_MAX_LENGTH ? left : FCGI_MAX_LENGTH;
    const size_t length = below(2) == 0 ? most : 1 + below((unsigned)most);
    put_record(out, type, id, content->data + at, length);
    at += length;
  }
  put_record(out, type, id, NULL, 0);
}

static void put_length(struct buffer *out, size_t length)
{
  const unsigned char four[4] = {(unsigned char)(length >> 24 | 128), (unsigned char)(length >> 16),
                                 (unsigned char)(length >> 8), (unsigned char)length};
  const unsigned char one = (unsigned char)length;
  if (length > 127 || below(10) == 0)
    buffer_append(out, four, sizeof four);
  else
    buffer_append(out, &one, 1);
}

static void put_parameter(struct buffer *out, const char *name, const char *value, size_t length)
{
  put_length(out, strlen(name));
  put_length(out, length);
  buffer_append_text(out, name);
  buffer_append(out, value, length);
}

static void put_random_parameter(struct buffer *out, const char *name)
{
  static char value[70000];
  const size_t length = below(50) == 0 ? below(sizeof value) : below(300);
  for (size_t i = 0; i < length; i++)
    value[i] = (char)('!' + below(90));
  put_parameter(out, name, value, length);
}

static const char *const names[] = {"HTTP_AUTHORIZATION", "REMOTE_ADDR", "REQUEST_URI", "HTTP_X_OTHER", "A", ""};

enum { NAMES = sizeof names / sizeof names[0] };

static void build(struct buffer *out, const char *announced, const struct buffer *body)
{
  const int id = 1 + (int)below(65535);
  struct buffer parameters;
  buffer_init(&parameters, WIRE_MAX);
  put_parameter(&parameters, "REQUEST_METHOD", "PATCH", 5);
  for (unsigned count = below(12); count > 0; count--)
    put_random_parameter(&parameters, names[below(NAMES)]);
  put_parameter(&parameters, "CONTENT_LENGTH", announced, strlen(announced));
  put_parameter(&parameters, "LONTAR_REQUEST_ID", "nginx-1", 7);
  put_record(out, FCGI_BEGIN_REQUEST, id, (const char[8]){0, FCGI_RESPONDER, (char)below(2)}, 8);
  put_stream(out, FCGI_PARAMS, id, &parameters);
  put_stream(out, FCGI_STDIN, id, body);
  buffer_free(&parameters);
}

static void build_random(struct buffer *out)
{
  struct buffer body;
  char announced[16];
  buffer_init(&body, MAX_BODY);
  for (unsigned length = below(5) == 0 ? below(MAX_BODY) : below(100); length > 0; length--)
    buffer_append(&body, &(char){(char)below(256)}, 1);
  (void)snprintf(announced, sizeof announced, "%zu", body.length);
  build(out, announced, &body);
  buffer_free(&body);
}

static bool parse(const struct buffer *wire, size_t length, struct front_request *request,
                  struct request_origin *origin)
{
  *request = (struct front_request){.path = ""};
  return request_read((const unsigned char *)wire->data, length, MAX_BODY, request, origin);
}

static void expect_parameter(const FCGX_Request *fcgi, const char *name, const char *ours, const char *absent)
{
  const char *theirs = FCGX_GetParam(name, fcgi->envp);
  CU_ASSERT_STRING_EQUAL(ours == NULL ? "(none)" : ours, theirs == NULL ? absent : theirs);
}

static void expect_body(const FCGX_Request *fcgi, const struct front_request *request)
{
  static char theirs[MAX_BODY + 1];
  const int length = FCGX_GetStr(theirs, sizeof theirs, fcgi->in);
  CU_ASSERT_EQUAL_FATAL(request->body_length, (size_t)length);
  CU_ASSERT_EQUAL(memcmp(request->body, theirs, request->body_length), 0);
}

/* libfcgi reads the same bytes from a file. */
static void expect_the_same(const struct buffer *wire)
{
  struct front_request request;
  struct request_origin origin;
  FCGX_Request fcgi;
  CU_ASSERT_EQUAL_FATAL(FCGX_InitRequest(&fcgi, -1, 0), 0);
  fcgi.ipcFd = memfd_create("request", MFD_CLOEXEC);
  fcgi.keepConnection = 1;
  CU_ASSERT_EQUAL_FATAL(write(fcgi.ipcFd, wire->data, wire->length), (ssize_t)wire->length);
  CU_ASSERT_EQUAL_FATAL(lseek(fcgi.ipcFd, 0, SEEK_SET), 0);
  CU_ASSERT_EQUAL_FATAL(FCGX_Accept_r(&fcgi), 0);
  CU_ASSERT_TRUE_FATAL(parse(wire, wire->length, &request, &origin));
  CU_ASSERT_EQUAL(origin.id, fcgi.requestId);
  CU_ASSERT_EQUAL(origin.keep, fcgi.keepConnection != 0);
  CU_ASSERT_EQUAL(request.method, METHOD_PATCH);
  CU_ASSERT_STRING_EQUAL(request.request_id, "nginx-1");
  expect_parameter(&fcgi, "HTTP_AUTHORIZATION", request.authorization, "(none)");
  expect_parameter(&fcgi, "REMOTE_ADDR", request.remote_addr, "");
  expect_parameter(&fcgi, "REQUEST_URI", request.path, "");
  expect_body(&fcgi, &request);
  free(origin.memory);
  FCGX_Free(&fcgi, 1);
}

static void libfcgi_reads_the_same(void)
{
  CU_ASSERT_EQUAL_FATAL(FCGX_Init(), 0);
  srandom(1);
  for (int round = 0; round < ROUNDS; round++) {
    struct buffer wire;
    buffer_init(&wire, WIRE_MAX);
    build_random(&wire);
    expect_the_same(&wire);
    buffer_free(&wire);
  }
}

static bool is_read(const struct buffer *wire, size_t length)
{
  struct front_request request;
  struct request_origin origin;
  const bool good = parse(wire, length, &request, &origin);
  free(origin.memory);
  return good;
}

static void a_request_must_be_whole_and_alone(void)
{
  struct buffer wire, body;
  buffer_init(&wire, WIRE_MAX);
  buffer_init(&body, MAX_BODY);
  buffer_append_text(&body, "hello");
  build(&wire, "5", &body);
  CU_ASSERT(is_read(&wire, wire.length));
  for (size_t length = 0; length < wire.length; length++)
    CU_ASSERT(!is_read(&wire, length));
  buffer_append(&wire, "", 1);
  CU_ASSERT(!is_read(&wire, wire.length));
  buffer_free(&wire);
  buffer_free(&body);
}

static void a_body_must_be_as_announced(void)
{
  const struct {
    const char *announced;
    bool read;
  } cases[] = {{"5", true}, {"4", false}, {"6", false}, {"-5", false}, {"5x", false}, {"", false}, {"70001", true}};
  struct buffer body;
  buffer_init(&body, MAX_BODY);
  buffer_append_text(&body, "hello");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct buffer wire;
    buffer_init(&wire, WIRE_MAX);
    build(&wire, cases[i].announced, &body);
    CU_ASSERT_EQUAL(is_read(&wire, wire.length), cases[i].read);
    buffer_free(&wire);
  }
  buffer_free(&body);
}

static void only_responders_are_asked(void)
{
  struct buffer wire;
  const struct buffer nothing = {.length = 0};
  buffer_init(&wire, WIRE_MAX);
  build(&wire, "", &nothing);
  CU_ASSERT(is_read(&wire, wire.length));
  wire.data[9] = FCGI_AUTHORIZER;
  CU_ASSERT(!is_read(&wire, wire.length));
  buffer_free(&wire);
}

/* For the sanitizers and valgrind: whatever is read then, nothing beyond the bytes is. */
static void changed_bytes_are_survived(void)
{
  srandom(2);
  for (int round = 0; round < MUTATIONS / 100; round++) {
    struct buffer wire;
    buffer_init(&wire, WIRE_MAX);
    build_random(&wire);
    for (int change = 0; change < 100; change++) {
      const unsigned at = below((unsigned)(below(4) == 0 ? wire.length : 100));
      char *exact = malloc(wire.length);
      CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
      memcpy(exact, wire.data, wire.length);
      exact[at] = (char)below(256);
      const struct buffer changed = {.data = exact, .length = wire.length};
      (void)is_read(&changed, below(4) == 0 ? below((unsigned)wire.length) : wire.length);
      free(exact);
    }
    buffer_free(&wire);
  }
}

UNIT_CASES(request, UNIT_CASE(libfcgi_reads_the_same), UNIT_CASE(a_request_must_be_whole_and_alone),
           UNIT_CASE(a_body_must_be_as_announced), UNIT_CASE(only_responders_are_asked),
           UNIT_CASE(changed_bytes_are_survived));
