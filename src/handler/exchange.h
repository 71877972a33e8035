/*
 * One request from accept to answer: what it asks for, who asks, its jobs under way, and the answer being built.
 *
 * Ownership: an exchange is held by whoever works on it and by every job that is out (`holds`). Each stretch of work
 * ends in exchange_leave; when nobody holds it any more, its answer is sent and it is freed, once. Steps therefore
 * never free: they write an answer into `response`, or send the next job. Belongs to the loop's thread.
 */
#ifndef HANDLER_EXCHANGE_H
#define HANDLER_EXCHANGE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include <lontar/error.h>

#include "authorize/hasher.h"
#include "authorize/principal.h"
#include "authorize/token.h"
#include "front/front.h"
#include "handler/handler.h"
#include "json/body.h"
#include "json/problem.h"
#include "pool/pool.h"
#include "repo/deletion.h"
#include "repo/fields.h"
#include "route/route.h"

struct exchange;

/* What comes after a statement or a hash that went well; whatever went wrong is answered before. Only a look-up's step
 * is told of failures. */
typedef void exchange_step(struct exchange *exchange, const PGresult *result);
typedef void exchange_lookup_step(struct exchange *exchange, enum lontar_error error, const PGresult *result);
typedef void exchange_hash_step(struct exchange *exchange, const struct hasher_result *result);
typedef void exchange_act(struct exchange *exchange);

enum { STORED_HASH_SIZE = 256, CHANGES_SIZE = 512 };

struct exchange {
  struct handler *handler;
  struct front_request *request;
  struct route_match match;
  const struct route_row *row;
  int64_t wait_until; /* for every job of this request */
  int holds;
  bool abandoned; /* nginx has left: begin nothing more */
  bool refused;   /* the look-up did not let it pass: what the operation found is not told */
  bool told_held; /* the log says that it takes long */
  bool begun;     /* the operation was begun, perhaps together with the look-up */

  struct principal principal;
  struct values path;   /* what the path names, which decides about ownership */
  struct values values; /* that and all other input, and what the daemon adds */
  struct body body;     /* owner of the body's texts */
  bool input_is_read;
  enum lontar_error input_error;
  struct problems *problems; /* NULL while the input is good */

  struct job lookup;
  struct job operation;
  bool lookup_is_out;
  bool operation_is_out;
  exchange_lookup_step *lookup_step;
  const PGresult *lookup_result; /* only while the look-up's step runs */
  exchange_step *step;           /* the operation's */
  exchange_act *otherwise;       /* what follows when it fails; NULL: a refusal */
  struct hasher_job *hashing;    /* NULL when none is out */
  exchange_hash_step *hash_step;
  exchange_act *right; /* after right credentials */
  bool checked_again;  /* the password was changed meanwhile, once */

  struct buffer kept;       /* a record that is answered after further steps */
  struct deletion deletion; /* under way, of what is deleted in parts */
  char bearer_hash[TOKEN_HASH_SIZE];
  char token[TOKEN_SIZE];
  char new_token_hash[TOKEN_HASH_SIZE];
  char stored_hash[STORED_HASH_SIZE];
  char new_hash[PASSWORD_HASH_SIZE];
  char changes[CHANGES_SIZE];

  struct response response;
  enum lontar_error error; /* what the response says */
  char *reason;            /* of an error, for the log; NULL for none. No input and no SQL is in it */
  char *scratch_next;      /* free part of `scratch` */
  char scratch[];          /* decoded path and query */
};

/* Held once, by the caller. NULL when there is no memory. */
struct exchange *exchange_new(struct handler *handler, struct front_request *request);

/* Begins and ends a stretch of work. After leaving, the caller may not touch the exchange any more. */
void exchange_enter(struct exchange *exchange);
void exchange_leave(struct exchange *exchange);

/* Sends the look-up of the session whose token hash is in `bearer_hash`; `step` gets its result. */
void exchange_look_up(struct exchange *exchange, exchange_lookup_step *step);

/* Binds a statement to the values and sends it; one at a time. */
void exchange_submit(struct exchange *exchange, enum statement statement, exchange_step *step);

/* The same for one that the answer does not depend on: when it fails the log says so, and `otherwise` goes on. */
void exchange_try(struct exchange *exchange, enum statement statement, exchange_step *step, exchange_act *otherwise);

/* Hashes or verifies the password among the values; `stored` may be NULL (authorize/hasher.h). */
void exchange_hash(struct exchange *exchange, enum hasher_kind kind, const char *stored, size_t length,
                   exchange_hash_step *step);

/* Takes back what was not begun yet. */
void exchange_cancel_operation(struct exchange *exchange);
void exchange_abandon(struct exchange *exchange);

static inline struct value *exchange_value(struct exchange *exchange, enum field field)
{
  return &exchange->values.of[field];
}

/* Reads one column of one row. False when the statement or the result does not have it. */
bool result_value(const PGresult *result, int row, enum statement statement, enum field field, struct value *ret_value);

/* Reads all columns of one row, which exists. False when the result does not have them. */
bool result_values(const PGresult *result, int row, enum statement statement, struct values *ret_values);

#endif
