/* Runs tables of refusals and of values at the edge. */
#include "system/refusal.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/world.h"

enum { LABEL_SIZE = 512, DEPTH = 20000 };

const char *caller_token(enum caller caller)
{
  switch (caller) {
  case CALLER_ADMIN:
    return world.admin.token;
  case CALLER_SERVICE:
    return world.service;
  case CALLER_GURU:
    return world.guru.token;
  case CALLER_SISWA:
    return world.siswa.token;
  case CALLER_STRANGER:
    return "bm8tc2Vzc2lvbi1oYXMtdGhpcy10b2tlbi1hdC1hbGw";
  case CALLER_EXPIRED:
    return world.expired;
  case CALLER_FALSE_KEY:
    return "lontar_sk_bm8tc2Vzc2lvbi1oYXMtdGhpcy10b2tlbi1hdC1hbGw";
  case CALLER_NOBODY:
    break;
  }
  return NULL;
}

const char *caller_name(enum caller caller)
{
  static const char *const names[] = {
      [CALLER_ADMIN] = "admin",     [CALLER_SERVICE] = "service",    [CALLER_GURU] = "guru",
      [CALLER_SISWA] = "siswa",     [CALLER_NOBODY] = "no token",    [CALLER_STRANGER] = "unknown token",
      [CALLER_EXPIRED] = "expired", [CALLER_FALSE_KEY] = "false key"};
  return names[caller];
}

static struct answer send_case(enum caller caller, const char *method, const char *path, const char *body)
{
  TEXT expanded_path = expand(path);
  TEXT expanded_body = body ? expand(body) : NULL;
  return request(method, expanded_path, caller_token(caller), expanded_body);
}

void refuse(const struct refusal *cases, size_t count)
{
  for (const struct refusal *it = cases; it < cases + count; it++) {
    char label[LABEL_SIZE];
    (void)snprintf(label, sizeof label, "%s (%s %s %s)", it->label, caller_name(it->caller), it->method, it->path);
    ANSWER answer = send_case(it->caller, it->method, it->path, it->body);
    if (it->field)
      (void)check_field(label, &answer, it->status, it->code, it->field);
    else
      (void)check_problem(label, &answer, it->status, it->code);
  }
}

void refuse_strangers(const char *method, const char *path, const char *body)
{
  static const enum caller callers[] = {CALLER_NOBODY, CALLER_STRANGER, CALLER_EXPIRED, CALLER_FALSE_KEY};
  for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
    char label[LABEL_SIZE];
    char challenge[LABEL_SIZE];
    (void)snprintf(label, sizeof label, "%s %s by %s", method, path, caller_name(callers[i]));
    ANSWER answer = send_case(callers[i], method, path, body);
    if (check_problem(label, &answer, 401, "unauthenticated"))
      CHECK(strncmp(answer_header(&answer, "WWW-Authenticate", challenge, sizeof challenge), "Bearer", 6) == 0,
            "%s: got WWW-Authenticate \"%s\", want Bearer", label, challenge);
  }
}

void refuse_callers(unsigned callers, const char *method, const char *path, const char *body)
{
  for (enum caller caller = CALLER_ADMIN; caller <= CALLER_SISWA; caller++) {
    char label[LABEL_SIZE];
    if (!(callers & 1u << caller))
      continue;
    (void)snprintf(label, sizeof label, "%s %s by %s", method, path, caller_name(caller));
    ANSWER answer = send_case(caller, method, path, body);
    (void)check_problem(label, &answer, 403, "forbidden");
  }
}

static void refuse_depth(const char *method, const char *path)
{
  char *body = malloc(DEPTH * 6 + 16);
  need(body != NULL, "no memory");
  char *end = body;
  for (int i = 0; i < DEPTH; i++)
    end = mempcpy(end, "{\"a\":", 5);
  *end++ = '1';
  memset(end, '}', DEPTH);
  end += DEPTH;
  ANSWER deep = request_with(method, path, world.admin.token, body, (size_t)(end - body), NULL);
  CHECK(deep.status == 400 || deep.status == 422, "%s %s, JSON %d deep: got %ld", method, path, DEPTH, deep.status);
  memset(body, '[', DEPTH);
  ANSWER open = request_with(method, path, world.admin.token, body, DEPTH, NULL);
  (void)check_problem("JSON of opening brackets", &open, 400, "malformed");
  free(body);
}

void refuse_bodies(const char *method, const char *path)
{
  static const struct {
    const char *label;
    const char *body;
    size_t length; /* 0: as a text */
  } cases[] = {
      {"words", "this is no JSON", 0},
      {"cut off", "{\"username\": \"bud", 0},
      {"no closing brace", "{", 0},
      {"an array", "[]", 0},
      {"a string", "\"text\"", 0},
      {"null", "null", 0},
      {"a number", "12", 0},
      {"more after the end", "{} {}", 0},
      {"a comma too many", "{\"grade\": 10,}", 0},
      {"single quotes", "{'grade': 10}", 0},
      {"a comment", "{/* */}", 0},
      {"NaN", "{\"confidence\": NaN}", 0},
      {"a name twice", "{\"name\": \"a b\", \"name\": \"c d\"}", 0},
      {"invalid UTF-8", "{\"name\": \"\xff\xfe\"}", 0},
      {"overlong UTF-8", "{\"name\": \"\xc0\xaf\"}", 0},
      {"half a surrogate in UTF-8", "{\"name\": \"\xed\xa0\x80\"}", 0},
      {"a character cut in two", "{\"name\": \"abc\xc3\"}", 0},
      {"half a surrogate, escaped", "{\"name\": \"\\ud800\"}", 0},
      {"a bare NUL byte", "{\"name\": \"a\0b\"}", 15},
      {"a control character", "{\"name\": \"a\nb\"}", 0},
      {"a byte order mark", "\xef\xbb\xbf{}", 0},
      {"UTF-16", "{\0}\0", 4},
      {"a bad escape", "{\"name\": \"\\x41\"}", 0},
      {"a number with a needless 0", "{\"grade\": 010}", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char label[LABEL_SIZE];
    (void)snprintf(label, sizeof label, "%s %s with %s", method, path, cases[i].label);
    size_t length = cases[i].length > 0 ? cases[i].length : strlen(cases[i].body);
    ANSWER answer = request_with(method, path, world.admin.token, cases[i].body, length, NULL);
    (void)check_problem(label, &answer, 400, "malformed");
    const char *detail = answer_text(&answer, "detail");
    CHECK(strncmp(detail, "In the body, line 1, column ", 28) == 0, "%s: no place in \"%s\"", label, detail);
    CHECK(strstr(detail, "c d") == NULL && strstr(detail, "abc") == NULL, "%s: the text in \"%s\"", label, detail);
  }
  ANSWER unknown = request(method, path, world.admin.token, "{\"colour\": \"red\"}");
  (void)check_field("an unknown field", &unknown, 422, "invalid", "colour");
  refuse_depth(method, path);
}

void edges(const char *method, const char *path, const char *body, const char *field, const struct edge *cases,
           size_t count)
{
  const char *place = strstr(body, "%s");
  need(place != NULL, "the body of an edge needs a %s");
  for (const struct edge *it = cases; it < cases + count; it++) {
    char label[LABEL_SIZE];
    (void)snprintf(label, sizeof label, "%s %s, %s: %s", method, path, field, it->label);
    TEXT whole = document("%.*s%s%s", (int)(place - body), body, it->value, place + 2);
    TEXT where = expand(path);
    ANSWER answer = request(method, where, world.service, whole);
    if (it->status < 400)
      (void)check_status(label, &answer, it->status);
    else
      (void)check_field(label, &answer, it->status, "invalid", field);
  }
}

void refuse_pages(const char *path)
{
  static const struct {
    const char *query;
    const char *field;
  } cases[] = {{"limit=0", "limit"},
               {"limit=101", "limit"},
               {"limit=-1", "limit"},
               {"limit=ten", "limit"},
               {"limit=", "limit"},
               {"limit=1.5", "limit"},
               {"limit=99999999999999999999", "limit"},
               {"offset=-1", "offset"},
               {"offset=2147483648", "offset"},
               {"offset=x", "offset"},
               {"after=nonsense", "after"},
               {"before=nonsense", "before"},
               {"after=", "after"},
               {"after=<x65>", "after"},
               {"limit=1&limit=2", "limit"},
               {"colour=red", "colour"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    TEXT whole = document("%s?%s", path, cases[i].query);
    ANSWER answer = get(whole, world.admin.token);
    bool cursor = strcmp(cases[i].field, "after") == 0 || strcmp(cases[i].field, "before") == 0;
    (void)check_field(whole, &answer, cursor ? 400 : 422, cursor ? "malformed" : "invalid", cases[i].field);
  }
}
