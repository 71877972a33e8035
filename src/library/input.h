/* The input of a repository's operation: a json-c object becomes the checked values of a statement. Thread-safe. */
#ifndef LIBRARY_INPUT_H
#define LIBRARY_INPUT_H

#include <lontar/database.h>

#include "authorize/password.h"
#include "authorize/token.h"
#include "repo/statement.h"

enum { INPUT_REQUIRED_MAX = 3, INPUT_CHANGES_SIZE = 256 };

/* The values and what they borrow from besides the object. Does not move: values point into it. */
struct input {
  struct values values;
  char password_hash[PASSWORD_HASH_SIZE];
  char token_hash[TOKEN_HASH_SIZE];
  char token[TOKEN_SIZE];
  char changes[INPUT_CHANGES_SIZE];
};

/*
 * Reads the members of `object` (NULL: none), which must be the statement's parameters, with a password or a token in
 * place of its hash (also where the statement gives the hash to compare with), and `after` or `before` in place of a
 * cursor. Fills in what is left to default: a made token, 24 hours, the first page of 50. LONTAR_OK, or LONTAR_INVALID,
 * LONTAR_MALFORMED, LONTAR_INTERNAL with the member's name told.
 */
enum lontar_error input_read(enum statement statement, const enum field *required, struct json_object *object,
                             struct input *ret_input, struct lontar_failure *failure);

/* Whether a field is among the statement's parameters. */
bool input_has_parameter(enum statement statement, enum field field);

#endif
