/* The table of routes and how a method and a path find their row. Pure, thread-safe. Source: routes.def. */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include <lontar/error.h>

#include "base/method.h"
#include "operation/operation.h"

#define ROUTE_BASE "/api/v1"

enum route {
  ROUTE_none,
#define ROUTE(name, ...) ROUTE_##name,
#include "route/routes.def"
#undef ROUTE
  ROUTE_COUNT
};

enum who {
  WHO_ANYONE = 0,
  WHO_SISWA = 1, /* roles: role_parse, repo/fields.c, the schema's CHECK */
  WHO_GURU = 2,
  WHO_ADMIN = 4,
  WHO_SERVICE = 8,
  WHO_OWNER = 16,
  WHO_LOOPBACK = 32, /* no credential, but the address must be this machine's */
};

enum { ROUTE_CAPTURES_MAX = 2 };

struct route_row {
  const char *name;
  enum method method;
  const char *path;                /* as in the table: '~' stands for ROUTE_BASE */
  unsigned who;                    /* a sum of enum who */
  enum operation_number operation; /* OPERATION_none: a function of the handler's own answers */
  int status;                      /* of an answer that is no error */
  const char *location;            /* of what was made, with the fields of its record in braces; else NULL */
};

extern const struct route_row route_rows[ROUTE_COUNT];

/* One {name} of a path with its segment as it came, still percent-encoded. */
struct route_capture {
  enum field field;
  const char *text;
  size_t length;
};

struct route_match {
  enum route route;
  struct route_capture captures[ROUTE_CAPTURES_MAX];
  int capture_count;
};

/* Finds the row. LONTAR_OK; LONTAR_NOT_FOUND; LONTAR_METHOD_NOT_ALLOWED, for which route_allow names the methods. */
enum lontar_error route_find(enum method method, const char *path, size_t length, struct route_match *ret_match);

/* Writes the value of the Allow header for a path, e.g. "GET, HEAD, PATCH, DELETE", with a closing NUL. Returns its
 * length; names that do not fit into `size` are left out, 64 bytes hold all. */
size_t route_allow(const char *path, size_t length, char *out, size_t size);

#endif
