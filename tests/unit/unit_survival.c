/* The board after workers that were killed anywhere in their writing: whole numbers, counters that go on, no lease
 * lost. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lontar/error.h>

#include "health/board.h"
#include "unit.h"

enum { KILLS = 200, LATEST_US = 3000, POLL_US = 100, ROUTES = 9, BUDGET = 3, ID_SIZE = 64 };

static struct board *board;
static struct board_snapshot snapshot;

/* An id that fills several words, so that a torn one is seen. */
static size_t write_id(char id[ID_SIZE], unsigned route)
{
  memset(id, (int)('0' + route), ID_SIZE - 1);
  id[ID_SIZE - 1] = '\0';
  return ID_SIZE - 1;
}

static _Noreturn void write_until_killed(void)
{
  struct board_slot *slot = board_slot(board, 0);
  char id[ID_SIZE];
  board_worker_begin(slot, (uint64_t)getpid());
  board_lease_return(slot, board_get(&slot->leased)); /* as a successor does when the dead one's connections are gone */
  for (uint64_t turn = 1;; turn++) {
    const unsigned route = (unsigned)(turn % ROUTES) + 1;
    board_request_enter(slot, route, id, write_id(id, route));
    board_worker_pool(slot, &(struct board_pool){.open = turn % 8, .opened = turn});
    if (board_lease(board, 0, BUDGET) && turn % 2 == 0)
      board_lease_return(slot, board_get(&slot->leased));
    board_request_count(slot, 200, (int64_t)turn);
    board_request_leave(slot);
    board_worker_beat(slot);
  }
}

static void kill_one(int number)
{
  const struct board_slot *slot = board_slot(board, 0);
  const uint64_t requests = board_get(&slot->requests);
  const pid_t child = fork();
  if (child == 0)
    write_until_killed();
  while (number % 2 == 0 && board_get(&slot->requests) == requests)
    (void)usleep(POLL_US); /* every other one is at work, however slow the machine */
  (void)usleep((useconds_t)(LATEST_US * number / KILLS));
  (void)kill(child, SIGKILL);
  (void)waitpid(child, NULL, 0);
  const uint64_t route = board_get(&slot->request_route);
  char id[ID_SIZE];
  (void)write_id(id, (unsigned)route);
  if (route != 0) {
    CU_ASSERT(route <= ROUTES);
    CU_ASSERT_EQUAL(memcmp(slot->request_id, id, ID_SIZE - 1), 0);
  }
  board_worker_died(board_slot(board, 0), (uint64_t)child);
}

static void check_counters(const struct board_slot *before)
{
  const struct board_slot *now = &snapshot.layout.slots[0];
  CU_ASSERT_EQUAL(now->pid, 0);
  CU_ASSERT(now->requests >= before->requests);
  CU_ASSERT(now->answers_2xx >= before->answers_2xx);
  CU_ASSERT(now->requests - now->answers_2xx <= KILLS); /* one between the two words for each death */
  CU_ASSERT(now->pool.opened >= before->pool.opened);
  CU_ASSERT(now->leased <= BUDGET + 1); /* the claim of one that was killed before it had counted */
}

static void a_writer_may_be_killed_anywhere(void)
{
  char path[] = "/tmp/unit-survival-XXXXXX", message[MESSAGE_SIZE];
  const int file = mkstemp(path);
  CU_ASSERT_FATAL(file >= 0);
  (void)close(file);
  CU_ASSERT_EQUAL_FATAL(board_create(path, 1, &board, message, sizeof message), LONTAR_OK);
  for (int i = 0; i < KILLS; i++) {
    const struct board_slot before = snapshot.layout.slots[0];
    kill_one(i);
    board_snapshot(board, &snapshot);
    check_counters(&before);
  }
  CU_ASSERT(snapshot.layout.slots[0].requests > 0);
  board_worker_end(board_slot(board, 0));
  CU_ASSERT_EQUAL(board_leased(board), 0);
  CU_ASSERT_PTR_NULL(board_harm(board, path));
  board_close(board);
  (void)unlink(path);
}

UNIT_CASES(survival, UNIT_CASE(a_writer_may_be_killed_anywhere));
