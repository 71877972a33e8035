/* What is asked of the pool: a job, which passes from its owner through the queue to a connection, and back. */
#ifndef POOL_JOB_H
#define POOL_JOB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <lontar/error.h>

#include "pool/queue.h"
#include "repo/statement.h"

/* One execution of a statement. The owner fills the first group, the rest zero, and keeps the memory until it comes
 * back. */
struct job {
  enum statement statement;
  struct statement_parameters parameters;
  void *owner;
  void (*done)(struct job *job, enum lontar_error error, const PGresult *result); /* called by the pool, exactly once */
  void (*held)(struct job *job, int64_t age); /* called at most once, when it has a connection for long; may be NULL */
  struct waiter waiter;                       /* the owner sets wait_until */

  bool retried;       /* pool's: a read is sent a second time at most */
  bool unwanted;      /* pool's: nobody waits for its answer any more */
  bool told_held;     /* pool's */
  int conflicts;      /* pool's: serialization failures so far */
  int renewals;       /* pool's: how often it was refused because the session did not fit */
  int locks;          /* pool's: how often it gave up waiting for a lock, up to a limit */
  int64_t sent;       /* pool's: the last time, */
  int64_t first_sent; /* and the first */

  PGresult *result;      /* connection's: what arrived, until the segment is committed */
  bool answered;         /* connection's: nothing more comes for it but the commit */
  bool by_name;          /* connection's: sent as a prepared statement */
  bool heard_of;         /* connection's: it was lost after something had come for the job */
  bool ends_segment;     /* connection's: the sync follows it */
  TAILQ_ENTRY(job) link; /* in the connection's pipeline */
};

TAILQ_HEAD(job_list, job);

#endif
