/* Gathers the troubles of statements, passwords, memory and descriptors. */
#include "worker/symptoms.h"

#include "base/clock.h"
#include "health/board.h"
#include "pool/pool.h"

static bool is_recent(int64_t moment, int64_t now)
{
  return moment != 0 && now - moment < TROUBLE_LIFE;
}

/* What is no statement's: each is over when it has not come again for a while. */
static void add_own(struct descriptors *descriptors, const struct handler *handler, const struct front *front,
                    int64_t since[TROUBLE_KINDS])
{
  const struct front_numbers numbers = front_numbers(front);
  const int64_t memory = clock_later(handler->without_memory, numbers.without_memory);
  const int64_t now = clock_steady();
  if (is_recent(memory, now))
    since[TROUBLE_MEMORY] = memory;
  if (is_recent(handler->passwords_full, now))
    since[TROUBLE_PASSWORDS] = handler->passwords_full;
  if (descriptors_look(descriptors, numbers.without_descriptor, now))
    since[TROUBLE_DESCRIPTORS] = clock_later(numbers.without_descriptor, descriptors->counted);
}

void symptoms_show(struct descriptors *descriptors, struct handler *handler, const struct front *front)
{
  int64_t since[TROUBLE_KINDS];
  const uint64_t elsewhere = board_troubled_elsewhere(handler->board, handler->slot);
  pool_found_well(handler->pool, (int64_t)board_get(&board_prober(handler->board)->well));
  const uint64_t statements = pool_share_troubles(handler->pool, elsewhere, board_passed(handler->board)->at);
  pool_troubles(handler->pool, since);
  add_own(descriptors, handler, front, since);
  board_worker_troubles(handler->slot, statements, since);
  board_set(&handler->slot->descriptors, descriptors->open);
  board_set(&handler->slot->descriptors_limit, descriptors->limit);
}
