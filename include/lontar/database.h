/*
 * The DatabaseManager: a pool of connections to one PostgreSQL database, and what is done with them.
 *
 * All functions but lontar_close may be called by any number of threads at once. They block, each at most for the
 * pool's timeout plus connecting plus the statement's timeout. All return LONTAR_OK or what went wrong; then outputs
 * are untouched, and `failure`, unless it is NULL, tells more. Texts are UTF-8. A database is not used across fork():
 * in a child every call gives LONTAR_MISUSE, and lontar_close leaves the parent's connections alone.
 */
#ifndef LONTAR_DATABASE_H
#define LONTAR_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lontar/error.h>
#include <lontar/export.h>

#ifdef __cplusplus
extern "C" {
#endif

struct json_object; /* of json-c */
struct pg_conn;     /* PGconn of libpq */
struct lontar_database;

/* What went wrong, in a struct of the caller's. */
struct lontar_failure {
  enum lontar_error error;
  bool retriable;      /* nothing was changed, and the same call may succeed later */
  char sqlstate[6];    /* PostgreSQL's code, "" when the server did not answer */
  char constraint[64]; /* the constraint that a value breaks, "" for none */
  char message[256];   /* one sentence; for logs, not for the public */
};

/* How the pool behaves. Times are milliseconds. Begin with LONTAR_OPTIONS_DEFAULT. */
struct lontar_options {
  int pool_size;             /* connections kept open, at least 1 */
  int pool_max_overflow;     /* more that are opened while all are busy */
  int pool_max_waiting;      /* calls that may wait for a connection, one more fails at once; 0: no limit */
  int64_t pool_timeout;      /* longest wait for a connection */
  int64_t pool_recycle;      /* age at which a connection is replaced; up to a tenth earlier, at random */
  int64_t pool_idle_timeout; /* idle time after which a connection beyond pool_size is closed, by the next call */
  int64_t leak_threshold;    /* a connection borrowed for longer is counted as overdue */
  int64_t connect_timeout;   /* longest time to open a connection, all hosts of the URL together */
  int64_t statement_timeout; /* longest time for a statement */
  const char *application_name;
  int64_t session_lifetime; /* life of a session of which nobody says how long it lives, in whole hours */
  bool
      pooled; /* by a pooler that gives each transaction another server: nothing is set on sessions, as it would stay */
};

#define LONTAR_OPTIONS_DEFAULT                                                                                         \
  {                                                                                                                    \
    10, 20, 1000, 30000, 3600000, 60000, 60000, 5000, 5000, "lontar", 86400000, false                                  \
  }

/* How the pool is at this moment, and what it did since it was opened. */
struct lontar_numbers {
  int open; /* connections, those that are being opened too, and of these: */
  int idle;
  int busy;
  int overflow;         /* beyond pool_size */
  int overdue;          /* borrowed for longer than leak_threshold: perhaps never given back */
  int waiting;          /* calls that wait for a connection */
  int leaving;          /* closed or given up, but not yet ended by the server: each still takes a place */
  int64_t longest_wait; /* of a call for a connection, milliseconds */
  int64_t opened;       /* counts from here */
  int64_t failed;       /* attempts to open one */
  int64_t closed_old;   /* by pool_recycle */
  int64_t closed_idle;  /* by pool_idle_timeout */
  int64_t closed_lost;  /* found broken, or opened before the server became a standby */
  int64_t closed_dirty; /* given back in the middle of something, or after a SET or its like */
};

/*
 * Opens a database by URL or conninfo (several hosts and target_session_attrs are fine), with `options` or, when NULL,
 * the defaults. Makes one connection, so that a wrong URL is told here. The caller ends it with lontar_close.
 * LONTAR_MISUSE for options out of range and a URL that libpq does not take; LONTAR_UNAVAILABLE, which names the server
 * and the reason, when no connection came about, and not retriable where the server does not let us in. No message
 * quotes the URL.
 */
LONTAR_EXPORT enum lontar_error lontar_open(const char *url, const struct lontar_options *options,
                                            struct lontar_database **ret_database, struct lontar_failure *failure);

/* Closes all connections. No other call may be under way, and no connection borrowed. NULL is fine. */
LONTAR_EXPORT void lontar_close(struct lontar_database *database);

/* LONTAR_SCOPE struct lontar_database *database = NULL; closes it when its scope ends. */
#define LONTAR_SCOPE __attribute__((cleanup(lontar_close_pointer)))
static inline void lontar_close_pointer(struct lontar_database **database)
{
  lontar_close(*database);
}

/*
 * Runs one SQL statement with named parameters: %(name)s stands for the member `name` of the object `parameters` (NULL:
 * there are none), and %% for a percent sign. Literals, quoted identifiers, dollar quotes and comments are left as they
 * are. Values are sent beside the SQL, never pasted into it: null, booleans, numbers and texts as such, arrays and
 * objects as JSON text. LONTAR_MISUSE, before anything is sent, for a name without a member, a broken placeholder,
 * no statement at all, COPY by way of the client, and what begins or ends a transaction. A connection on which SET,
 * LISTEN or their like left something is closed afterwards.
 *
 * lontar_query gives an array with an object for each row; lontar_query_one the first row's object, NULL without a row;
 * the caller ends both with json_object_put. Integers, floating-point numbers, booleans and JSON keep their type;
 * everything else is text, `numeric` too, times in UTC. An integer within JSON has 64 bits; a larger one becomes the
 * largest. lontar_execute gives the number of rows that were changed (`ret_count` may be NULL), also for queries.
 */
LONTAR_EXPORT enum lontar_error lontar_query(struct lontar_database *database, const char *sql,
                                             struct json_object *parameters, struct json_object **ret_rows,
                                             struct lontar_failure *failure);
LONTAR_EXPORT enum lontar_error lontar_query_one(struct lontar_database *database, const char *sql,
                                                 struct json_object *parameters, struct json_object **ret_row,
                                                 struct lontar_failure *failure);
LONTAR_EXPORT enum lontar_error lontar_execute(struct lontar_database *database, const char *sql,
                                               struct json_object *parameters, int64_t *ret_count,
                                               struct lontar_failure *failure);

/* One statement of a transaction, as above. */
struct lontar_statement {
  const char *sql;
  struct json_object *parameters;
};

/* Runs all statements or none, in one round trip. A serialization failure or deadlock is tried again, three times at
 * most. LONTAR_MISUSE, with nothing done, for a statement that would begin or end the transaction. */
LONTAR_EXPORT enum lontar_error lontar_transaction(struct lontar_database *database,
                                                   const struct lontar_statement *statements, size_t count,
                                                   struct lontar_failure *failure);

/*
 * Lends a connection to this thread, in blocking mode and outside a transaction; nobody else uses it until
 * lontar_return. A transaction that is still open then is rolled back; a broken connection is replaced. Do not finish
 * it. What SET changed on it stays changed. lontar_return takes NULL too.
 */
LONTAR_EXPORT enum lontar_error lontar_borrow(struct lontar_database *database, struct pg_conn **ret_connection,
                                              struct lontar_failure *failure);
LONTAR_EXPORT void lontar_return(struct lontar_database *database, struct pg_conn *connection);

/* Whether the database answers within `deadline` milliseconds. */
LONTAR_EXPORT bool lontar_health_check(struct lontar_database *database, int64_t deadline);

LONTAR_EXPORT void lontar_numbers(struct lontar_database *database, struct lontar_numbers *ret_numbers);

#ifdef __cplusplus
}
#endif

#endif
