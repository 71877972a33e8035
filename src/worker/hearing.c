/* Reads the prober's slot of the board: whether the database is there, and which server it is. */
#include "worker/hearing.h"

#include <stdbool.h>

#include "base/clock.h"
#include "health/board.h"
#include "pool/pool.h"

#define PROBER_LIMIT (2 * CLOCK_SECOND)

void hearing_begin(struct hearing *hearing, const struct pool *pool)
{
  hearing->servers = pool_servers(pool);
  hearing->began = clock_steady();
}

/* Which of several servers the prober has chosen. As long as it has not, nobody chooses by himself, unless it is dead.
 * A worker of another configuration than the prober's finds out for itself. */
static void hear_choice(const struct hearing *hearing, const struct board_prober *prober, bool heard, struct pool *pool)
{
  const bool waits = heard || clock_steady() - hearing->began < PROBER_LIMIT;
  const bool choice = pool_server_count(pool) > 1;
  const uint64_t servers = board_get(&prober->servers);
  const int64_t moved = (int64_t)__atomic_load_n(&prober->moved, __ATOMIC_ACQUIRE);
  const int server = (int)board_get(&prober->chosen) - 1;
  const bool same = servers == hearing->servers;
  if (choice && same && server >= 0)
    pool_aim(pool, server, moved);
  else if (choice && (same || servers == 0) && waits)
    pool_aim(pool, POOL_AWAIT, moved);
  else
    pool_aim(pool, DIALER_ANY, same ? moved : 0);
}

/* The word of a prober that has not moved for long is none: every worker then finds out for itself. */
void hearing_listen(struct hearing *hearing, struct board *board, struct pool *pool)
{
  static const enum policy_word words[] = {
      [BOARD_DATABASE_UNKNOWN] = POLICY_UNKNOWN, [BOARD_DATABASE_UP] = POLICY_UP, [BOARD_DATABASE_DOWN] = POLICY_DOWN};
  const struct board_prober *prober = board_prober(board);
  const uint64_t word = board_get(&prober->database);
  const bool heard = clock_is_fresh(board_get(&prober->heartbeat), clock_steady(), PROBER_LIMIT);
  hearing->word = heard && word <= BOARD_DATABASE_DOWN ? words[word] : POLICY_UNKNOWN;
  if (hearing->word == POLICY_DOWN && board_get(&prober->unfit) != 0)
    hearing->word = POLICY_UNFIT;
  hear_choice(hearing, prober, heard, pool);
  pool_told(pool, hearing->word, (int64_t)board_get(&prober->next_probe));
}
