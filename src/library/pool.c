/* The library's pool: connections that threads take and give back, in order of asking. */
#include "library/pool.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "base/clock.h"
#include "library/failure.h"
#include "library/wire.h"

/* A connection idle for longer is asked whether it still lives before it is used. */
#define VALIDATE_AFTER (30 * CLOCK_SECOND)

/* Time for that question, and for a rollback. */
#define VALIDATE_TIMEOUT CLOCK_SECOND

/* One waiting thread. What it gets is a place in the pool, with an idle connection or without. */
struct ticket {
  pthread_cond_t ready;
  bool served;
  struct pool_item *item;
  TAILQ_ENTRY(ticket) link;
};

struct pool {
  char *url;
  char *application_name;
  struct lontar_options options;
  pthread_mutex_t lock; /* guards all below */
  TAILQ_HEAD(, ticket) waiting;
  struct pool_item *idle;
  int places; /* taken: lent, idle or being opened */
  int idle_count;
  int waiting_count;
  int64_t flushed; /* connections opened before are doubtful */
};

enum lontar_error pool_new(const char *url, const struct lontar_options *options, struct pool **ret_pool)
{
  struct pool *pool = calloc(1, sizeof *pool);
  if (!pool)
    return LONTAR_INTERNAL;
  pool->url = strdup(url);
  pool->application_name = strdup(options->application_name ? options->application_name : "lontar");
  pool->options = *options;
  pool->options.application_name = pool->application_name;
  TAILQ_INIT(&pool->waiting);
  pthread_mutex_init(&pool->lock, NULL);
  if (!pool->url || !pool->application_name) {
    pool_free(pool);
    return LONTAR_INTERNAL;
  }
  *ret_pool = pool;
  return LONTAR_OK;
}

static void item_free(struct pool_item *item)
{
  if (item)
    PQfinish(item->connection);
  free(item);
}

void pool_free(struct pool *pool)
{
  if (!pool)
    return;
  while (pool->idle) {
    struct pool_item *item = pool->idle;
    pool->idle = item->next;
    item_free(item);
  }
  pthread_mutex_destroy(&pool->lock);
  free(pool->url);
  free(pool->application_name);
  free(pool);
}

const struct lontar_options *pool_options(const struct pool *pool)
{
  return &pool->options;
}

/* Waits for a ticket to be served, under the lock. */
static bool ticket_wait(struct pool *pool, struct ticket *ticket, int64_t deadline)
{
  struct timespec until = {.tv_sec = deadline / CLOCK_SECOND, .tv_nsec = (deadline % CLOCK_SECOND) * 1000};
  while (!ticket->served) {
    if (pthread_cond_clockwait(&ticket->ready, &pool->lock, CLOCK_MONOTONIC, &until) != 0)
      return ticket->served;
  }
  return true;
}

/* Stands in the queue, under the lock. False when the deadline came first. */
static bool pool_queue(struct pool *pool, int64_t deadline, struct pool_item **ret_item)
{
  struct ticket ticket = {.served = false};
  pthread_cond_init(&ticket.ready, NULL);
  TAILQ_INSERT_TAIL(&pool->waiting, &ticket, link);
  pool->waiting_count++;
  bool served = ticket_wait(pool, &ticket, deadline);
  if (!served) {
    TAILQ_REMOVE(&pool->waiting, &ticket, link);
    pool->waiting_count--;
  }
  pthread_cond_destroy(&ticket.ready);
  *ret_item = ticket.item;
  return served;
}

static int pool_limit(const struct pool *pool)
{
  return pool->options.pool_size + pool->options.pool_max_overflow;
}

/* Gets a place, and an idle connection with it where there is one. */
static enum lontar_error pool_enter(struct pool *pool, int64_t deadline, struct pool_item **ret_item,
                                    struct lontar_failure *failure)
{
  enum lontar_error error = LONTAR_OK;
  pthread_mutex_lock(&pool->lock);
  *ret_item = NULL;
  if (pool->idle) {
    *ret_item = pool->idle;
    pool->idle = pool->idle->next;
    pool->idle_count--;
  } else if (pool->places < pool_limit(pool)) {
    pool->places++;
  } else if (!pool_queue(pool, deadline, ret_item)) {
    error = failure_set(failure, LONTAR_BUSY, "no connection became free in time: %d of %d are busy, %d calls wait",
                        pool->places - pool->idle_count, pool_limit(pool), pool->waiting_count);
  }
  pthread_mutex_unlock(&pool->lock);
  return error;
}

/* Passes a place on: to the oldest waiter, else to the idle ones while it is not overflow. Returns what is to close. */
static struct pool_item *pool_leave(struct pool *pool, struct pool_item *item)
{
  struct ticket *first = TAILQ_FIRST(&pool->waiting);
  if (first) {
    TAILQ_REMOVE(&pool->waiting, first, link);
    pool->waiting_count--;
    first->item = item;
    first->served = true;
    pthread_cond_signal(&first->ready);
    return NULL;
  }
  if (!item || pool->places > pool->options.pool_size) {
    pool->places--;
    return item;
  }
  item->idle_since = clock_steady();
  item->next = pool->idle;
  pool->idle = item;
  pool->idle_count++;
  return NULL;
}

static bool item_run(struct pool_item *item, const char *sql)
{
  PGresult *result = NULL;
  const struct wire_statement statement = {.sql = sql};
  bool good = wire_run(item->connection, &statement, 1, clock_steady() + VALIDATE_TIMEOUT, &result, NULL) == LONTAR_OK;
  PQclear(result);
  return good;
}

/* Whether a connection may be used further; `flushed` is the pool's. */
static bool item_fit(struct pool_item *item, int64_t flushed)
{
  int64_t now = clock_steady();
  if (PQstatus(item->connection) != CONNECTION_OK || now >= item->recycle_at || item->opened < flushed)
    return false;
  return now - item->idle_since < VALIDATE_AFTER || item_run(item, "SELECT 1");
}

static int64_t pool_flushed(struct pool *pool)
{
  pthread_mutex_lock(&pool->lock);
  int64_t flushed = pool->flushed;
  pthread_mutex_unlock(&pool->lock);
  return flushed;
}

static enum lontar_error item_open(struct pool *pool, struct pool_item **ret_item, struct lontar_failure *failure)
{
  struct pool_item *item = calloc(1, sizeof *item);
  if (!item)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  enum lontar_error error = wire_open(pool->url, &pool->options, &item->connection, failure);
  if (error != LONTAR_OK) {
    item_free(item);
    return error;
  }
  int64_t life = pool->options.pool_recycle * CLOCK_MILLISECOND;
  item->opened = item->idle_since = clock_steady();
  item->recycle_at = item->opened + life - life / 1000 * randombytes_uniform(101);
  *ret_item = item;
  return LONTAR_OK;
}

enum lontar_error pool_take(struct pool *pool, int64_t deadline, struct pool_item **ret_item,
                            struct lontar_failure *failure)
{
  struct pool_item *item;
  enum lontar_error error = pool_enter(pool, deadline, &item, failure);
  if (error != LONTAR_OK)
    return error;
  if (item && !item_fit(item, pool_flushed(pool))) {
    item_free(item);
    item = NULL;
  }
  if (!item)
    error = item_open(pool, &item, failure);
  if (error == LONTAR_OK) {
    *ret_item = item;
    return LONTAR_OK;
  }
  pthread_mutex_lock(&pool->lock);
  (void)pool_leave(pool, NULL);
  pthread_mutex_unlock(&pool->lock);
  return error;
}

/* Whether a connection that comes back is good for the next one. */
static bool item_clean(struct pool_item *item)
{
  if (PQstatus(item->connection) != CONNECTION_OK || PQpipelineStatus(item->connection) != PQ_PIPELINE_OFF)
    return false;
  switch (PQtransactionStatus(item->connection)) {
  case PQTRANS_IDLE:
    return true;
  case PQTRANS_INTRANS:
  case PQTRANS_INERROR:
    return item_run(item, "ROLLBACK");
  default: /* a statement is still running, or nobody knows */
    return false;
  }
}

void pool_give(struct pool *pool, struct pool_item *item)
{
  if (!item_clean(item)) {
    item_free(item);
    item = NULL;
  }
  if (item)
    item->idle_since = clock_steady();
  pthread_mutex_lock(&pool->lock);
  item = pool_leave(pool, item);
  pthread_mutex_unlock(&pool->lock);
  item_free(item);
}

void pool_flush(struct pool *pool)
{
  pthread_mutex_lock(&pool->lock);
  pool->flushed = clock_steady();
  pthread_mutex_unlock(&pool->lock);
}

void pool_numbers(struct pool *pool, struct lontar_numbers *ret_numbers)
{
  pthread_mutex_lock(&pool->lock);
  *ret_numbers = (struct lontar_numbers){.open = pool->places,
                                         .idle = pool->idle_count,
                                         .busy = pool->places - pool->idle_count,
                                         .waiting = pool->waiting_count};
  pthread_mutex_unlock(&pool->lock);
}
