/*
 * One request from accept to answer: what it asks for, who asks, its jobs under way, and the answer being built.
 *
 * Ownership: an exchange is held by whoever works on it and by every job that is out (`holds`); handler/work counts,
 * and when nobody holds it any more sends its answer and frees it, once. Everybody else writes into it and never frees.
 * Belongs to the loop's thread.
 */
#ifndef HANDLER_EXCHANGE_H
#define HANDLER_EXCHANGE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include <lontar/error.h>

#include "authorize/hasher.h"
#include "front/front.h"
#include "handler/handler.h"
#include "handler/principal.h"
#include "json/body.h"
#include "operation/operation.h"
#include "pool/pool.h"
#include "repo/problems.h"
#include "route/route.h"

#define JSON_CONTENT_TYPE "application/json"

struct exchange;

typedef void exchange_act(struct exchange *exchange);
typedef void exchange_lookup_step(struct exchange *exchange, enum lontar_error error, const PGresult *result);

struct exchange {
  struct handler *handler;
  struct front_request *request;
  struct route_match match;
  const struct route_row *row;
  int64_t wait_until; /* for every job of this request */

  struct principal principal;
  char bearer_hash[TOKEN_HASH_SIZE]; /* of a session's token; "" for none */

  /* What was asked for: input.c's. */
  struct json_object *body; /* owner of the body's texts */
  bool input_is_read;
  enum lontar_error input_error;
  struct problems *problems; /* NULL while the input is good */
  char *scratch_next;        /* free part of `scratch` */

  /* What is done: work.c's. */
  int holds;
  bool abandoned; /* nginx has left: begin nothing more */
  bool refused;   /* the look-up did not let it pass: what the operation found is not told */
  bool told_held; /* the log says that it takes long */
  bool begun;     /* the operation was begun, perhaps together with the look-up (request.c) */
  struct operation operation;
  struct job job; /* the operation's */
  bool job_is_out;
  struct job lookup;
  bool lookup_is_out;
  exchange_lookup_step *lookup_step;
  const PGresult *lookup_result; /* only while the look-up's step runs */
  struct hasher_job *hashing;    /* NULL when none is out */

  /* What is answered: answer.c's, refuse.c's. */
  struct response response;
  enum lontar_error error; /* what the response says */
  char *reason;            /* of an error, for the log; NULL for none. No input and no SQL is in it */

  char scratch[]; /* decoded path and query */
};

/* Held once, by the caller. NULL when there is no memory. */
struct exchange *exchange_new(struct handler *handler, struct front_request *request);

void exchange_free(struct exchange *exchange);

/* Begins an answer, without a body where there is no type; what was written before is dropped. */
void exchange_answer(struct exchange *exchange, int status, const char *content_type);

#endif
