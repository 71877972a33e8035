/*
 * What comes from outside, value by value: request bodies (a JSON object) and query strings.
 *
 * They know only the inputs that they are given, each at most once, and collect every problem (up to PROBLEMS_MAX)
 * before they refuse; that nothing is missing is checked when all is read (operation/operation.h). They return
 *   LONTAR_OK         all is good, the values are set; a field that was not given stays absent;
 *   LONTAR_MALFORMED  it cannot be read: not JSON, not an object, broken UTF-8 or escapes, a name doubled in a body;
 *                     `detail` of the problems tells what and where;
 *   LONTAR_INVALID    it can be read but breaks rules, which `problems` tells by field;
 *   LONTAR_INTERNAL   no memory.
 * Values that were set before the call stay as they are. Thread-safe for different arguments.
 */
#ifndef JSON_BODY_H
#define JSON_BODY_H

#include <stdbool.h>
#include <stddef.h>

#include <lontar/error.h>

#include "repo/problems.h"

enum { BODY_DEPTH_MAX = 16 };

struct json_object;

/* An empty or blank body counts as an object without members. `ret_body` is always set, also on failure; values borrow
 * their texts from it until json_object_put, which is the caller's. */
enum lontar_error body_parse(const char *data, size_t length, const struct field_inputs *inputs,
                             struct json_object **ret_body, struct values *values, struct problems *problems);

/* The same for an object that was read already, or, `foreign`, made by somebody who may not know UTF-8. The values
 * borrow from it. */
enum lontar_error body_read(struct json_object *object, const struct field_inputs *inputs, bool foreign,
                            struct values *values, struct problems *problems);

/* name=value pairs joined by &, percent-encoded, + for a space. Texts are decoded into `scratch` (at least `length`
 * bytes), which the values borrow. */
enum lontar_error query_parse(const char *query, size_t length, const struct field_inputs *inputs, char *scratch,
                              struct values *values, struct problems *problems);

#endif
