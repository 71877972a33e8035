/* Lists of waiters by class, ordered by turns: those who return take turns below all that were given. */
#include "pool/queue.h"

void queue_init(struct queue *queue)
{
  *queue = (struct queue){.count = 0};
  for (int i = 0; i < CLASSES; i++)
    TAILQ_INIT(&queue->of[i]);
  TAILQ_INIT(&queue->delayed);
}

static enum waiter_class class_of(const struct waiter *waiter)
{
  const bool reads = waiter->kind <= BULKY;
  if (waiter->locked)
    return reads ? CLASS_READ_LOCKED : CLASS_WRITE_LOCKED;
  if (!reads)
    return waiter->kind == APPENDS && !waiter->alone ? CLASS_APPEND : CLASS_WRITE;
  if (waiter->kind != READS)
    return waiter->alone || waiter->kind == BULKY ? CLASS_DEAR_ALONE : CLASS_DEAR;
  return waiter->alone ? CLASS_READ_ALONE : CLASS_READ;
}

void queue_add(struct queue *queue, struct waiter *waiter, int64_t now)
{
  waiter->place = WAITER_QUEUED;
  waiter->queued = now;
  waiter->turn = ++queue->last_turn;
  waiter->class = class_of(waiter);
  TAILQ_INSERT_TAIL(&queue->of[waiter->class], waiter, link);
  queue->waiting |= 1U << waiter->class;
  queue->count++;
}

void queue_return(struct queue *queue, struct waiter *waiter, int64_t now)
{
  waiter->place = WAITER_QUEUED;
  waiter->queued = now;
  waiter->turn = --queue->first_turn;
  waiter->class = class_of(waiter);
  TAILQ_INSERT_HEAD(&queue->of[waiter->class], waiter, link);
  queue->waiting |= 1U << waiter->class;
  queue->count++;
}

void queue_delay(struct queue *queue, struct waiter *waiter, int64_t until)
{
  waiter->place = WAITER_DELAYED;
  waiter->not_before = until;
  TAILQ_INSERT_TAIL(&queue->delayed, waiter, link);
  queue->count++;
}

bool queue_remove(struct queue *queue, struct waiter *waiter)
{
  if (waiter->place == WAITER_ELSEWHERE)
    return false;
  TAILQ_REMOVE(waiter->place == WAITER_QUEUED ? &queue->of[waiter->class] : &queue->delayed, waiter, link);
  if (waiter->place == WAITER_QUEUED && TAILQ_EMPTY(&queue->of[waiter->class]))
    queue->waiting &= ~(1U << waiter->class);
  waiter->place = WAITER_ELSEWHERE;
  queue->count--;
  return true;
}

void queue_wake(struct queue *queue, int64_t now)
{
  struct waiter *next;
  for (struct waiter *waiter = TAILQ_FIRST(&queue->delayed); waiter != NULL; waiter = next) {
    next = TAILQ_NEXT(waiter, link);
    if (now < waiter->not_before)
      continue;
    (void)queue_remove(queue, waiter);
    queue_return(queue, waiter, now);
  }
}

struct waiter *queue_first(const struct queue *queue, unsigned classes)
{
  struct waiter *first = NULL;
  for (unsigned left = classes & queue->waiting; left != 0; left &= left - 1) {
    struct waiter *head = TAILQ_FIRST(&queue->of[__builtin_ctz(left)]);
    if (first == NULL || head->turn < first->turn)
      first = head;
  }
  return first;
}

struct waiter *queue_any(const struct queue *queue)
{
  struct waiter *first = queue_first(queue, QUEUE_ALL);
  return first != NULL ? first : TAILQ_FIRST(&queue->delayed);
}

static struct waiter *expired_in(const struct waiter_list *list, int64_t now)
{
  struct waiter *waiter;
  TAILQ_FOREACH(waiter, list, link)
  if (now >= waiter->wait_until)
    return waiter;
  return NULL;
}

struct waiter *queue_expired(const struct queue *queue, int64_t now)
{
  struct waiter *expired = expired_in(&queue->delayed, now);
  for (int i = 0; i < CLASSES && expired == NULL; i++)
    expired = expired_in(&queue->of[i], now);
  return expired;
}
