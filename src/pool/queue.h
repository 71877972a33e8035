/*
 * Who waits for a connection: first in, first out in each class, with one order over all classes.
 * Pure: time is passed in (microseconds on the steady clock). Waiters belong to those who ask.
 */
#ifndef POOL_QUEUE_H
#define POOL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "repo/statement.h"

/* Those of a class may be sent where any other of it may: when its first has to wait, they all have. */
enum waiter_class {
  CLASS_READ,
  CLASS_DEAR,
  CLASS_READ_ALONE,
  CLASS_DEAR_ALONE,
  CLASS_READ_LOCKED,
  CLASS_APPEND,
  CLASS_WRITE, /* and appends alone */
  CLASS_WRITE_LOCKED,
  CLASSES
};

/* One who waits. The asker fills the first group; the rest is the queue's and begins zeroed. */
struct waiter {
  enum statement_kind kind;
  int64_t wait_until; /* when it gives up */
  bool alone;         /* was undone by another's failure, so it joins no segment of others any more */
  bool locked;        /* gave up waiting for a lock the last time */

  enum { WAITER_ELSEWHERE, WAITER_QUEUED, WAITER_DELAYED } place;
  enum waiter_class class; /* while it is queued */
  int64_t queued;          /* since when it waits this time */
  int64_t not_before;
  int64_t turn;
  TAILQ_ENTRY(waiter) link;
};

TAILQ_HEAD(waiter_list, waiter);

struct queue {
  struct waiter_list of[CLASSES]; /* in the order of turns */
  struct waiter_list delayed;
  int count;        /* of both */
  unsigned waiting; /* bits of the classes that have somebody */
  int64_t first_turn;
  int64_t last_turn;
};

/* Bits for queue_first. */
enum {
  QUEUE_ALL = (1 << CLASSES) - 1,
  QUEUE_READS =
      1 << CLASS_READ | 1 << CLASS_DEAR | 1 << CLASS_READ_ALONE | 1 << CLASS_DEAR_ALONE | 1 << CLASS_READ_LOCKED,
  QUEUE_WRITES = QUEUE_ALL & ~QUEUE_READS
};

void queue_init(struct queue *queue);

/* Behind all others. */
void queue_add(struct queue *queue, struct waiter *waiter, int64_t now);

/* Before all others: it has waited before. */
void queue_return(struct queue *queue, struct waiter *waiter, int64_t now);

/* Before all others, once `until` is reached. */
void queue_delay(struct queue *queue, struct waiter *waiter, int64_t until);

/* Puts those whose delay is over into the queue. */
void queue_wake(struct queue *queue, int64_t now);

/* False when it does not wait here. */
bool queue_remove(struct queue *queue, struct waiter *waiter);

/* The first of these classes (bits 1 << class), NULL when none waits. */
struct waiter *queue_first(const struct queue *queue, unsigned classes);

/* Somebody who waits, delayed or not; NULL when nobody does. */
struct waiter *queue_any(const struct queue *queue);

/* Somebody whose wait_until is reached, NULL when there is none. */
struct waiter *queue_expired(const struct queue *queue, int64_t now);

#endif
