/* Who waits for a connection, and in which order they go. */
#include "pool/queue.h"
#include "unit.h"

static void the_first_to_ask_is_the_first_of_all_classes(void)
{
  struct queue queue;
  struct waiter write = {.kind = WRITES};
  struct waiter read = {.kind = READS};
  struct waiter later = {.kind = WRITES};
  queue_init(&queue);
  CU_ASSERT_PTR_NULL(queue_any(&queue));
  queue_add(&queue, &write, 5);
  queue_add(&queue, &read, 6);
  queue_add(&queue, &later, 7);
  CU_ASSERT_EQUAL(queue.count, 3);
  CU_ASSERT_EQUAL(write.queued, 5);
  CU_ASSERT_PTR_EQUAL(queue_first(&queue, QUEUE_ALL), &write);
  CU_ASSERT_PTR_EQUAL(queue_first(&queue, 1 << CLASS_READ), &read);
  CU_ASSERT_TRUE(queue_remove(&queue, &write));
  CU_ASSERT_FALSE(queue_remove(&queue, &write));
  CU_ASSERT_PTR_EQUAL(queue_first(&queue, QUEUE_ALL), &read);
  CU_ASSERT_PTR_EQUAL(queue_first(&queue, 1 << CLASS_WRITE), &later);
  CU_ASSERT_PTR_NULL(queue_first(&queue, 1 << CLASS_APPEND));
}

static void who_returns_goes_before_all_others(void)
{
  struct queue queue;
  struct waiter waiting = {.kind = READS};
  struct waiter first = {.kind = APPENDS};
  struct waiter second = {.kind = READS};
  queue_init(&queue);
  queue_add(&queue, &waiting, 1);
  queue_return(&queue, &second, 2);
  queue_return(&queue, &first, 2);
  CU_ASSERT_PTR_EQUAL(queue_first(&queue, QUEUE_ALL), &first);
  CU_ASSERT_TRUE(queue_remove(&queue, &first));
  CU_ASSERT_PTR_EQUAL(queue_first(&queue, QUEUE_ALL), &second);
}

static void a_delay_holds_back_until_its_time(void)
{
  struct queue queue;
  struct waiter delayed = {.kind = READS, .wait_until = 100};
  struct waiter waiting = {.kind = READS, .wait_until = 50};
  queue_init(&queue);
  queue_delay(&queue, &delayed, 10);
  CU_ASSERT_PTR_NULL(queue_first(&queue, QUEUE_ALL));
  CU_ASSERT_PTR_EQUAL(queue_any(&queue), &delayed);
  queue_add(&queue, &waiting, 3);
  queue_wake(&queue, 9);
  CU_ASSERT_PTR_EQUAL(queue_first(&queue, QUEUE_ALL), &waiting);
  queue_wake(&queue, 10);
  CU_ASSERT_PTR_EQUAL(queue_first(&queue, QUEUE_ALL), &delayed);
  CU_ASSERT_EQUAL(queue.count, 2);
}

static void whose_time_is_over_is_found_wherever_it_waits(void)
{
  struct queue queue;
  struct waiter delayed = {.kind = READS, .wait_until = 100};
  struct waiter waiting = {.kind = WRITES, .wait_until = 50};
  queue_init(&queue);
  queue_delay(&queue, &delayed, 1000);
  queue_add(&queue, &waiting, 0);
  CU_ASSERT_PTR_NULL(queue_expired(&queue, 49));
  CU_ASSERT_PTR_EQUAL(queue_expired(&queue, 50), &waiting);
  CU_ASSERT_TRUE(queue_remove(&queue, &waiting));
  CU_ASSERT_PTR_EQUAL(queue_expired(&queue, 100), &delayed);
}

static void a_class_follows_from_kind_and_past(void)
{
  static const struct {
    struct waiter waiter;
    enum waiter_class class;
  } rows[] = {
      {{.kind = READS}, CLASS_READ},
      {{.kind = DEAR}, CLASS_DEAR},
      {{.kind = READS, .alone = true}, CLASS_READ_ALONE},
      {{.kind = DEAR, .alone = true}, CLASS_DEAR_ALONE},
      {{.kind = BULKY}, CLASS_DEAR_ALONE},
      {{.kind = READS, .alone = true, .locked = true}, CLASS_READ_LOCKED},
      {{.kind = DEAR, .locked = true}, CLASS_READ_LOCKED},
      {{.kind = APPENDS}, CLASS_APPEND},
      {{.kind = APPENDS, .alone = true}, CLASS_WRITE},
      {{.kind = WRITES}, CLASS_WRITE},
      {{.kind = APPENDS, .locked = true}, CLASS_WRITE_LOCKED},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct queue queue;
    struct waiter waiter = rows[i].waiter;
    queue_init(&queue);
    queue_add(&queue, &waiter, 1);
    CU_ASSERT_PTR_EQUAL(queue_first(&queue, 1U << rows[i].class), &waiter);
    CU_ASSERT_EQUAL(queue_first(&queue, QUEUE_READS) != NULL, waiter.kind <= BULKY);
    CU_ASSERT_EQUAL(queue_first(&queue, QUEUE_WRITES) != NULL, waiter.kind > BULKY);
  }
}

UNIT_CASES(queue, UNIT_CASE(a_class_follows_from_kind_and_past),
           UNIT_CASE(the_first_to_ask_is_the_first_of_all_classes), UNIT_CASE(who_returns_goes_before_all_others),
           UNIT_CASE(a_delay_holds_back_until_its_time), UNIT_CASE(whose_time_is_over_is_found_wherever_it_waits));
