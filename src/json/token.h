/*
 * The parts of the reader of JSON (json/reader.h) that hold no others: strings, numbers, and the walk over the text.
 *
 * Each function that returns bool and may fail says why in the reader's fault, or that there is no memory.
 */
#ifndef JSON_TOKEN_H
#define JSON_TOKEN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "json/reader.h"

enum { COPY_SIZE = 64 };

struct span {
  const char *text;
  size_t length;
};

struct reader {
  const char *text;
  const char *at;
  const char *end; /* of what is UTF-8 */
  bool cut;        /* the text goes on behind that */
  bool names_differ;
  bool flat; /* what is in the values of the outermost members is read and not kept */
  int depth;
  int depth_max;
  struct span member; /* name of the outermost member that is being read */
  char *scratch;      /* for a string with escapes, as long as the text; NULL until it is needed */
  enum lontar_error error;
  struct json_fault *fault;
};

/* ---- Failing: both return false ---- */

/* `what` is static words, and stands at `at`. */
bool token_fail(struct reader *reader, const char *at, const char *what);

/* Something else stands here than what is expected; NUL and the end are told as what they are. */
bool token_fail_here(struct reader *reader, const char *expected);

bool token_fail_memory(struct reader *reader);

/* ---- The walk ---- */

static inline bool token_is_next(const struct reader *reader, char byte)
{
  return reader->at < reader->end && *reader->at == byte;
}

static inline bool token_take(struct reader *reader, char byte)
{
  if (!token_is_next(reader, byte))
    return false;
  reader->at++;
  return true;
}

static inline void token_skip_blanks(struct reader *reader)
{
  while (reader->at < reader->end &&
         (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t'))
    reader->at++;
}

static inline bool token_is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

/* A text that ends with NUL, as json-c wants names and the written form of numbers. */
struct copy {
  char *text; /* `small` where it fits */
  char small[COPY_SIZE];
};

static inline bool copy_make(struct copy *copy, struct span span)
{
  copy->text = span.length < sizeof copy->small ? copy->small : malloc(span.length + 1);
  if (copy->text == NULL)
    return false;
  memcpy(copy->text, span.text, span.length);
  copy->text[span.length] = '\0';
  return true;
}

static inline void copy_free(struct copy *copy)
{
  if (copy->text != copy->small)
    free(copy->text);
}
#define CLEANUP_COPY CLEANUP(copy_free)

/* ---- Tokens: the reader stands at their first byte ---- */

/* A string without its quotation marks. It lies in the text, or in the scratch until the next string is read. */
bool token_string(struct reader *reader, struct span *ret_string);

bool token_number(struct reader *reader, json_object **ret_value);

#endif
