/*
 * What is asked of the pool: a job, which passes from its owner through the queue to a connection, and back. It has one
 * part or more, each an execution of a statement. They are sent together, in one transaction, and answered together:
 * when one fails, none has happened.
 */
#ifndef POOL_JOB_H
#define POOL_JOB_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <lontar/error.h>

#include "pool/queue.h"
#include "repo/statement.h"

enum { JOB_PARTS_MAX = 32 };

/* The owner fills the first group, the rest zero. */
struct job_part {
  enum statement statement;
  struct statement_parameters parameters;

  int expects;      /* connection's: answers still to come, the last of them its own */
  bool learns;      /* connection's: the one before tells whether it is prepared */
  bool by_name;     /* connection's: sent as a prepared statement */
  PGresult *result; /* connection's: what arrived, until the segment is committed */
};

/* The owner fills the first group, the rest zero, and keeps the memory until it comes back. */
struct job {
  struct job_part first;
  struct job_part *others; /* behind it, fewer than JOB_PARTS_MAX */
  int other_count;
  void *owner;
  /* Called by the pool, exactly once; the result is that of the part `told`, NULL when there is none. */
  void (*done)(struct job *job, enum lontar_error error, const PGresult *result);
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

  int answered;          /* connection's: parts for which nothing more comes but the commit */
  int told;              /* connection's: the part that an error is about, else the last */
  PGresult **results;    /* connection's, while `done` is called for it: of each part */
  bool heard_of;         /* connection's: it was lost after something had come for the job */
  bool ends_segment;     /* connection's: the sync follows it */
  TAILQ_ENTRY(job) link; /* in the connection's pipeline */
};

TAILQ_HEAD(job_list, job);

static inline int job_count(const struct job *job)
{
  return 1 + job->other_count;
}

static inline struct job_part *job_part(struct job *job, int index)
{
  return index == 0 ? &job->first : &job->others[index - 1];
}

static inline enum statement job_statement(const struct job *job)
{
  return job->told == 0 ? job->first.statement : job->others[job->told - 1].statement;
}

/* That of its dearest part; of several parts of which one writes, none may share a commit. */
static inline enum statement_kind job_kind(const struct job *job)
{
  enum statement_kind kind = statement_rows[job->first.statement].kind;
  for (int i = 0; i < job->other_count; i++) {
    const enum statement_kind other = statement_rows[job->others[i].statement].kind;
    kind = kind >= WRITES || other >= WRITES ? WRITES : other > kind ? other : kind;
  }
  return kind;
}

/* Only then may it be sent a second time. */
static inline bool job_reads(const struct job *job)
{
  return job_kind(job) <= BULKY;
}

#endif
