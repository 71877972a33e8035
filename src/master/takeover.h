/*
 * What a master hands on to the next image of itself when it is upgraded in place: open descriptors, and as text in a
 * file in memory, whose descriptor the variable LONTAR_TAKEOVER names, what they are and which workers there are.
 *
 * A line is a word and numbers, in this order:
 *
 *   takeover 1                the format's version
 *   listener FD               the socket that nginx connects to
 *   lock FD                   the locked pid file
 *   place INDEX INBOX OUTBOX  one for each worker's place, from 0 on
 *   serving INDEX TURN PID    a worker that serves in a place, with the turn of its slot
 *   retiring INDEX TURN PID   one that is on its way out
 *   end
 *
 * Whoever reads takes nothing for granted: an unknown word, a missing or a further number, a descriptor that is not
 * what it should be are errors. Not thread-safe.
 */
#ifndef MASTER_TAKEOVER_H
#define MASTER_TAKEOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "health/board.h"

struct buffer;
struct config;

#define TAKEOVER_VARIABLE "LONTAR_TAKEOVER"

struct takeover_worker {
  pid_t pid; /* 0: none */
  bool retiring;
};

struct takeover_place {
  int inbox;
  int outbox;
  struct takeover_worker workers[BOARD_TURNS];
};

struct takeover {
  int listen_fd;
  int pid_fd;
  int count;
  struct takeover_place places[BOARD_WORKERS_MAX];
};

void takeover_write(const struct takeover *takeover, struct buffer *buffer);

/* LONTAR_OK, or LONTAR_INVALID with one sentence in `message`. */
int takeover_parse(const char *text, size_t length, struct takeover *ret_takeover, char *message, size_t size);

/*
 * Reads what the environment names, forgets it there, and makes the descriptors close-on-exec again. LONTAR_NOT_FOUND
 * when nothing is handed on; LONTAR_INVALID when it cannot be used with this configuration, with one sentence in
 * `message`.
 */
int takeover_receive(const struct config *config, struct takeover *ret_takeover, char *message, size_t size);

/* Becomes the program arguments[0], which gets the takeover. Returns only when that fails, with errno, and everything
 * is as before. */
void takeover_exec(const struct takeover *takeover, const char *const arguments[]);

#endif
