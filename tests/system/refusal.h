/* Tables of requests that must be refused, and of values at the edge of what a field takes. */
#ifndef SYSTEM_REFUSAL_H
#define SYSTEM_REFUSAL_H

#include <stddef.h>

/* Who asks. */
enum caller {
  CALLER_ADMIN,
  CALLER_SERVICE,
  CALLER_GURU,
  CALLER_SISWA,
  CALLER_NOBODY,   /* no Authorization header */
  CALLER_STRANGER, /* a token that no session has */
  CALLER_EXPIRED,
  CALLER_FALSE_KEY, /* looks like a service key */
};

/* Path and body are expanded (world.h). The body may be NULL. `field` NULL: the problem need not name one. */
struct refusal {
  const char *label;
  enum caller caller;
  const char *method;
  const char *path;
  const char *body;
  long status;
  const char *code;
  const char *field;
};

const char *caller_token(enum caller caller);
const char *caller_name(enum caller caller);

void refuse(const struct refusal *cases, size_t count);
#define REFUSE(cases) refuse(cases, sizeof(cases) / sizeof(cases)[0])

/* No token, an unknown one, an expired one and a false key: each 401 with WWW-Authenticate: Bearer. */
void refuse_strangers(const char *method, const char *path, const char *body);

/* The callers of a sum of 1 << CALLER_…: each 403. */
void refuse_callers(unsigned callers, const char *method, const char *path, const char *body);

/*
 * The bodies that no route may take: no JSON, cut off, not an object, twice the same name, an unknown field, broken
 * UTF-8, too deep. `method` and `path` take a body.
 */
void refuse_bodies(const char *method, const char *path);

/* A body that is accepted, with %s where the value stands, and one value for it. */
struct edge {
  const char *label;
  const char *value; /* JSON, expanded */
  long status;       /* of success, or 422, which names the field */
};

/* Sends the body once for each value. `body` holds one %s. */
void edges(const char *method, const char *path, const char *body, const char *field, const struct edge *cases,
           size_t count);
#define EDGES(method, path, body, field, cases)                                                                        \
  edges(method, path, body, field, cases, sizeof(cases) / sizeof(cases)[0])

/* limit, offset, after and before of a list: what is too small, too large, no number, no cursor, doubled, unknown. */
void refuse_pages(const char *path);

#endif
