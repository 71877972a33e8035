/*
 * From the records of a whole request to a struct front_request. Sources: FastCGI specification 1.0,
 * nginx/lontar-fastcgi.conf.
 */
#ifndef FRONT_REQUEST_H
#define FRONT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/method.h"

struct front_connection;

enum { FRONT_REQUEST_ID_SIZE = 65 };

/* One request. Everything it points to lives until front_respond. */
struct front_request {
  struct front_connection *connection;
  enum method method;
  const char *path; /* as the client sent it, percent-encoded, without the query */
  size_t path_length;
  const char *query;         /* "" when there is none */
  const char *authorization; /* NULL when there is none */
  const char *remote_addr;
  char request_id[FRONT_REQUEST_ID_SIZE]; /* the caller's if it is sane, else a new one */
  int64_t arrived;                        /* at nginx, on our steady clock, microseconds */
  const char *body;
  size_t body_length;
  bool too_large; /* the body exceeds max_body and was not read */
  void *exchange; /* the handler's */
};

/* What belongs to the connection. */
struct request_origin {
  int id;       /* the request's number in its records, and in those of the answer */
  bool keep;    /* nginx wants the connection kept */
  char *memory; /* holds what the request points to; the caller frees it, after a failure too */
};

/* Reads the bytes of one request. Of a body beyond `max_body` nothing need be there. False when they are something else
 * than one request to a responder with the body that it announces: the connection is of no use any more. */
bool request_read(const unsigned char *data, size_t length, size_t max_body, struct front_request *request,
                  struct request_origin *ret_origin);

#endif
