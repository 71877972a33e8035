/* Connections that all workers share, and those of the dead: leases, claims, the prober's looks and notes. */
#include <stdlib.h>

#include "base/clock.h"
#include "place.h"
#include "worker/budget.h"

static void leases_never_exceed_the_budget(void)
{
  struct place place;
  place_make(&place);
  CU_ASSERT_TRUE(board_lease(place.board, 0, 2));
  CU_ASSERT_TRUE(board_lease(place.board, 1, 2));
  CU_ASSERT_FALSE(board_lease(place.board, 0, 2));
  CU_ASSERT_EQUAL(board_leased(place.board), 2);
  board_lease_return(board_slot(place.board, 1), 1);
  CU_ASSERT_TRUE(board_lease(place.board, 0, 2));
  board_worker_end(board_slot(place.board, 0));
  CU_ASSERT_EQUAL(board_leased(place.board), 0);
  place_remove(&place);
}

/* A worker of place 0 that has `open` connections, of which one is within its slice. */
static struct board_slot *begin_with_one_within(struct place *place, struct budget *budget, int turn, uint64_t open)
{
  struct board_slot *slot = board_slot(place->board, board_turn(0, turn));
  board_prober_census(board_prober(place->board), 1, 0, 0);
  budget_begin(budget, place->board, 0, turn, 3, 1);
  board_worker_begin(slot, (uint64_t)(4711 + turn));
  board_worker_state(slot, BOARD_WORKER_SERVING);
  struct policy_budget shared = budget_for_pool(budget);
  for (uint64_t i = 1; i < open; i++)
    CU_ASSERT_TRUE(shared.take(shared.owner, true));
  board_worker_pool(slot, &(struct board_pool){.open = open, .overflow = open - 1});
  return slot;
}

static void who_follows_a_dead_worker_counts_its_connections(void)
{
  for (int turn = 0; turn < BOARD_TURNS; turn++) {
    struct place place;
    struct budget dead, budget;
    place_make(&place);
    struct board_slot *slot = begin_with_one_within(&place, &dead, 0, 3);
    board_worker_died(slot, 4711);
    budget_begin(&budget, place.board, 0, turn, 3, 1); /* in its slot, or in the other one */
    struct policy_budget shared = budget_for_pool(&budget);
    CU_ASSERT_TRUE(shared.take(shared.owner, false));
    CU_ASSERT_EQUAL(board_leased(place.board), 3); /* two leases and one within its slice */
    CU_ASSERT_FALSE(shared.take(shared.owner, true));
    budget.most = 2;
    CU_ASSERT_FALSE(shared.take(shared.owner, false));
    CU_ASSERT_TRUE(budget_is_full(&budget) && !budget_stays_full(&budget));
    board_prober_census(board_prober(place.board), clock_steady() + CLOCK_SECOND, 3, 0); /* the server still has them */
    CU_ASSERT_FALSE(shared.take(shared.owner, false));
    CU_ASSERT_EQUAL(board_leased(place.board), 0);
    CU_ASSERT_TRUE(budget_stays_full(&budget));
    board_prober_census(board_prober(place.board), clock_steady() + CLOCK_SECOND, 1, 0);
    CU_ASSERT_TRUE(shared.take(shared.owner, false));
    CU_ASSERT_TRUE(shared.take(shared.owner, true));
    CU_ASSERT_FALSE(shared.take(shared.owner, true));
    place_remove(&place);
  }
}

static void before_the_first_look_at_the_server_nothing_is_opened(void)
{
  struct place place;
  struct budget budget;
  place_make(&place);
  budget_begin(&budget, place.board, 0, 0, 3, 1);
  struct policy_budget shared = budget_for_pool(&budget);
  CU_ASSERT_FALSE(shared.take(shared.owner, false));
  CU_ASSERT_FALSE(shared.take(shared.owner, true));
  budget.begun -= 10 * CLOCK_SECOND;
  CU_ASSERT_FALSE(shared.take(shared.owner, false)); /* the master will begin another prober */
  board_set(&board_head(place.board)->heartbeat, 1); /* nobody looks here: the board was replaced */
  CU_ASSERT_TRUE(shared.take(shared.owner, false));
  budget.begun += 10 * CLOCK_SECOND;
  CU_ASSERT_FALSE(shared.take(shared.owner, false));
  board_prober_census(board_prober(place.board), 1, 0, 0);
  CU_ASSERT_TRUE(shared.take(shared.owner, false));
  place_remove(&place);
}

/* Whatever it says, its workers go on with what is theirs until they are succeeded. */
static void a_board_of_noise_hinders_nobody(void)
{
  for (int round = 0; round < 200; round++) {
    struct place place;
    struct budget budget;
    place_make(&place);
    budget_begin(&budget, place.board, 0, 0, 3, 1);
    struct policy_budget shared = budget_for_pool(&budget);
    budget.begun -= 10 * CLOCK_SECOND;
    uint64_t *words = (uint64_t *)(void *)board_head(place.board);
    const int64_t silent = clock_steady() - 5 * CLOCK_SECOND;
    for (size_t i = 0; i < sizeof(struct board_layout) / sizeof *words; i++)
      words[i] = round == 0 ? UINT64_MAX : (uint64_t)random() << 33 ^ (uint64_t)random() << 11;
    if (round % 2 == 1) /* only cut off */
      board_set(&board_prober(place.board)->heartbeat, (uint64_t)silent);
    CU_ASSERT_TRUE(shared.take(shared.owner, false));
    CU_ASSERT_FALSE(shared.take(shared.owner, true));
    CU_ASSERT_FALSE(budget_is_full(&budget));
    place_remove(&place);
  }
}

static void a_note_lasts_until_it_is_crossed_out_or_forgotten(void)
{
  struct place place;
  place_make(&place);
  struct board_slot *slot = board_slot(place.board, 0);
  for (int i = 0; i < BOARD_NOTES; i++)
    CU_ASSERT_EQUAL(board_note(slot, 100 + i), i);
  CU_ASSERT_EQUAL(board_note(slot, 99), -1);
  board_note_cross_out(slot, 3, 104); /* of another one that stood there */
  CU_ASSERT_FALSE(board_note_is_over(slot, 3));
  board_note_cross_out(slot, 3, 103);
  CU_ASSERT_TRUE(board_note_is_over(slot, 3));
  CU_ASSERT_FALSE(board_note_is_over(slot, 4));
  board_note_forget(slot, 3);
  CU_ASSERT_EQUAL(board_note(slot, 99), 3);
  board_worker_begin(slot, 1);
  CU_ASSERT_EQUAL(board_note(slot, 1), 0);
  place_remove(&place);
}

static void who_follows_a_living_worker_counts_its_slice(void)
{
  struct place place;
  struct budget elder, younger;
  place_make(&place);
  struct board_slot *slot = begin_with_one_within(&place, &elder, 0, 2);
  board_set(&slot->started, 1);
  (void)begin_with_one_within(&place, &younger, 1, 1);
  budget_tick(&elder);
  budget_tick(&younger);
  CU_ASSERT_EQUAL(board_leased(place.board), 2); /* a lease and the slice that both have */
  struct policy_budget shared = budget_for_pool(&younger);
  CU_ASSERT_TRUE(shared.take(shared.owner, true));
  CU_ASSERT_FALSE(shared.take(shared.owner, true));
  shared.give(shared.owner);
  board_worker_state(slot, BOARD_WORKER_RETIRING);
  board_worker_pool(slot, &(struct board_pool){.open = 1, .overflow = 1});
  budget_tick(&younger);
  CU_ASSERT_EQUAL(board_leased(place.board), 1);
  board_worker_end(slot);
  budget_tick(&younger);
  CU_ASSERT_EQUAL(board_leased(place.board), 0);
  place_remove(&place);
}

UNIT_CASES(budget, UNIT_CASE(leases_never_exceed_the_budget),
           UNIT_CASE(who_follows_a_dead_worker_counts_its_connections),
           UNIT_CASE(before_the_first_look_at_the_server_nothing_is_opened), UNIT_CASE(a_board_of_noise_hinders_nobody),
           UNIT_CASE(a_note_lasts_until_it_is_crossed_out_or_forgotten),
           UNIT_CASE(who_follows_a_living_worker_counts_its_slice));
