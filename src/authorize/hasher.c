/* The helper thread that hashes passwords, its queue, and the way of the results back into the loop. */
#include "authorize/hasher.h"

#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/cleanup.h"
#include "base/thread.h"

struct hasher_job {
  STAILQ_ENTRY(hasher_job) link;
  enum hasher_kind kind;
  bool has_hash;
  bool cancelled; /* by the loop, while the thread may look */
  hasher_done *done;
  void *data;
  size_t length;
  size_t hash_length;
  int error;
  enum password_verdict verdict;
  char new_hash[PASSWORD_HASH_SIZE];
  char hash[PASSWORD_HASH_SIZE * 2];
  char password[]; /* length bytes */
};

STAILQ_HEAD(job_list, hasher_job);

/* `waiting`, `done` and `stopping` are guarded by `mutex`; `pending` is the loop's alone. */
struct hasher {
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t arrived;
  struct job_list waiting;
  struct job_list done;
  bool stopping;
  int pending; /* submitted and not collected */
  int event;
};

static struct hasher_job *list_take_first(struct job_list *list)
{
  struct hasher_job *job = STAILQ_FIRST(list);
  if (job)
    STAILQ_REMOVE_HEAD(list, link);
  return job;
}

static void list_free(struct job_list *list)
{
  struct hasher_job *job;
  while ((job = list_take_first(list)))
    hasher_job_free(job);
}

struct hasher_job *hasher_job_new(enum hasher_kind kind, const char *password, size_t length, const char *hash,
                                  size_t hash_length, hasher_done *done, void *data)
{
  struct hasher_job *job = calloc(1, sizeof *job + length);
  if (!job)
    return NULL;
  job->kind = kind;
  job->done = done;
  job->data = data;
  job->length = length;
  if (length > 0)
    memcpy(job->password, password, length);
  job->has_hash = hash != NULL;
  /* Nothing that long is a hash; the part that is kept is none either, so the verdict stays WRONG. */
  job->hash_length = hash_length < sizeof job->hash ? hash_length : sizeof job->hash;
  if (hash)
    memcpy(job->hash, hash, job->hash_length);
  return job;
}

void hasher_job_free(struct hasher_job *job)
{
  if (!job)
    return;
  sodium_memzero(job->password, job->length);
  free(job);
}

static void job_run(struct hasher_job *job)
{
  job->error = job->kind == HASHER_HASH ? password_hash(job->password, job->length, job->new_hash)
                                        : password_check(job->has_hash ? job->hash : NULL, job->hash_length,
                                                         job->password, job->length, &job->verdict, job->new_hash);
  sodium_memzero(job->password, job->length);
}

static void *thread_main(void *data)
{
  struct hasher *hasher = data;
  (void)pthread_mutex_lock(&hasher->mutex);
  for (;;) {
    while (!hasher->stopping && STAILQ_EMPTY(&hasher->waiting))
      (void)pthread_cond_wait(&hasher->arrived, &hasher->mutex);
    if (hasher->stopping)
      break;
    struct hasher_job *job = list_take_first(&hasher->waiting);
    (void)pthread_mutex_unlock(&hasher->mutex);
    if (!__atomic_load_n(&job->cancelled, __ATOMIC_RELAXED))
      job_run(job);
    (void)pthread_mutex_lock(&hasher->mutex);
    STAILQ_INSERT_TAIL(&hasher->done, job, link);
    (void)eventfd_write(hasher->event, 1);
  }
  (void)pthread_mutex_unlock(&hasher->mutex);
  return NULL;
}

int hasher_start(struct hasher **ret)
{
  CLEANUP_FREE struct hasher *hasher = calloc(1, sizeof *hasher);
  CLEANUP_CLOSE int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (!hasher || event < 0)
    return LONTAR_INTERNAL;
  hasher->event = event;
  STAILQ_INIT(&hasher->waiting);
  STAILQ_INIT(&hasher->done);
  (void)pthread_mutex_init(&hasher->mutex, NULL);
  (void)pthread_cond_init(&hasher->arrived, NULL);
  if (!thread_start(&hasher->thread, thread_main, hasher))
    return LONTAR_INTERNAL;
  event = -1;
  *ret = TAKE(hasher);
  return LONTAR_OK;
}

void hasher_stop(struct hasher *hasher)
{
  if (!hasher)
    return;
  (void)pthread_mutex_lock(&hasher->mutex);
  hasher->stopping = true;
  (void)pthread_cond_signal(&hasher->arrived);
  (void)pthread_mutex_unlock(&hasher->mutex);
  (void)pthread_join(hasher->thread, NULL);
  list_free(&hasher->waiting);
  list_free(&hasher->done);
  (void)pthread_cond_destroy(&hasher->arrived);
  (void)pthread_mutex_destroy(&hasher->mutex);
  (void)close(hasher->event);
  free(hasher);
}

int hasher_submit(struct hasher *hasher, struct hasher_job *job)
{
  if (hasher->pending >= HASHER_QUEUE_MAX)
    return LONTAR_BUSY;
  hasher->pending++;
  (void)pthread_mutex_lock(&hasher->mutex);
  STAILQ_INSERT_TAIL(&hasher->waiting, job, link);
  (void)pthread_cond_signal(&hasher->arrived);
  (void)pthread_mutex_unlock(&hasher->mutex);
  return LONTAR_OK;
}

void hasher_cancel(struct hasher_job *job)
{
  __atomic_store_n(&job->cancelled, true, __ATOMIC_RELAXED);
}

int hasher_fd(const struct hasher *hasher)
{
  return hasher->event;
}

void hasher_collect(struct hasher *hasher)
{
  eventfd_t times;
  (void)eventfd_read(hasher->event, &times);
  for (;;) {
    (void)pthread_mutex_lock(&hasher->mutex);
    struct hasher_job *job = list_take_first(&hasher->done);
    (void)pthread_mutex_unlock(&hasher->mutex);
    if (!job)
      return;
    hasher->pending--;
    const struct hasher_result result = {.error = job->error, .verdict = job->verdict, .hash = job->new_hash};
    if (!job->cancelled)
      job->done(&result, job->data);
    hasher_job_free(job);
  }
}
