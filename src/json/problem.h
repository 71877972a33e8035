/* Error documents: RFC 9457 application/problem+json. Thread-safe for different arguments. */
#ifndef JSON_PROBLEM_H
#define JSON_PROBLEM_H

#include <lontar/error.h>

#include "base/buffer.h"
#include "repo/problems.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

/*
 * {"type", "title", "status", "code", "detail", "request_id", "errors": [{"field", "message"}]}
 * `detail`, `request_id` and `problems` may be NULL and their members are then left out, as are no errors.
 */
void problem_write(struct buffer *buffer, enum lontar_error error, const char *detail, const char *request_id,
                   const struct problems *problems);

/* {"type", "title", "status", "code", "expires_at"}: for a document that is kept; `expires_at` is RFC 3339. */
void problem_write_kept(struct buffer *buffer, enum lontar_error error, const char *expires_at);

#endif
