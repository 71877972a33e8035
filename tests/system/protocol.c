/* What is no proper request: refused as a problem document, by whoever finds it first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/refusal.h"
#include "system/system.h"
#include "system/world.h"

enum { MEGABYTE = 1024 * 1024, ID_SIZE = 256 };

static struct answer send_text(const char *text)
{
  return request_raw(text, strlen(text));
}

static void unknown_paths(void)
{
  static const char *const paths[] = {"~/nothing",
                                      "~/users/1/nothing",
                                      "~/users/1/chats/count/more",
                                      "~/",
                                      "~",
                                      "~/users/",
                                      "~/subjects/1/",
                                      "/",
                                      "/api/v2/users",
                                      "~//users",
                                      "~/Users",
                                      "~/subjects%2F1",
                                      "~/auth",
                                      "~/users/by-username/"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    ANSWER answer = get(paths[i], world.admin.token);
    (void)check_problem(paths[i], &answer, 404, "not_found");
  }
}

static void unknown_methods(void)
{
  static const struct {
    const char *method;
    const char *path;
    const char *allow;
  } cases[] = {{"PUT", "~/subjects", "GET, HEAD, POST"},
               {"DELETE", "~/subjects", "GET, HEAD, POST"},
               {"OPTIONS", "~/subjects", "GET, HEAD, POST"},
               {"BREW", "~/subjects", "GET, HEAD, POST"},
               {"POST", "~/users/1", "GET, HEAD, PATCH, DELETE"},
               {"GET", "~/auth/login", "POST"},
               {"HEAD", "~/auth/login", "POST"},
               {"PATCH", "~/chats", "POST, DELETE"},
               {"POST", "~/sessions/expired", "DELETE"},
               {"POST", "/health", "GET, HEAD"},
               {"PUT", "/metrics", "GET, HEAD"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char label[ID_SIZE];
    char allow[ID_SIZE];
    (void)snprintf(label, sizeof label, "%s %s", cases[i].method, cases[i].path);
    ANSWER answer = request(cases[i].method, cases[i].path, world.admin.token, NULL);
    if (strcmp(cases[i].method, "HEAD") == 0)
      (void)check_status(label, &answer, 405);
    else
      (void)check_problem(label, &answer, 405, "method_not_allowed");
    (void)check_text(label, answer_header(&answer, "Allow", allow, sizeof allow), cases[i].allow);
  }
  ANSWER trace = request("TRACE", "~/subjects", NULL, NULL);
  (void)check_problem("TRACE", &trace, 405, "method_not_allowed");
}

static void head_is_get_without_a_body(void)
{
  static const struct {
    const char *path;
    long status;
  } cases[] = {{"~/subjects", 200}, {"~/subjects/<subject>", 200}, {"~/subjects/<absent>", 404}, {"~/users", 403}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char of_head[ID_SIZE];
    char of_get[ID_SIZE];
    TEXT path = expand(cases[i].path);
    ANSWER head = request("HEAD", path, world.siswa.token, NULL);
    ANSWER whole = get(path, world.siswa.token);
    (void)check_status(path, &head, cases[i].status);
    (void)check_number(path, (long long)head.length, 0);
    (void)check_text(path, answer_header(&head, "Content-Type", of_head, sizeof of_head),
                     answer_header(&whole, "Content-Type", of_get, sizeof of_get));
  }
}

/* The connection is usable after a HEAD, so its answer really had no body. */
static void head_leaves_the_connection_clean(void)
{
  TEXT text = document("HEAD /api/v1/subjects HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
                       "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                       world.siswa.token);
  ANSWER answer = send_text(text);
  (void)check_status("HEAD", &answer, 200);
  CHECK(strncmp(answer.body, "HTTP/1.1 200", 12) == 0, "after HEAD: want the next answer at once: %.200s", answer.body);
}

static void requests_in_a_row_are_all_answered(void)
{
  static const char FIRST[] = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
  static const char LAST[] = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  TEXT text = document("%s%s%s%s", FIRST, FIRST, FIRST, LAST);
  ANSWER answer = send_text(text);
  int count = answer.status == 200;
  for (const char *at = answer.body; (at = strstr(at, "HTTP/1.1 200")); at++)
    count++;
  (void)check_number("answers", count, 4);
}

static void broken_requests(void)
{
  static const struct {
    const char *label;
    const char *text;
  } cases[] = {
      {"no Host", "GET /api/v1/subjects HTTP/1.1\r\nConnection: close\r\n\r\n"},
      {"two Hosts", "GET /api/v1/subjects HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"},
      {"a blank in the path", "GET /api/v1/sub jects HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
      {"%00 in the path", "GET /api/v1/users/by-username/a%00b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
      {"a broken escape", "GET /api/v1/users/by-username/a%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
      {"a method in small letters", "get /api/v1/subjects HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"},
      {"a length of letters",
       "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\nConnection: close\r\n\r\n"},
      {"a negative length",
       "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n"},
      {"length and chunks", "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"},
      {"a broken chunk", "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                         "Connection: close\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ANSWER answer = send_text(cases[i].text);
    (void)check_problem(cases[i].label, &answer, 400, "malformed");
  }
}

static void broken_utf_8(void)
{
  static const struct {
    const char *path;
    const char *place;
  } cases[] = {{"~/users/by-username/%ff%fe", "In the path, in username: "},
               {"~/users/by-username/%c0%af", "In the path, in username: "},
               {"~/users/by-username/%ed%a0%80", "In the path, in username: "},
               {"~/users?q=%80", "In the query, in q, which begins at byte 1: "},
               {"~/subjects?grade=10&code=%f8%88%80%80", "In the query, in code, which begins at byte 10: "},
               {"~/users?q=%zz", "In the query, in q, which begins at byte 1: "},
               {"~/users?%4=1", "In the query, in a parameter, which begins at byte 1: "},
               {"~/users?rahasia=%4", "In the query, in a parameter, which begins at byte 1: "},
               {"~/users?after=x", "In the query, in after: "},
               {"~/chats/recent?before=7", "In the query, in before: "}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ANSWER answer = get(cases[i].path, world.admin.token);
    (void)check_problem(cases[i].path, &answer, 400, "malformed");
    const char *detail = answer_text(&answer, "detail");
    CHECK(strncmp(detail, cases[i].place, strlen(cases[i].place)) == 0, "%s: got \"%s\", want \"%s\"", cases[i].path,
          detail, cases[i].place);
  }
}

/* A chat's body that is `size` bytes long. */
static char *body_of(size_t size)
{
  static const char HEAD[] = "{\"question\": \"a\", \"response\": \"";
  char *body = malloc(size + 1);
  need(body != NULL && size > sizeof HEAD + 2, "no memory");
  memset(body, 'b', size);
  memcpy(body, HEAD, sizeof HEAD - 1);
  memcpy(body + size - 2, "\"}", 3);
  return body;
}

static void bodies_at_the_edge(void)
{
  static const struct {
    size_t size;
    long status;
  } cases[] = {{MEGABYTE, 201}, {MEGABYTE + 1, 413}, {10 * MEGABYTE, 413}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    TEXT body = body_of(cases[i].size);
    ANSWER answer = request("POST", "~/chats", world.siswa.token, body);
    if (cases[i].status == 201)
      (void)check_status("the largest body", &answer, 201);
    else
      (void)check_problem("a body over the limit", &answer, 413, "too_large");
  }
  ANSWER after = get("~/auth/session", world.siswa.token);
  (void)check_status("afterwards", &after, 200);
}

static void a_body_in_chunks_is_taken(void)
{
  TEXT text = document("POST /api/v1/chats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n10\r\n{\"question\": \"a\"\r\n11\r\n, \"response\": \"b\"\r\n"
                       "1\r\n}\r\n0\r\n\r\n",
                       world.siswa.token);
  ANSWER answer = send_text(text);
  (void)check_status("a body in chunks", &answer, 201);
}

static void bodies_that_stop_short_cost_nothing(void)
{
  long long before = sql_number("SELECT count(*) FROM chat_history WHERE user_id = $1", world.other.id);
  TEXT text = document("POST /api/v1/chats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nConnection: close\r\n"
                       "Content-Length: 2\r\n\r\n{\"question\": \"a\", \"response\": \"b\"}",
                       world.other.token);
  ANSWER answer = send_text(text);
  (void)check_problem("a length that is too small", &answer, 400, "malformed");
  (void)check_number("chats", sql_number("SELECT count(*) FROM chat_history WHERE user_id = $1", world.other.id),
                     before);
}

static void long_addresses_and_headers(void)
{
  TEXT path = document("/api/v1/subjects?code=<x9000>");
  ANSWER address = get(path, world.siswa.token);
  (void)check_problem("an address of 9,000 bytes", &address, 414, "uri_too_long");
  TEXT fitting = document("/api/v1/subjects?code=<x7000>");
  ANSWER fits = get(fitting, world.siswa.token);
  (void)check_field("an address of 7,000 bytes", &fits, 422, "invalid", "code");
  TEXT header = document("X-Long: <x9000>");
  ANSWER large = request_with("GET", "~/subjects", world.siswa.token, NULL, 0, header);
  (void)check_problem("a header of 9,000 bytes", &large, 431, "headers_too_large");
  TEXT lines = document("X-A: <x7000>\r\nX-B: <x7000>\r\nX-C: <x7000>\r\nX-D: <x7000>\r\nX-E: <x7000>");
  ANSWER many = request_with("GET", "~/subjects", world.siswa.token, NULL, 0, lines);
  (void)check_problem("headers of 35,000 bytes", &many, 431, "headers_too_large");
  TEXT token = document("<x2000>");
  ANSWER long_token = get("~/subjects", token);
  (void)check_problem("a token of 2,000 bytes", &long_token, 401, "unauthenticated");
}

/* The same through nginx alone and through the daemon. */
static void request_ids(void)
{
  static const struct {
    const char *header; /* expanded */
    bool kept;
  } cases[] = {{"abc-123_X.9", true}, {"<x64>", true}, {"<x65>", false}, {"a b", false},
               {"a\"b", false},       {"é", false},    {"<a>", false},   {"a;b", false}};
  static const char *const paths[] = {"~/subjects", "~/nothing", "/nothing", "~/subjects/<subject>", "/health"};
  for (size_t i = 0; i < 5 * sizeof cases / sizeof cases[0]; i++) {
    char got[ID_SIZE];
    TEXT path = expand(paths[i % 5]);
    TEXT wanted = expand(cases[i / 5].header);
    TEXT header = document("X-Request-Id: %s", wanted);
    ANSWER answer = request_with("GET", path, world.siswa.token, NULL, 0, header);
    answer_header(&answer, "X-Request-Id", got, sizeof got);
    CHECK((strcmp(got, wanted) == 0) == cases[i / 5].kept, "%s with %s: got \"%s\"", path, header, got);
    CHECK(*got != '\0' && strlen(got) <= 64, "%s with %s: got \"%s\"", path, header, got);
  }
}

static void request_ids_differ(void)
{
  char first[ID_SIZE];
  char second[ID_SIZE];
  ANSWER one = get("/health/live", NULL);
  ANSWER two = get("/health/live", NULL);
  answer_header(&one, "X-Request-Id", first, sizeof first);
  answer_header(&two, "X-Request-Id", second, sizeof second);
  CHECK(*first != '\0' && strcmp(first, second) != 0, "ids of two requests: \"%s\" and \"%s\"", first, second);
}

/* Versions of nginx differ in what they make of several lines. */
static void of_several_request_ids_the_first_counts(void)
{
  static const struct {
    const char *headers;
    const char *want; /* NULL: another one */
  } cases[] = {{"X-Request-Id: first.1\nX-Request-Id: second.2", "first.1"},
               {"X-Request-Id: first.1, second.2", "first.1"},
               {"X-Request-Id: first 1\nX-Request-Id: second.2", NULL},
               {"X-Request-Id;\nX-Request-Id: second.2", NULL}};
  static const char *const paths[] = {"~/subjects", "/nothing"};
  for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
    char got[ID_SIZE];
    ANSWER answer = request_with("GET", paths[i % 2], world.siswa.token, NULL, 0, cases[i / 2].headers);
    answer_header(&answer, "X-Request-Id", got, sizeof got);
    const char *want = cases[i / 2].want;
    CHECK(want ? strcmp(got, want) == 0 : strpbrk(got, ", ") == NULL && strcmp(got, "second.2") != 0,
          "%s with %s: got \"%s\"", paths[i % 2], cases[i / 2].headers, got);
  }
}

static void answers_tell_no_more_than_they_should(void)
{
  static const char *const paths[] = {"~/subjects", "~/nothing", "/nothing", "~/users?q=%ff"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
    char value[ID_SIZE];
    ANSWER answer = get(paths[i], world.admin.token);
    CHECK(strpbrk(answer_header(&answer, "Server", value, sizeof value), "0123456789") == NULL,
          "%s: Server tells a version: %s", paths[i], value);
    CHECK(strstr(answer.body, "SELECT") == NULL && strstr(answer.body, "src/") == NULL, "%s: %s", paths[i],
          answer.body);
  }
}

static void json_is_the_type(void)
{
  char type[ID_SIZE];
  ANSWER answer = get("~/subjects", world.siswa.token);
  answer_header(&answer, "Content-Type", type, sizeof type);
  CHECK(strncmp(type, "application/json", 16) == 0, "content type: got \"%s\"", type);
}

CU_TestInfo suite_protocol[] = {{"unknown paths", unknown_paths},
                                {"unknown methods", unknown_methods},
                                {"HEAD is GET without a body", head_is_get_without_a_body},
                                {"HEAD leaves the connection clean", head_leaves_the_connection_clean},
                                {"requests in a row are all answered", requests_in_a_row_are_all_answered},
                                {"broken requests", broken_requests},
                                {"broken UTF-8", broken_utf_8},
                                {"bodies at the edge", bodies_at_the_edge},
                                {"a body in chunks is taken", a_body_in_chunks_is_taken},
                                {"bodies that stop short cost nothing", bodies_that_stop_short_cost_nothing},
                                {"long addresses and headers", long_addresses_and_headers},
                                {"request ids are taken over when sane", request_ids},
                                {"of several request ids the first counts", of_several_request_ids_the_first_counts},
                                {"request ids differ", request_ids_differ},
                                {"answers tell no more than they should", answers_tell_no_more_than_they_should},
                                {"JSON is the type", json_is_the_type},
                                CU_TEST_INFO_NULL};
