/* The mapped file of the board: making it, reading it, and a worker's writes into its slot. */
#include "health/board.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/clock.h"
#include "base/hash.h"

struct board {
  struct board_layout *layout;
  dev_t device; /* which file it is */
  ino_t inode;
};

_Static_assert(sizeof(struct board_layout) % sizeof(uint64_t) == 0, "the board is made of 64-bit words");
_Static_assert(BOARD_VERSION != 9 || sizeof(struct board_layout) == 115968, "raise BOARD_VERSION with the layout");
_Static_assert(sizeof(struct board_slot) % 64 == 0, "a slot shares no cache line with another");

/* NULL with errno. */
static struct board *map(int descriptor, int protection)
{
  struct stat status;
  if (fstat(descriptor, &status) < 0)
    return NULL;
  struct board_layout *layout = mmap(NULL, sizeof *layout, protection, MAP_SHARED, descriptor, 0);
  if (layout == MAP_FAILED)
    return NULL;
  struct board *board = malloc(sizeof *board);
  if (!board) {
    (void)munmap(layout, sizeof *layout);
    return NULL;
  }
  *board = (struct board){layout, status.st_dev, status.st_ino};
  return board;
}

/* Under a name of its own until it is whole. The pages are allotted here, so that a full disk is met now and not as a
 * SIGBUS in a worker. */
static struct board *create_file(const char *path)
{
  (void)unlink(path);
  CLEANUP_CLOSE int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0 || fchmod(descriptor, 0644) < 0)
    return NULL;
  errno = posix_fallocate(descriptor, 0, sizeof(struct board_layout));
  return errno ? NULL : map(descriptor, PROT_READ | PROT_WRITE);
}

/* Numbers of statements stand on the board: another table of them is another layout. */
static uint64_t version(void)
{
  uint64_t hash = HASH_BEGIN + BOARD_VERSION;
  for (int i = 0; i < STATEMENT_COUNT; i++)
    hash = hash_mix(hash, statement_rows[i].name, strlen(statement_rows[i].name) + 1);
  return hash;
}

static void fill_head(struct board_head *head, int workers)
{
  uint64_t boot_id[2];
  const uint64_t now = (uint64_t)clock_wall();
  clock_boot_id(boot_id);
  board_set(&head->version, version());
  board_set(&head->size, sizeof(struct board_layout));
  board_set(&head->boot_id[0], boot_id[0]);
  board_set(&head->boot_id[1], boot_id[1]);
  board_set(&head->master_pid, (uint64_t)getpid());
  board_set(&head->started, now);
  board_set(&head->heartbeat, (uint64_t)clock_steady());
  board_set(&head->workers, (uint64_t)workers);
  board_set(&head->magic, BOARD_MAGIC);
}

int board_create(const char *path, int workers, struct board **ret, char *message, size_t size)
{
  char new_path[PATH_MAX];
  if ((size_t)snprintf(new_path, sizeof new_path, "%s.new", path) >= sizeof new_path)
    return message_fail(LONTAR_INTERNAL, message, size, "board %s: the path is too long", path);
  CLEANUP_BOARD struct board *board = create_file(new_path);
  if (board)
    fill_head(&board->layout->head, workers);
  if (!board || rename(new_path, path) < 0) {
    const int failed = errno;
    (void)unlink(new_path);
    return message_fail(LONTAR_INTERNAL, message, size, "board %s cannot be made: %s", path, strerror(failed));
  }
  *ret = TAKE(board);
  return LONTAR_OK;
}

/* What is wrong with a board somebody else made, or NULL. */
static const char *judge(const struct board_head *head)
{
  uint64_t boot_id[2];
  clock_boot_id(boot_id);
  if (board_get(&head->magic) != BOARD_MAGIC)
    return "is not a board";
  if (board_get(&head->version) != version() || board_get(&head->size) != sizeof(struct board_layout))
    return "was made by another version of lontard";
  if (board_get(&head->workers) > BOARD_WORKERS_MAX)
    return "is damaged";
  if (board_get(&head->boot_id[0]) != boot_id[0] || board_get(&head->boot_id[1]) != boot_id[1])
    return "is left from before this machine's last start";
  return NULL;
}

int board_open(const char *path, bool write, struct board **ret, char *message, size_t size)
{
  CLEANUP_CLOSE int descriptor = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (descriptor < 0 && errno == ENOENT)
    return message_fail(LONTAR_NOT_FOUND, message, size, "there is no board %s: lontard is not running here", path);
  if (descriptor < 0 || fstat(descriptor, &status) < 0)
    return message_fail(LONTAR_INTERNAL, message, size, "board %s cannot be read: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode) || status.st_size != sizeof(struct board_layout))
    return message_fail(LONTAR_INVALID, message, size, "board %s is not a board of this version", path);
  CLEANUP_BOARD struct board *board = map(descriptor, write ? PROT_READ | PROT_WRITE : PROT_READ);
  if (!board)
    return message_fail(LONTAR_INTERNAL, message, size, "board %s cannot be mapped: %s", path, strerror(errno));
  const char *reason = judge(&board->layout->head);
  if (reason)
    return message_fail(LONTAR_INVALID, message, size, "board %s %s", path, reason);
  *ret = TAKE(board);
  return LONTAR_OK;
}

const char *board_harm(const struct board *board, const char *path)
{
  struct stat status;
  if (stat(path, &status) < 0)
    return "is gone";
  if (status.st_ino != board->inode || status.st_dev != board->device)
    return "was replaced by another file";
  if (status.st_size != sizeof(struct board_layout))
    return "has another length";
  if (judge(&board->layout->head) != NULL || board_get(&board->layout->head.master_pid) != (uint64_t)getpid())
    return "was written over";
  return NULL;
}

void board_close(struct board *board)
{
  if (!board)
    return;
  (void)munmap(board->layout, sizeof *board->layout);
  free(board);
}

struct board_slot *board_slot(struct board *board, int number)
{
  return &board->layout->slots[number];
}

struct board_head *board_head(struct board *board)
{
  return &board->layout->head;
}

struct board_passed *board_passed(struct board *board)
{
  return &board->layout->passed;
}

struct board_prober *board_prober(struct board *board)
{
  return &board->layout->prober;
}

/* Each word whole, one side or the other being shared. */
static void copy_words(void *to, const void *from, size_t size)
{
  uint64_t *word = to;
  const uint64_t *source = from;
  for (size_t i = 0; i < size / sizeof *word; i++)
    board_set(&word[i], board_get(&source[i]));
}

void board_supervise(struct board *board, const struct board_supervisor *supervisor)
{
  copy_words(&board->layout->supervisor, supervisor, sizeof *supervisor);
}

static void add_words(void *to, const void *from, size_t size)
{
  uint64_t *sum = to;
  const uint64_t *more = from;
  for (size_t i = 0; i < size / sizeof *sum; i++)
    sum[i] += more[i];
}

/* Nobody is there any more: what a slot shows of the moment is past, its counters stand. */
static void forget_gauges(struct board_slot *slot)
{
  if (slot->pid != 0)
    return;
  slot->connections = 0;
  slot->descriptors = slot->descriptors_limit = 0;
  memset(slot->troubles, 0, sizeof slot->troubles);
  memset(&slot->pool, 0, offsetof(struct board_pool, opened));
}

/* Whatever one of two has met, since the first of them did. */
static void join_troubles(struct board_slot *place, const struct board_slot *other)
{
  for (int i = 0; i < TROUBLE_KINDS; i++)
    if (place->troubles[i] == 0 || (other->troubles[i] != 0 && other->troubles[i] < place->troubles[i]))
      place->troubles[i] = other->troubles[i];
}

/* Joins the slots of a place's two turns into the first one. */
static void join(struct board_slot *place, struct board_slot *other)
{
  forget_gauges(place);
  forget_gauges(other);
  const uint64_t waits[] = {place->pool.longest_wait, other->pool.longest_wait};
  if (other->state > place->state) {
    const struct board_slot kept = *place;
    *place = *other;
    *other = kept;
  }
  place->connections += other->connections;
  add_words(&place->requests, &other->requests,
            offsetof(struct board_slot, pool_before) - offsetof(struct board_slot, requests));
  place->leased += other->leased;
  join_troubles(place, other);
  place->pool.longest_wait = waits[0] > waits[1] ? waits[0] : waits[1];
}

void board_snapshot(const struct board *board, struct board_snapshot *ret_snapshot)
{
  copy_words(&ret_snapshot->layout, board->layout, sizeof *board->layout);
  /* The file may have been damaged since it was opened; readers loop up to this number. */
  if (ret_snapshot->layout.head.workers > BOARD_WORKERS_MAX)
    ret_snapshot->layout.head.workers = BOARD_WORKERS_MAX;
  for (int i = 0; i < BOARD_WORKERS_MAX; i++)
    join(&ret_snapshot->layout.slots[i], &ret_snapshot->layout.slots[board_turn(i, 1)]);
  ret_snapshot->taken = clock_wall();
  ret_snapshot->taken_steady = clock_steady();
  ret_snapshot->marked = false;
}

bool board_beats(const struct board_snapshot *snapshot, uint64_t heartbeat)
{
  return clock_is_fresh(heartbeat, snapshot->taken_steady, BOARD_HEARTBEAT_LIMIT);
}

bool board_prober_alive(const struct board_snapshot *snapshot)
{
  return snapshot->layout.prober.pid != 0 && board_beats(snapshot, snapshot->layout.prober.heartbeat);
}

const struct board_slot *board_next_alive(const struct board_snapshot *snapshot, const struct board_slot *before)
{
  const struct board_slot *const slots = snapshot->layout.slots, *const end = slots + snapshot->layout.head.workers;
  for (const struct board_slot *slot = before != NULL ? before + 1 : slots; slot < end; slot++)
    if (slot->pid != 0 && board_beats(snapshot, slot->heartbeat))
      return slot;
  return NULL;
}

void board_worker_begin(struct board_slot *slot, uint64_t pid)
{
  const uint64_t now = (uint64_t)clock_wall();
  const uint64_t *numbers = (const uint64_t *)(const void *)&slot->pool;
  for (int i = 0; i < BOARD_POOL_COUNTERS; i++)
    board_set(&slot->pool_before[i], board_get(&numbers[BOARD_POOL_GAUGES + i]));
  board_worker_pool(slot, &(struct board_pool){0});
  board_set(&slot->connections, 0);
  board_set(&slot->database, BOARD_DATABASE_UNKNOWN);
  board_set(&slot->database_since, now);
  board_set(&slot->answered, 0);
  board_worker_troubles(slot, 0, (const int64_t[TROUBLE_KINDS]){0});
  for (int i = 0; i < BOARD_NOTES; i++)
    board_set(&slot->notes[i], 0);
  board_request_leave(slot);
  board_set(&slot->started, now);
  board_worker_beat(slot);
  board_worker_state(slot, BOARD_WORKER_STARTING);
  board_set(&slot->pid, pid);
}

void board_worker_end(struct board_slot *slot)
{
  board_lease_return(slot, board_get(&slot->leased));
  board_worker_troubles(slot, 0, (const int64_t[TROUBLE_KINDS]){0});
  board_worker_state(slot, BOARD_WORKER_NONE);
  board_set(&slot->pid, 0);
}

void board_worker_died(struct board_slot *slot, uint64_t pid)
{
  if (board_get(&slot->pid) != pid)
    return;
  board_worker_beat(slot);
  board_worker_troubles(slot, 0, (const int64_t[TROUBLE_KINDS]){0});
  board_worker_state(slot, BOARD_WORKER_DEAD);
  board_set(&slot->pid, 0);
}

void board_worker_beat(struct board_slot *slot)
{
  board_set(&slot->heartbeat, (uint64_t)clock_steady());
}

void board_worker_database(struct board_slot *slot, enum board_database state)
{
  if (board_get(&slot->database) == (uint64_t)state)
    return;
  board_set(&slot->database, (uint64_t)state);
  board_set(&slot->database_since, (uint64_t)clock_wall());
}

bool board_lease(struct board *board, int slot, uint64_t budget)
{
  struct board_slot *own = board_slot(board, slot);
  board_lease_claim(own, 1);
  if (board_leased(board) <= budget)
    return true;
  board_lease_return(own, 1);
  return false;
}

void board_lease_claim(struct board_slot *slot, uint64_t count)
{
  __atomic_store_n(&slot->leased, board_get(&slot->leased) + count, __ATOMIC_SEQ_CST);
}

void board_lease_return(struct board_slot *slot, uint64_t count)
{
  __atomic_store_n(&slot->leased, board_get(&slot->leased) - count, __ATOMIC_SEQ_CST);
}

uint64_t board_leased(const struct board *board)
{
  uint64_t leased = 0;
  for (int i = 0; i < BOARD_SLOTS; i++)
    leased += __atomic_load_n(&board->layout->slots[i].leased, __ATOMIC_SEQ_CST);
  return leased;
}

void board_worker_pool(struct board_slot *slot, const struct board_pool *pool)
{
  const uint64_t *from = (const uint64_t *)(const void *)pool;
  uint64_t *to = (uint64_t *)(void *)&slot->pool;
  for (int i = 0; i < BOARD_POOL_GAUGES; i++)
    board_set(&to[i], from[i]);
  for (int i = 0; i < BOARD_POOL_COUNTERS; i++)
    board_set(&to[BOARD_POOL_GAUGES + i], board_get(&slot->pool_before[i]) + from[BOARD_POOL_GAUGES + i]);
}

void board_worker_troubles(struct board_slot *slot, uint64_t statements, const int64_t since[TROUBLE_KINDS])
{
  board_set(&slot->troubled, statements);
  for (int i = 0; i < TROUBLE_KINDS; i++)
    board_set(&slot->troubles[i], (uint64_t)since[i]);
}

uint64_t board_troubled_elsewhere(const struct board *board, const struct board_slot *own)
{
  const int workers = (int)board_get(&board->layout->head.workers);
  uint64_t bits = 0;
  for (int i = 0; i < workers && i < BOARD_WORKERS_MAX; i++)
    for (int turn = 0; turn < BOARD_TURNS; turn++) {
      const struct board_slot *slot = &board->layout->slots[board_turn(i, turn)];
      bits |= slot != own ? board_get(&slot->troubled) : 0;
    }
  return bits;
}

/* In a note: what was noted is gone. */
#define NOTE_OVER (UINT64_C(1) << 63)

int board_note(struct board_slot *slot, int backend)
{
  for (int i = 0; i < BOARD_NOTES; i++) {
    if (board_get(&slot->notes[i]) != 0)
      continue;
    board_set(&slot->notes[i], (uint64_t)backend);
    return i;
  }
  return -1;
}

bool board_note_is_over(const struct board_slot *slot, int note)
{
  return (board_get(&slot->notes[note]) & NOTE_OVER) != 0;
}

void board_note_forget(struct board_slot *slot, int note)
{
  board_set(&slot->notes[note], 0);
}

void board_note_cross_out(struct board_slot *slot, int note, uint64_t backend)
{
  (void)__atomic_compare_exchange_n(&slot->notes[note], &backend, backend | NOTE_OVER, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
}

void board_request_enter(struct board_slot *slot, unsigned route, const char *request_id, size_t length)
{
  uint64_t words[BOARD_REQUEST_ID_WORDS] = {0};
  memcpy(words, request_id, length < sizeof words ? length : sizeof words);
  for (int i = 0; i < BOARD_REQUEST_ID_WORDS; i++)
    board_set(&slot->request_id[i], words[i]);
  board_set(&slot->request_started, (uint64_t)clock_steady());
  board_set(&slot->request_route, route);
}

void board_request_leave(struct board_slot *slot)
{
  board_set(&slot->request_route, 0);
}

static size_t bucket_of(uint64_t latency)
{
  const size_t bucket = latency <= 1 ? 0 : 64 - (size_t)__builtin_clzll(latency - 1);
  return bucket < BOARD_BUCKETS ? bucket : BOARD_BUCKETS - 1;
}

void board_request_count(struct board_slot *slot, int status, int64_t latency)
{
  const uint64_t microseconds = latency > 0 ? (uint64_t)latency : 0;
  board_add(&slot->requests, 1);
  if (status < 400)
    board_add(&slot->answers_2xx, 1);
  else if (status < 500)
    board_add(&slot->answers_4xx, 1);
  else
    board_add(&slot->answers_5xx, 1);
  if (status == 503)
    board_add(&slot->answers_503, 1);
  board_add(&slot->latency_sum, microseconds);
  board_add(&slot->latency[bucket_of(microseconds)], 1);
}
