/*
 * One libpq connection, used in blocking fashion but never longer than a deadline (clock_steady's microseconds).
 *
 * A connection that missed its deadline is in an unknown state and must be finished. Thread-safe for different
 * connections.
 */
#ifndef LIBRARY_WIRE_H
#define LIBRARY_WIRE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lontar/database.h>

struct asked;
struct backend;
struct leaving;

/* A statement as it is sent. Types, lengths and formats may be NULL: the server's choice, and text. */
struct wire_statement {
  const char *sql;
  int count;
  const Oid *types;
  const char *const *values;
  const int *lengths;
  const int *formats;
  int result_format;         /* 0 text, 1 binary */
  bool spoils_session;       /* leaves something in the session: the connection is for nobody else afterwards */
  const struct asked *asked; /* of a statement of the repository, run by itself; NULL for other SQL */
};

/* How the connections of a pool are opened. */
struct wire_way {
  const char *url; /* has passed url_check */
  const struct lontar_options *options;
  struct leaving *leaving; /* gets what does not become a connection */
};

/*
 * Opens a connection and sets up its session. LONTAR_OK, LONTAR_UNAVAILABLE or LONTAR_INTERNAL. Where there are several
 * servers, it passes over those that more than `leaving_max` connections are leaving. `ret_backend` may come without a
 * number.
 */
enum lontar_error wire_open(const struct wire_way *way, int leaving_max, int64_t deadline, PGconn **ret_connection,
                            struct backend *ret_backend, struct lontar_failure *failure);

/*
 * Runs the statements in one round trip and gives the result of the last; the caller ends it with PQclear. Several
 * begin with BEGIN and end with COMMIT, which the server does not reach when one fails; LONTAR_MISUSE when it was not
 * the COMMIT that ended the transaction. An error of the server leaves the connection usable, unless PQstatus says
 * otherwise; LONTAR_DEADLINE with an empty SQLSTATE is our own. With one of a warning all is committed, and may be
 * lost.
 */
enum lontar_error wire_run(PGconn *connection, const struct wire_statement *statements, size_t count, int64_t deadline,
                           PGresult **ret_result, struct lontar_failure *failure);

/* Undoes what a borrower may have changed on our side: non-blocking mode, receivers of notices. */
bool wire_reset(PGconn *connection);

#endif
