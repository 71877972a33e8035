/*
 * The leaving ones: connections that were closed or given up, until the server has ended them too.
 *
 * A backend may outlive its socket for long: one that waits for a synchronous standby, or does not move, does not look
 * at it. So each keeps its place until the end of its socket has come. What was given up in the middle of something is
 * terminated, over one more connection to its server. It is not cancelled: a commit whose wait for a standby is
 * cancelled is answered as if the standby had it.
 *
 * Nothing here waits; leaving_look moves things on. Thread-safe.
 */
#ifndef LIBRARY_LEAVING_H
#define LIBRARY_LEAVING_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct address;
struct lontar_options;
struct leaving;

/* When a process began, of a row of pg_stat_get_activity: the number that is kept in `start`. */
#define BACKEND_START "(pg_catalog.date_part('epoch', a.backend_start) * 1000000)::pg_catalog.int8"

/* The server's process behind a connection; another one may get its number later. */
struct backend {
  int pid; /* 0: not known, or made up by a pooler */
  int64_t start;
};

/* URL and options must outlive it. NULL when there is no memory. */
struct leaving *leaving_new(const char *url, const struct lontar_options *options);

/* Lets all be that are still there. NULL is fine. */
void leaving_free(struct leaving *leaving);

/* The same in a child of the process that opened them: the server, and the parent, notice nothing. */
void leaving_abandon(struct leaving *leaving);

/* Finishes a connection and watches its end. `backend` is terminated if it is in the middle of something; NULL: it is
 * not known. Uncounted only when there is no memory or descriptor for it. */
void leaving_take(struct leaving *leaving, PGconn *connection, const struct backend *backend);

/* Sees who has ended, and terminates who must be. */
void leaving_look(struct leaving *leaving, int64_t now);

/* Whether there is anything to look after. */
bool leaving_any(struct leaving *leaving);

int leaving_count(struct leaving *leaving);

/* How many are leaving this server since this time or longer. */
int leaving_count_of(struct leaving *leaving, const struct address *address, int64_t since);

/* How many are leaving that server of the URL which has the fewest. */
int leaving_least(struct leaving *leaving);

/* Finishes a connection in a child of the process that opened it: the server, and the parent, notice nothing. */
void leaving_disown(PGconn *connection);

#endif
