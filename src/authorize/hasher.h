/*
 * One helper thread that hashes passwords, so that the worker's loop never waits for Argon2.
 *
 * All functions are called from one thread, the loop's; the helper touches a job only between submit and collect. The
 * loop watches hasher_fd for reading and then calls hasher_collect, which calls back for every job that is done, in
 * order of submission. Start it after the fork.
 */
#ifndef AUTHORIZE_HASHER_H
#define AUTHORIZE_HASHER_H

#include <stddef.h>

#include "authorize/password.h"

/* Jobs waiting or running; at 20–40 ms each the last one waits about two seconds. */
enum { HASHER_QUEUE_MAX = 64 };

struct hasher;
struct hasher_job;

enum hasher_kind {
  HASHER_HASH,   /* password → new hash */
  HASHER_VERIFY, /* password and stored hash → verdict, and a new hash when the verdict is PASSWORD_RIGHT_REHASH */
};

/* What a job found; lives until the callback returns. */
struct hasher_result {
  int error;                     /* LONTAR_OK, or LONTAR_BUSY for want of memory: nothing below counts */
  enum password_verdict verdict; /* of HASHER_VERIFY */
  const char *hash;              /* the new hash, "" where none was or could be made */
};

typedef void hasher_done(const struct hasher_result *result, void *data);

/* Starts the thread with every signal blocked. LONTAR_OK, or LONTAR_INTERNAL with `*ret` untouched. */
int hasher_start(struct hasher **ret);

/* Waits for the running job (tens of milliseconds), drops the others without a call-back and frees all. NULL is fine.
 */
void hasher_stop(struct hasher *hasher);

/*
 * Makes a job with its own copies of password and stored hash; the password is wiped as soon as the job has run. A
 * HASHER_VERIFY without a stored hash (NULL) stands for an unknown user: it takes as long, and the verdict is
 * PASSWORD_WRONG. HASHER_HASH ignores `hash`. NULL when there is no memory.
 */
struct hasher_job *hasher_job_new(enum hasher_kind kind, const char *password, size_t length, const char *hash,
                                  size_t hash_length, hasher_done *done, void *data);

/* Wipes and frees a job that was not submitted. NULL is fine. */
void hasher_job_free(struct hasher_job *job);

/* Queues the job, which then belongs to the hasher and is gone after its call-back. LONTAR_BUSY when the queue is full:
 * the job still belongs to the caller. */
int hasher_submit(struct hasher *hasher, struct hasher_job *job);

/* For a job submitted and not yet called back: there will be no call-back, and `job` may not be touched any more. */
void hasher_cancel(struct hasher_job *job);

/* Readable when jobs are done. Non-blocking, belongs to the hasher. */
int hasher_fd(const struct hasher *hasher);

/* Calls back for every job that is done and frees it. A call-back may submit and cancel, but not stop the hasher. */
void hasher_collect(struct hasher *hasher);

#endif
