/*
 * An ending: one connection that terminates backends of its server, moved on step by step.
 *
 * No call waits for the server. Not thread-safe.
 */
#ifndef LIBRARY_ENDING_H
#define LIBRARY_ENDING_H

#include <libpq-fe.h>
#include <stdint.h>

struct address;
struct lontar_options;
struct ending;

enum ending_state {
  ENDING_WAITS,
  ENDING_READY, /* for ending_ask, once */
  ENDING_DONE,
  ENDING_FAILED
};

/* Begins to connect to the server at `address`. NULL when there is no memory. */
struct ending *ending_start(const char *url, const struct lontar_options *options, const struct address *address);

/* Does what can be done now. Fails when the connect timeout has passed since the start. */
enum ending_state ending_move(struct ending *ending, int64_t now);

/* Runs the statement that terminates. */
void ending_ask(struct ending *ending, const char *sql);

/* Ends it, and hands its connection to the caller, who finishes it. */
PGconn *ending_take(struct ending *ending);

#endif
