/* Shares of nginx's connections, by the board. */
#include "worker/balance.h"

#include "base/clock.h"

/* Ten beats. What is given to a worker that stops just then waits in its inbox for so long. */
#define MOVES_WITHIN (200 * CLOCK_MILLISECOND)

/* Shares may differ by an eighth, or by one connection. */
enum { TOLERATED = 8, LEAST = 2 };

struct weight {
  bool moves;
  bool counts; /* takes part: it moves, and has the database */
  uint64_t connections;
};

/* A retiring worker's connections go to its successor and count as its own. */
static struct weight weigh(struct board *board, int place, int64_t now)
{
  struct weight weight = {.moves = false};
  for (int turn = 0; turn < BOARD_TURNS; turn++) {
    const struct board_slot *slot = board_slot(board, board_turn(place, turn));
    if (board_get(&slot->pid) == 0 || !clock_is_fresh(board_get(&slot->heartbeat), now, MOVES_WITHIN))
      continue;
    const bool serves = board_get(&slot->state) >= BOARD_WORKER_SERVING;
    weight.moves = weight.moves || serves;
    weight.counts = weight.counts || (serves && board_get(&slot->pool.open) > 0);
    weight.connections += board_get(&slot->connections);
  }
  return weight;
}

bool balance_moves(struct board *board, int place, int64_t now)
{
  return weigh(board, place, now).moves;
}

/* Connections that a place has beyond its share, and that it lacks. */
struct offset {
  uint64_t excess;
  uint64_t lack;
};

static bool is_far(uint64_t offset, uint64_t share)
{
  return offset >= LEAST && offset > share / TOLERATED;
}

/* Offsets of all places; false when none is worth a gift. */
static bool compare(struct board *board, int places, int64_t now, struct offset out[BOARD_WORKERS_MAX])
{
  struct weight weights[BOARD_WORKERS_MAX];
  uint64_t all = 0, count = 0;
  bool far = false;
  for (int i = 0; i < places; i++) {
    weights[i] = weigh(board, i, now);
    all += weights[i].counts ? weights[i].connections : 0;
    count += weights[i].counts;
  }
  for (int i = 0; i < places; i++) {
    out[i] = (struct offset){0, 0};
    if (!weights[i].counts)
      continue;
    const uint64_t has = weights[i].connections, least = all / count, most = least + (all % count > 0);
    out[i] = (struct offset){has > most ? has - most : 0, has < least ? least - has : 0};
    far = far || is_far(out[i].excess, least) || is_far(out[i].lack, least);
  }
  return far;
}

/* Laid end to end, what some have too much lies beside what others lack: nobody gives to where another gives. */
bool balance_gift(struct board *board, int place, int places, int64_t now, struct balance_gift *ret_gift)
{
  struct offset offsets[BOARD_WORKERS_MAX] = {{0, 0}};
  if (!compare(board, places, now, offsets) || offsets[place].excess == 0)
    return false;
  uint64_t before = 0;
  for (int i = 0; i < place; i++)
    before += offsets[i].excess;
  for (int i = 0; i < places; i++) {
    if (before >= offsets[i].lack) {
      before -= offsets[i].lack;
      continue;
    }
    const uint64_t lack = offsets[i].lack - before, excess = offsets[place].excess;
    const uint64_t count = excess < lack ? excess : lack;
    *ret_gift = (struct balance_gift){i, count < BALANCE_MOST ? (int)count : BALANCE_MOST};
    return true;
  }
  return false;
}
