/* Tests of worker/balance: who gives connections to whom, on boards of all kinds. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/clock.h"
#include "unit.h"
#include "worker/balance.h"

enum { PLACES = 4, ROUNDS = 20000, ENOUGH_LOOKS = 30, NUMBERS_MAX = 2000 };

static struct board *make_board(void)
{
  char folder[] = "/tmp/unit-balance-XXXXXX";
  char path[sizeof folder + sizeof BOARD_FILE];
  char message[MESSAGE_SIZE];
  struct board *board = NULL;
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/" BOARD_FILE, folder);
  CU_ASSERT_EQUAL_FATAL(board_create(path, PLACES, &board, message, sizeof message), LONTAR_OK);
  (void)unlink(path);
  (void)rmdir(folder);
  return board;
}

static struct board_slot *put(struct board *board, int place, int turn, enum board_worker state, uint64_t connections)
{
  struct board_slot *slot = board_slot(board, board_turn(place, turn));
  board_worker_begin(slot, 100);
  board_worker_state(slot, state);
  board_set(&slot->pool.open, 1);
  board_set(&slot->connections, connections);
  return slot;
}

/* What the place gives, and to whom: "count place", "" for nothing. */
static const char *gift_of(struct board *board, int place)
{
  static char text[32];
  struct balance_gift gift;
  text[0] = '\0';
  if (balance_gift(board, place, PLACES, clock_steady(), &gift))
    (void)snprintf(text, sizeof text, "%d %d", gift.count, gift.place);
  return text;
}

static void expect(struct board *board, int place, const char *expected)
{
  const char *got = gift_of(board, place);
  UNIT_TEXT(got, strlen(got), expected);
}

static void who_has_more_gives_to_who_has_less(void)
{
  struct board *board = make_board();
  put(board, 0, 0, BOARD_WORKER_SERVING, 60);
  put(board, 1, 0, BOARD_WORKER_WEARY, 20);
  put(board, 2, 1, BOARD_WORKER_SERVING, 40);
  put(board, 3, 0, BOARD_WORKER_SERVING, 0);
  expect(board, 0, "10 1");
  expect(board, 1, "");
  expect(board, 2, "10 3"); /* what 1 lacks comes from 0 */
  expect(board, 3, "");
  put(board, 0, 0, BOARD_WORKER_SERVING, 1000);
  expect(board, 0, "64 1");
  board_close(board);
}

static void small_differences_stay(void)
{
  static const struct {
    uint64_t one, other;
    const char *gift;
  } cases[] = {{0, 0, ""},    {1, 0, ""},   {3, 0, ""},      {4, 0, "2 1"},  {4, 1, ""},
               {5, 1, "2 1"}, {72, 56, ""}, {73, 55, "9 1"}, {144, 112, ""}, {145, 111, "17 1"}};
  struct board *board = make_board();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    put(board, 0, 0, BOARD_WORKER_SERVING, cases[i].one);
    put(board, 1, 0, BOARD_WORKER_SERVING, cases[i].other);
    expect(board, 0, cases[i].gift);
    expect(board, 1, "");
  }
  board_close(board);
}

/* Each as 1: with 100 connections at 0 and none at 2. */
static void only_who_can_serve_counts(void)
{
  struct board *board = make_board();
  put(board, 0, 0, BOARD_WORKER_SERVING, 100);
  put(board, 2, 0, BOARD_WORKER_SERVING, 0);
  expect(board, 0, "50 2");
  put(board, 1, 0, BOARD_WORKER_STARTING, 0);
  expect(board, 0, "50 2");
  CU_ASSERT_FALSE(balance_moves(board, 1, clock_steady()));
  struct board_slot *slot = put(board, 1, 0, BOARD_WORKER_SERVING, 300);
  expect(board, 0, "");
  board_set(&slot->pool.open, 0); /* takes what lies in its inbox, but gets nothing */
  expect(board, 0, "50 2");
  CU_ASSERT_TRUE(balance_moves(board, 1, clock_steady()));
  board_set(&slot->pool.open, 1);
  board_set(&slot->heartbeat, (uint64_t)(clock_steady() - CLOCK_SECOND)); /* hangs */
  expect(board, 0, "50 2");
  CU_ASSERT_FALSE(balance_moves(board, 1, clock_steady()));
  board_worker_beat(slot);
  board_worker_died(slot, 100);
  expect(board, 0, "50 2");
  board_worker_end(slot);
  expect(board, 0, "50 2");
  CU_ASSERT_FALSE(balance_moves(board, 1, clock_steady()));
  board_close(board);
}

static void a_retiring_workers_connections_are_its_successors(void)
{
  struct board *board = make_board();
  put(board, 0, 0, BOARD_WORKER_SERVING, 50);
  put(board, 1, 0, BOARD_WORKER_RETIRING, 50);
  expect(board, 0, "");
  CU_ASSERT_FALSE(balance_moves(board, 1, clock_steady()));
  put(board, 1, 1, BOARD_WORKER_SERVING, 0);
  expect(board, 0, "");
  CU_ASSERT_TRUE(balance_moves(board, 1, clock_steady()));
  board_close(board);
}

static bool give_all(struct board *board, struct board_slot *const slots[PLACES])
{
  struct balance_gift gifts[PLACES];
  bool any = false;
  for (int i = 0; i < PLACES; i++) {
    gifts[i].count = 0;
    any = balance_gift(board, i, PLACES, clock_steady(), &gifts[i]) || any;
  }
  for (int i = 0; i < PLACES; i++) {
    if (gifts[i].count == 0)
      continue;
    board_add(&slots[i]->connections, (uint64_t)-gifts[i].count);
    board_add(&slots[gifts[i].place]->connections, (uint64_t)gifts[i].count);
  }
  return any;
}

/* From any numbers, with all giving at once: it comes to rest, and nobody is an eighth away from the others. */
static void gifts_come_to_rest(void)
{
  struct board *board = make_board();
  struct board_slot *slots[PLACES];
  srand(1);
  for (int round = 0; round < ROUNDS; round++) {
    uint64_t all = 0;
    int looks = 0;
    for (int i = 0; i < PLACES; i++) {
      slots[i] = put(board, i, 0, BOARD_WORKER_SERVING, (uint64_t)(rand() % (1 + rand() % NUMBERS_MAX)));
      all += board_get(&slots[i]->connections);
    }
    while (looks < ENOUGH_LOOKS && give_all(board, slots))
      looks++;
    CU_ASSERT_FATAL(looks < ENOUGH_LOOKS);
    for (int i = 0; i < PLACES; i++) {
      const int64_t off = (int64_t)board_get(&slots[i]->connections) - (int64_t)(all / PLACES);
      CU_ASSERT_FATAL(llabs(off) <= 2 || llabs(off) <= (int64_t)all / PLACES / 8 + 1);
    }
  }
  board_close(board);
}

UNIT_CASES(balance, UNIT_CASE(who_has_more_gives_to_who_has_less), UNIT_CASE(small_differences_stay),
           UNIT_CASE(only_who_can_serve_counts), UNIT_CASE(a_retiring_workers_connections_are_its_successors),
           UNIT_CASE(gifts_come_to_rest));
