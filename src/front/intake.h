/*
 * The bytes of one request, taken from a connection's socket until all of it is there.
 *
 * One that comes at once stays in the window that it was read into; one that comes in pieces, or is larger, is
 * collected beside it. Not thread-safe. Source: FastCGI specification 1.0.
 */
#ifndef FRONT_INTAKE_H
#define FRONT_INTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

enum intake_state {
  INTAKE_SILENT, /* nothing is there */
  INTAKE_PART,
  INTAKE_WHOLE, /* or so wrong that nothing more is needed to refuse it */
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

struct intake {
  struct intake_records records;
  struct buffer pieces; /* empty while nothing had to be kept */
};

/* Room to read into; any number of connections may share it. */
struct intake_window {
  unsigned char bytes[32 << 10];
};

/* Past `limit` bytes a request counts as whole: it will be refused. */
void intake_init(struct intake *intake, size_t limit);

/* Takes what lies in a non-blocking socket, with one read. When that makes the request whole, `ret_data` is its bytes,
 * until the window is used again or the intake cleared. */
enum intake_state intake_take(struct intake *intake, int fd, struct intake_window *window,
                              const unsigned char **ret_data, size_t *ret_length);

/* Looks without taking anything: SILENT, PART or GONE. */
enum intake_state intake_look(int fd);

/* Looks, too: whether nothing lies there but the end, or a whole request of at most `size` bytes, less than a window.
 */
bool intake_is_small(int fd, struct intake_window *window, size_t size);

/* Begins anew, or frees what was collected. */
void intake_clear(struct intake *intake);

#endif
