/* Error documents: RFC 9457 application/problem+json. Thread-safe for different arguments. */
#ifndef JSON_PROBLEM_H
#define JSON_PROBLEM_H

#include <stddef.h>

#include <lontar/error.h>

#include "base/buffer.h"

#define PROBLEM_CONTENT_TYPE "application/problem+json"

enum { PROBLEMS_MAX = 16 };

/* One rule broken by one field. */
struct problem {
  char field[64];
  char message[128];
};

/* What is wrong with an input. */
struct problems {
  char detail[192]; /* why it cannot be read, and where, without the input itself; "" when it can */
  int count;
  struct problem of[PROBLEMS_MAX];
};

void problems_init(struct problems *problems);

/* Sets the detail. */
__attribute__((format(printf, 2, 3))) void problems_tell(struct problems *problems, const char *format, ...);

/* Copies both; a longer name is cut between characters. Beyond PROBLEMS_MAX it does nothing. `field` is valid UTF-8. */
void problems_add(struct problems *problems, const char *field, size_t length, const char *message);

/*
 * {"type", "title", "status", "code", "detail", "request_id", "errors": [{"field", "message"}]}
 * `detail`, `request_id` and `problems` may be NULL and their members are then left out, as are no errors.
 */
void problem_write(struct buffer *buffer, enum lontar_error error, const char *detail, const char *request_id,
                   const struct problems *problems);

/* {"type", "title", "status", "code", "expires_at"}: for a document that is kept; `expires_at` is RFC 3339. */
void problem_write_kept(struct buffer *buffer, enum lontar_error error, const char *expires_at);

#endif
