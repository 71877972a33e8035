/*
 * Whole requests for libfcgi, which takes a missing byte for the end of the connection, or would wait for it.
 *
 * A request that lies whole in the socket is read from there. One that comes in pieces, or is larger than what is
 * looked at, is collected in a file in memory and read from that. Not thread-safe. Source: FastCGI specification 1.0.
 */
#ifndef FRONT_INTAKE_H
#define FRONT_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

enum intake_state {
  INTAKE_SILENT, /* nothing is there */
  INTAKE_PART,
  INTAKE_WHOLE, /* or so wrong that libfcgi refuses it without reading on */
  INTAKE_GONE,  /* the peer has closed, or there is no memory */
};

/* How far the records of a request have been followed. Begins zeroed. */
struct intake_records {
  unsigned char header[8];
  size_t header_length; /* bytes of it so far */
  size_t skip;          /* bytes of content and padding until the next one */
  bool ends;            /* behind them the request is whole */
  bool broken;
};

/* Follows the records through further bytes. */
enum intake_state intake_follow(struct intake_records *records, const unsigned char *data, size_t length);

/* Looks at what lies in a non-blocking socket and leaves it there; `window` is room to look through. */
enum intake_state intake_look(int fd, unsigned char *window, size_t size);

/* A request being collected. */
struct intake {
  int file; /* -1: none */
  size_t length;
  struct intake_records records;
};

/* False when there is no memory or no descriptor. */
bool intake_begin(struct intake *intake);

/* Takes what lies in the socket. Past `limit` bytes the request counts as whole: it will be refused. When it is whole,
 * `file` stands at its beginning. */
enum intake_state intake_collect(struct intake *intake, int fd, size_t limit);

/* Closes the file. */
void intake_end(struct intake *intake);

#endif
