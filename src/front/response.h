/* An answer as FastCGI records, sent piece by piece without copying the body. Source: FastCGI specification 1.0. */
#ifndef FRONT_RESPONSE_H
#define FRONT_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/status.h"
#include "front/request.h"

/* An answer being built; front_respond takes what is in it. */
struct response {
  int status;               /* enum status */
  const char *content_type; /* NULL for no body */
  struct buffer headers;    /* further complete lines, "Name: value\r\n" */
  struct buffer body;
};

/* The bytes of one answer in their order: the head and with it the first `lead` bytes of the body, then records of
 * `chunk` for the full pieces of what is beyond, then one of `last` for its rest, then the tail. */
struct reply {
  struct buffer head; /* the HTTP headers, in a record with the lead */
  struct buffer body;
  size_t lead;
  unsigned char chunk[8];
  unsigned char last[8];
  unsigned char tail[32]; /* padding, the end of STDOUT, END_REQUEST */
  size_t tail_length;
  size_t sent;
};

enum reply_state { REPLY_SENT, REPLY_WAITING, REPLY_BROKEN };

void response_init(struct response *response);
void response_free(struct response *response);

void reply_init(struct reply *reply);

/* Takes what is in the response. False when there is no memory for the headers. */
bool reply_build(struct reply *reply, int fcgi_id, const struct front_request *request, struct response *response);

/* Sends what the socket takes now; call again when it is writable. */
enum reply_state reply_send(struct reply *reply, int fd);

/* Gives the body back; the memory for a head of common size is kept. */
void reply_clear(struct reply *reply);
void reply_free(struct reply *reply);

#endif
