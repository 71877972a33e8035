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

/* A path as the rows see it: from the root, and from the base for those with a '~'; empty where that is not its
 * beginning, and no row is. */
struct ways {
  struct span from_root;
  struct span from_base;
};

static struct ways ways_of(const char *path, size_t length)
{
  const size_t base = strlen(ROUTE_BASE);
  struct ways ways = {.from_root = {path, length}, .from_base = {path, 0}};
  if (length >= base && memcmp(path, ROUTE_BASE, base) == 0)
    ways.from_base = (struct span){path + base, length - base};
  return ways;
}

/* The way for a row, whose path then begins behind its '~'. */
static struct span enter(const char **row_path, const struct ways *ways)
{
  if (**row_path != '~')
    return ways->from_root;
  ++*row_path;
  return ways->from_base;
}

/* Steps over a segment of the path that a capture takes, or that is the pattern's next literal; NULL for no match. */
static const char *skip_segment(const char **pattern, const char *at, const char *end)
{
  const char *begin = at;
  if (**pattern == '{') {
    *pattern = strchr(*pattern, '}') + 1;
    while (at < end && *at != '/')
      at++;
    return at > begin ? at : NULL;
  }
  for (; **pattern != '\0' && **pattern != '/'; ++*pattern, at++)
    if (at == end || *at != **pattern)
      return NULL;
  return at == end || *at == '/' ? at : NULL;
}

/* 0 for no match; else larger the earlier a literal segment stands where another row has a capture. Byte by byte, since
 * nearly every row is another at its first ones. */
static unsigned match_weight(const char *pattern, const struct ways *ways)
{
  const struct span path = enter(&pattern, ways);
  const char *at = path.text;
  const char *end = at + path.length;
  unsigned weight = 1;
  while (*pattern == '/') {
    if (at == end || *at != '/')
      return 0;
    weight = weight << 1 | (pattern[1] != '{');
    pattern++;
    at = skip_segment(&pattern, at + 1, end);
    if (at == NULL)
      return 0;
  }
  return at == end ? weight : 0;
}

static enum method table_method(enum method method)
{
  return method == METHOD_HEAD ? METHOD_GET : method;
}

static enum route best_route(enum method method, const struct ways *ways)
{
  enum route best = ROUTE_none;
  unsigned best_weight = 0;
  for (int route = ROUTE_none + 1; route < ROUTE_COUNT; route++) {
    if (route_rows[route].method != method)
      continue;
    unsigned weight = match_weight(route_rows[route].path, ways);
    if (weight > best_weight) {
      best = (enum route)route;
      best_weight = weight;
    }
  }
  return best;
}

/* Returns how many there are. */
static int read_captures(const struct ways *ways, enum route route, struct route_capture *captures)
{
  const char *row_path = route_rows[route].path;
  struct span path = enter(&row_path, ways);
  struct span rest = {row_path, strlen(row_path)};
  struct span pattern;
  struct span segment;
  int count = 0;
  while (next_segment(&rest, &pattern) && next_segment(&path, &segment))
    if (is_capture(pattern))
      captures[count++] = (struct route_capture){
          .field = field_find(pattern.text + 1, pattern.length - 2), /* without the braces */
          .text = segment.text,
          .length = segment.length,
      };
  return count;
}

/* A bit for each method of the table that the path has. */
static unsigned methods_of(const struct ways *ways)
{
  unsigned methods = 0;
  for (int route = ROUTE_none + 1; route < ROUTE_COUNT; route++)
    if (match_weight(route_rows[route].path, ways) > 0)
      methods |= 1u << route_rows[route].method;
  return methods;
}

enum lontar_error route_find(enum method method, const char *path, size_t length, struct route_match *ret_match)
{
  const struct ways ways = ways_of(path, length);
  struct route_match match = {.route = best_route(table_method(method), &ways)};
  if (match.route == ROUTE_none)
    return methods_of(&ways) != 0 ? LONTAR_METHOD_NOT_ALLOWED : LONTAR_NOT_FOUND;
  match.capture_count = read_captures(&ways, match.route, match.captures);
  *ret_match = match;
  return LONTAR_OK;
}

size_t route_allow(const char *path, size_t length, char *out, size_t size)
{
  const struct ways ways = ways_of(path, length);
  unsigned methods = methods_of(&ways);
  size_t written = 0;
  if (methods & 1u << METHOD_GET)
    methods |= 1u << METHOD_HEAD;
  for (int method = METHOD_GET; method < METHOD_UNKNOWN; method++) {
    const char *name = method_name((enum method)method);
    size_t name_length = strlen(name);
    if (!(methods & 1u << method) || written + name_length + 3 > size)
      continue;
    if (written > 0) {
      memcpy(out + written, ", ", 2);
      written += 2;
    }
    memcpy(out + written, name, name_length);
    written += name_length;
  }
  if (size > 0)
    out[written] = '\0';
  return written;
}
