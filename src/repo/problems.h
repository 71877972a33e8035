/* What is wrong with an input, field by field. Thread-safe for different ones. */
#ifndef REPO_PROBLEMS_H
#define REPO_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "repo/fields.h"

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
void problems_add_field(struct problems *problems, enum field field, const char *message);

/* Whether that field is among them. */
bool problems_have(const struct problems *problems, enum field field);

#endif
