/* The table of routes and its matching, segment by segment. */
#include "route/route.h"

#include <stdint.h>
#include <string.h>

#define MUST(name) {FIELD_##name, true},
#define MAY(name) {FIELD_##name, false},
#define ANYONE WHO_ANYONE
#define SISWA WHO_SISWA
#define GURU WHO_GURU
#define ADMIN WHO_ADMIN
#define SERVICE WHO_SERVICE
#define OWNER WHO_OWNER
#define LOOPBACK WHO_LOOPBACK

const struct route_row route_rows[ROUTE_COUNT] = {
    [ROUTE_none] = {.name = "none", .method = METHOD_UNKNOWN, .path = ""},
#define ROUTE(name, method, path, who, query, body, statement, statement_before, answer)                               \
  [ROUTE_##name] = {                                                                                                   \
      #name,          METHOD_##method, path, who, query, body, STATEMENT_##statement, STATEMENT_##statement_before,    \
      ANSWER_##answer},
#include "route/routes.def"
#undef ROUTE
};

static const char *const method_names[] = {
    [METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",
    [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE", [METHOD_UNKNOWN] = "",
};

/* What is left of a path; a segment goes from one slash to the next. */
struct span {
  const char *text;
  size_t length;
};

/* Takes the next segment off a path that begins with a slash; false at its end. */
static bool next_segment(struct span *path, struct span *ret_segment)
{
  if (path->length == 0 || *path->text != '/')
    return false;
  const char *begin = path->text + 1;
  const char *slash = memchr(begin, '/', path->length - 1);
  size_t length = slash != NULL ? (size_t)(slash - begin) : path->length - 1;
  *ret_segment = (struct span){begin, length};
  path->text = begin + length;
  path->length -= length + 1;
  return true;
}

static bool is_capture(struct span pattern)
{
  return pattern.length > 0 && pattern.text[0] == '{';
}

static bool segment_matches(struct span pattern, struct span segment)
{
  if (is_capture(pattern))
    return segment.length > 0;
  return pattern.length == segment.length && memcmp(pattern.text, segment.text, segment.length) == 0;
}

/* Takes the base off the path where the row's path has '~' for it, and gives the rest of the latter. */
static struct span enter(const char *row_path, struct span *path)
{
  size_t base = strlen(ROUTE_BASE);
  if (*row_path != '~')
    return (struct span){row_path, strlen(row_path)};
  if (path->length >= base && memcmp(path->text, ROUTE_BASE, base) == 0)
    *path = (struct span){path->text + base, path->length - base};
  else
    path->length = 0; /* no row is empty, so nothing matches */
  return (struct span){row_path + 1, strlen(row_path + 1)};
}

/* 0 for no match; else larger the earlier a literal segment stands where another row has a capture. */
static unsigned match_weight(const char *row_path, struct span path)
{
  struct span rest = enter(row_path, &path);
  struct span pattern;
  struct span segment;
  unsigned weight = 1;
  while (next_segment(&rest, &pattern)) {
    if (!next_segment(&path, &segment) || !segment_matches(pattern, segment))
      return 0;
    weight = weight << 1 | !is_capture(pattern);
  }
  return path.length == 0 ? weight : 0;
}

static enum method table_method(enum method method)
{
  return method == METHOD_HEAD ? METHOD_GET : method;
}

static enum route best_route(enum method method, struct span path)
{
  enum route best = ROUTE_none;
  unsigned best_weight = 0;
  for (int route = ROUTE_none + 1; route < ROUTE_COUNT; route++) {
    if (route_rows[route].method != method)
      continue;
    unsigned weight = match_weight(route_rows[route].path, path);
    if (weight > best_weight) {
      best = (enum route)route;
      best_weight = weight;
    }
  }
  return best;
}

static void read_captures(struct span path, struct route_match *match)
{
  struct span rest = enter(route_rows[match->route].path, &path);
  struct span pattern;
  struct span segment;
  while (next_segment(&rest, &pattern) && next_segment(&path, &segment))
    if (is_capture(pattern))
      match->captures[match->capture_count++] = (struct route_capture){
          .field = field_find(pattern.text + 1, pattern.length - 2), /* without the braces */
          .text = segment.text,
          .length = segment.length,
      };
}

/* A bit for each method of the table that the path has. */
static unsigned methods_of(struct span path)
{
  unsigned methods = 0;
  for (int route = ROUTE_none + 1; route < ROUTE_COUNT; route++)
    if (match_weight(route_rows[route].path, path) > 0)
      methods |= 1u << route_rows[route].method;
  return methods;
}

enum lontar_error route_find(enum method method, const char *path, size_t length, struct route_match *ret_match)
{
  struct span span = {path, length};
  struct route_match match = {.route = best_route(table_method(method), span)};
  if (match.route == ROUTE_none)
    return methods_of(span) != 0 ? LONTAR_METHOD_NOT_ALLOWED : LONTAR_NOT_FOUND;
  read_captures(span, &match);
  *ret_match = match;
  return LONTAR_OK;
}

size_t route_allow(const char *path, size_t length, char *out, size_t size)
{
  unsigned methods = methods_of((struct span){path, length});
  size_t written = 0;
  if (methods & 1u << METHOD_GET)
    methods |= 1u << METHOD_HEAD;
  for (int method = METHOD_GET; method < METHOD_UNKNOWN; method++) {
    size_t name_length = strlen(method_names[method]);
    if (!(methods & 1u << method) || written + name_length + 3 > size)
      continue;
    if (written > 0) {
      memcpy(out + written, ", ", 2);
      written += 2;
    }
    memcpy(out + written, method_names[method], name_length);
    written += name_length;
  }
  if (size > 0)
    out[written] = '\0';
  return written;
}

enum method method_parse(const char *text)
{
  int method = METHOD_GET;
  while (method < METHOD_UNKNOWN && strcmp(method_names[method], text) != 0)
    method++;
  return (enum method)method;
}

const char *method_name(enum method method)
{
  return method_names[method];
}
