/*
 * What comes from outside, checked against a list of inputs: request bodies (a JSON object) and query strings.
 *
 * Both know only the listed fields, each at most once, and collect every problem (up to PROBLEMS_MAX) before they
 * refuse. They return
 *   LONTAR_OK         all is good, the values are set; a field that was not given stays absent;
 *   LONTAR_MALFORMED  it cannot be read: not JSON, not an object, broken UTF-8 or escapes, a name doubled in a body;
 *                     `detail` of the problems tells what and where;
 *   LONTAR_INVALID    it can be read but breaks rules, which `problems` tells by field;
 *   LONTAR_INTERNAL   no memory.
 * Values that were set before the call stay as they are. Thread-safe for different arguments.
 */
#ifndef JSON_BODY_H
#define JSON_BODY_H

#include <stddef.h>

#include <lontar/error.h>

#include "base/cleanup.h"
#include "json/problem.h"
#include "repo/fields.h"

enum { BODY_DEPTH_MAX = 16 };

/* Keeps the texts of a parsed body alive: values borrow from it until body_free. */
struct body {
  struct json_object *root;
};

/* An empty or blank body counts as an object without members. `ret_body` is always set, also on failure. */
enum lontar_error body_parse(const char *data, size_t length, const struct field_input *inputs, struct body *ret_body,
                             struct values *values, struct problems *problems);

/* A body that was never parsed must be {0}. */
void body_free(struct body *body);

#define CLEANUP_BODY CLEANUP(body_free)

/* name=value pairs joined by &, percent-encoded, + for a space. Texts are decoded into `scratch` (at least `length`
 * bytes), which the values borrow. */
enum lontar_error query_parse(const char *query, size_t length, const struct field_input *inputs, char *scratch,
                              struct values *values, struct problems *problems);

#endif
