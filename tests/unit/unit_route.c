/* Finding routes. */
#include "route/route.h"
#include "unit.h"

static void finds(enum method method, const char *path, enum route expected)
{
  struct route_match match = {.route = ROUTE_none};
  CU_ASSERT_EQUAL(route_find(method, path, strlen(path), &match), LONTAR_OK);
  UNIT_TEXT(route_rows[match.route].name, strlen(route_rows[match.route].name), route_rows[expected].name);
}

static void fails(enum method method, const char *path, enum lontar_error expected)
{
  struct route_match match = {.route = ROUTE_none};
  CU_ASSERT_EQUAL(route_find(method, path, strlen(path), &match), expected);
  CU_ASSERT_EQUAL(match.route, ROUTE_none);
}

/* A path that the row describes: each {name} becomes 1. Returns its length. */
static size_t example_path(const struct route_row *row, char *out)
{
  const char *from = row->path;
  size_t length = 0;
  if (*from == '~') {
    memcpy(out, ROUTE_BASE, strlen(ROUTE_BASE));
    length = strlen(ROUTE_BASE);
    from++;
  }
  for (; *from != '\0'; from++) {
    out[length++] = *from == '{' ? '1' : *from;
    if (*from == '{')
      from = strchr(from, '}');
  }
  return length;
}

static void every_row_is_found_by_its_path(void)
{
  for (int i = ROUTE_none + 1; i < ROUTE_COUNT; i++) {
    const struct route_row *row = &route_rows[i];
    char path[128];
    struct route_match match = {.route = ROUTE_none};
    size_t length = example_path(row, path);
    CU_ASSERT_EQUAL(route_find(row->method, path, length, &match), LONTAR_OK);
    CU_ASSERT_EQUAL(match.route, (enum route)i);
    for (int capture = 0; capture < match.capture_count; capture++)
      CU_ASSERT_NOT_EQUAL(match.captures[capture].field, FIELD_none);
  }
}

/* What the path names is an input, and OWNER means somebody; what is made has an address. */
static void every_row_fits_its_operation(void)
{
  for (int i = ROUTE_none + 1; i < ROUTE_COUNT; i++) {
    const struct route_row *row = &route_rows[i];
    const struct operation_row *operation = &operation_rows[row->operation];
    char path[128];
    struct route_match match = {.route = ROUTE_none};
    CU_ASSERT_EQUAL(route_find(row->method, path, example_path(row, path), &match), LONTAR_OK);
    for (int capture = 0; capture < match.capture_count; capture++)
      CU_ASSERT_TRUE((operation_inputs(operation) & field_set_of(match.captures[capture].field)) != 0);
    CU_ASSERT_TRUE((row->who & WHO_OWNER) == 0 || operation->owner != FIELD_none);
    CU_ASSERT_EQUAL(row->location != NULL, row->status == 201);
    CU_ASSERT_EQUAL(operation->shape == SHAPE_GONE, row->status == 204);
  }
}

static void captures_hold_their_segment(void)
{
  struct route_match match = {.route = ROUTE_none};
  const char path[] = "/api/v1/users/by-username/si%20ti";
  CU_ASSERT_EQUAL(route_find(METHOD_GET, path, sizeof path - 1, &match), LONTAR_OK);
  CU_ASSERT_EQUAL(match.route, ROUTE_user_get_by_username);
  CU_ASSERT_EQUAL_FATAL(match.capture_count, 1);
  CU_ASSERT_EQUAL(match.captures[0].field, FIELD_username);
  UNIT_TEXT(match.captures[0].text, match.captures[0].length, "si%20ti");
}

static void literals_win_over_captures(void)
{
  finds(METHOD_GET, "/api/v1/users/by-username/sessions", ROUTE_user_get_by_username);
  finds(METHOD_GET, "/api/v1/users/7/sessions", ROUTE_session_list);
  finds(METHOD_POST, "/api/v1/users/verify", ROUTE_user_verify);
  finds(METHOD_GET, "/api/v1/chats/recent", ROUTE_chat_list_recent);
}

static void head_is_get(void)
{
  finds(METHOD_HEAD, "/health", ROUTE_health);
  fails(METHOD_HEAD, "/api/v1/auth/login", LONTAR_METHOD_NOT_ALLOWED);
}

static void other_paths_are_not_found(void)
{
  static const char *const paths[] = {
      "",
      "/",
      "health",
      "/health/",
      "/healthy",
      "/users",
      "/api/v1",
      "/api/v1/",
      "/api/v10/users",
      "/api/v1/health",
      "/api/v1/users/",
      "/api/v1/users//chats",
      "/api/v1/users/1/",
      "/api/v1//users",
      "/api/v1/users/1/chats/count/x",
      "/api/v1/Users",
  };
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    fails(METHOD_GET, paths[i], LONTAR_NOT_FOUND);
    fails(METHOD_UNKNOWN, paths[i], LONTAR_NOT_FOUND);
  }
}

static void allow_names_the_methods(void)
{
  static const struct {
    const char *path;
    const char *allow;
  } cases[] = {
      {"/api/v1/users/7", "GET, HEAD, PATCH, DELETE"},
      {"/api/v1/users", "GET, HEAD, POST"},
      {"/api/v1/auth/login", "POST"},
      {"/nowhere", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char allow[64];
    UNIT_TEXT(allow, route_allow(cases[i].path, strlen(cases[i].path), allow, sizeof allow), cases[i].allow);
  }
  fails(METHOD_DELETE, "/api/v1/users", LONTAR_METHOD_NOT_ALLOWED);
  fails(METHOD_UNKNOWN, "/api/v1/users", LONTAR_METHOD_NOT_ALLOWED);
}

static void methods_have_names(void)
{
  for (int method = METHOD_GET; method < METHOD_UNKNOWN; method++)
    CU_ASSERT_EQUAL(method_parse(method_name((enum method)method)), (enum method)method);
  CU_ASSERT_EQUAL(method_parse("get"), METHOD_UNKNOWN);
  CU_ASSERT_EQUAL(method_parse(""), METHOD_UNKNOWN);
  CU_ASSERT_EQUAL(method_parse("PUT"), METHOD_UNKNOWN);
}

UNIT_CASES(route, UNIT_CASE(every_row_is_found_by_its_path), UNIT_CASE(every_row_fits_its_operation),
           UNIT_CASE(captures_hold_their_segment), UNIT_CASE(literals_win_over_captures), UNIT_CASE(head_is_get),
           UNIT_CASE(other_paths_are_not_found), UNIT_CASE(allow_names_the_methods), UNIT_CASE(methods_have_names));
