/* The table of routes and its matching, segment by segment. */
#include "route/route.h"

#include <stdint.h>
#include <string.h>

#include "base/status.h"

#define ANYONE WHO_ANYONE
#define SISWA WHO_SISWA
#define GURU WHO_GURU
#define ADMIN WHO_ADMIN
#define SERVICE WHO_SERVICE
#define OWNER WHO_OWNER
#define LOOPBACK WHO_LOOPBACK
#define DO(operation) OPERATION_##operation
#define OWN(function) OPERATION_none
#define OK STATUS_OK, NULL
#define CREATED(address) STATUS_CREATED, address
#define GONE STATUS_NO_CONTENT, NULL

const struct route_row route_rows[ROUTE_COUNT] = {
    [ROUTE_none] = {.name = "none", .method = METHOD_UNKNOWN, .path = ""},
#define ROUTE(name, method, path, who, what, answer) [ROUTE_##name] = {#name, METHOD_##method, path, who, what, answer},
#include "route/routes.def"
#undef ROUTE
};

struct span {
  const char *text;
  size_t length;
};

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
 * nearly every row is another at its first ones. `ret_match` gets the captures; NULL: nobody wants them. */
static unsigned match_weight(const char *pattern, const struct ways *ways, struct route_match *ret_match)
{
  const struct span path = enter(&pattern, ways);
  const char *at = path.text;
  const char *end = at + path.length;
  unsigned weight = 1;
  while (*pattern == '/') {
    if (at == end || *at != '/')
      return 0;
    const char *name = ++pattern;
    const char *segment = ++at;
    weight = weight << 1 | (*name != '{');
    at = skip_segment(&pattern, at, end);
    if (at == NULL)
      return 0;
    if (ret_match != NULL && *name == '{')
      ret_match->captures[ret_match->capture_count++] = (struct route_capture){
          .field = field_find(name + 1, (size_t)(pattern - name) - 2), /* without the braces */
          .text = segment,
          .length = (size_t)(at - segment),
      };
  }
  return at == end ? weight : 0;
}

static enum route best_route(enum method method, const struct ways *ways)
{
  enum route best = ROUTE_none;
  unsigned best_weight = 0;
  const char letter = ways->from_base.length > 1 ? ways->from_base.text[1] : '\0';
  for (int route = ROUTE_none + 1; route < ROUTE_COUNT; route++) {
    const char *path = route_rows[route].path;
    if (route_rows[route].method != method || (path[0] == '~' && path[2] != letter && path[2] != '{'))
      continue;
    unsigned weight = match_weight(path, ways, NULL);
    if (weight > best_weight) {
      best = (enum route)route;
      best_weight = weight;
    }
  }
  return best;
}

/* A bit for each method of the table that the path has. */
static unsigned methods_of(const struct ways *ways)
{
  unsigned methods = 0;
  for (int route = ROUTE_none + 1; route < ROUTE_COUNT; route++)
    if (match_weight(route_rows[route].path, ways, NULL) > 0)
      methods |= 1u << route_rows[route].method;
  return methods;
}

enum lontar_error route_find(enum method method, const char *path, size_t length, struct route_match *ret_match)
{
  const struct ways ways = ways_of(path, length);
  struct route_match match = {.route = best_route(method == METHOD_HEAD ? METHOD_GET : method, &ways)};
  if (match.route == ROUTE_none)
    return methods_of(&ways) != 0 ? LONTAR_METHOD_NOT_ALLOWED : LONTAR_NOT_FOUND;
  (void)match_weight(route_rows[match.route].path, &ways, &match);
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
