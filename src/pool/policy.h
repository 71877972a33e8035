/*
 * The pool's decisions, apart from its doing: who gets which connection, when one is opened, checked, replaced or given
 * up. Pure: time (microseconds on the steady clock) and random bits are passed in, so tests drive it with a clock of
 * their own.
 *
 * The owner tells what happened (policy_ask, policy_opened, policy_answered, policy_closed …) and then does what
 * policy_next says until it has nothing more to say; a few times a second, what policy_due says. An action counts as
 * done when it is told. Belongs to one thread.
 */
#ifndef POOL_POLICY_H
#define POOL_POLICY_H

#include <lontar/error.h>

#include "pool/queue.h"

/* A slice never holds more connections than this; larger settings are cut to it. */
enum { POLICY_SLOTS_MAX = 256 };

/* How many reads wait in one connection's pipeline before the next connection is woken, how many appends share a
 * commit, and how many commits of appends are under way at once. Sources: the measurements in src/README.md. */
enum { POLICY_READ_DEPTH = 32, POLICY_APPENDS_A_COMMIT = 48, POLICY_COMMITS = 2 };

/* How many connections of a slice have dear reads at once, at most, and how many of these one has in its pipeline. Two
 * keep the server busy while an answer is written; each more is a processor that the cheap ones wait for. */
enum { POLICY_DEAR_SLOTS = 2, POLICY_DEAR_DEPTH = 8 };

/* Times in microseconds. Those that liblontar has, too, stand in pool/rules.h. */
enum {
  POLICY_SLOW = 5000,            /* nothing is added behind a statement that has run longer */
  POLICY_OVERFLOW_AFTER = 20000, /* a shorter wait is others' commits, and opens no connection beyond the size */
  POLICY_SHARE_AFTER = 100000,   /* an idle connection beyond the size goes so early when another slice wants one */
  POLICY_CHECK_EVERY = 25000000, /* an idle connection is checked so often, before it would have to be */
};

struct policy_settings {
  int size;             /* connections kept open */
  int max_overflow;     /* more that this slice may hold at most, if the budget lets it */
  int max_waiting;      /* 0: no limit */
  int max_dear;         /* connections that have dear reads at once, from 1 to POLICY_DEAR_SLOTS */
  int64_t recycle;      /* age at which a connection is replaced, less up to a tenth at random */
  int64_t idle_timeout; /* idle time after which an overflow connection closes */
  int64_t connect_timeout;
  int64_t statement_timeout;
};

/* Connections that all workers share. `take` asks for one more, `beyond` the slice's size or within it, and says
 * whether it may be opened now; `give` returns one that was taken beyond; `wanted`: another slice was refused one. */
struct policy_budget {
  bool (*take)(void *owner, bool beyond);
  void (*give)(void *owner);
  bool (*wanted)(void *owner);
  void *owner;
};

/* What the prober says of the database. */
enum policy_word {
  POLICY_UNKNOWN,
  POLICY_UP,
  POLICY_DOWN,
  POLICY_UNFIT, /* it answers, but lacks what every request needs: that connections answer proves nothing */
};

enum slot_state {
  SLOT_CLOSED,
  SLOT_CONNECTING,
  SLOT_READY,
  SLOT_DRAINING, /* takes nothing new, closes when its pipeline is empty */
  SLOT_LEAVING,  /* closed by us; counts until the server is seen to have ended it, too */
};

enum policy_reason {
  POLICY_RECYCLED,
  POLICY_IDLE,
  POLICY_RETIRED,   /* its worker makes way */
  POLICY_DISMISSED, /* an administrator ended it: neither the server nor a statement is to blame */
  POLICY_LOST,
  POLICY_HUNG,
  POLICY_REASONS
};

/* One connection as the policy sees it. Read only for others. */
struct policy_slot {
  enum slot_state state;
  enum policy_reason reason; /* why it drains or leaves */
  bool given_up;             /* it leaves because nothing was heard of the server */
  int in_flight;             /* statements sent and not answered */
  int dear;                  /* of these so many are dear reads */
  bool writing;              /* some of them write */
  bool appending;            /* what they write are appends */
  bool alone;                /* nothing may join what is in flight */
  bool locked;               /* what is in flight met a lock before */
  bool checking;             /* the one in flight is a check */
  bool barred;               /* takes nothing: a cancel is on its way to it, or to what was in flight then */
  bool late;                 /* connecting takes longer than it should */
  int64_t begun;             /* when it began to connect */
  int64_t opened;            /* when it was ready */
  int64_t heard;             /* the last byte of the server, or the turn of what it works on */
  int64_t head_since;        /* since when the server works on it */
  int64_t idle_since;        /* when its pipeline became empty */
  int64_t proved;            /* when the server last answered here, or far in the past */
  int64_t recycle_at;        /* age limit with its jitter */
};

struct policy {
  struct policy_settings settings;
  struct policy_budget budget;
  struct policy_slot slots[POLICY_SLOTS_MAX];
  struct queue queue;
  int reach;      /* the slots that are not closed lie below */
  int open;       /* slots that are not closed */
  int connecting; /* 0 or 1 */
  int leased;     /* taken from the budget beyond the size */
  int joinable;   /* the slot whose open segment takes more appends, -1 for none */
  int failures;   /* attempts to connect that failed in a row */
  int64_t next_attempt;
  enum policy_word word;
  bool awaiting; /* no connection is opened before it is known to which server */
  bool draining;
  bool holds_dear; /* no dear read is sent */
  int cursor;      /* of policy_due */
};

enum policy_act {
  POLICY_SEND,    /* the waiter's statement on the slot; it is out of the queue */
  POLICY_OPEN,    /* a connection in the slot */
  POLICY_CHECK,   /* that the server still answers on the slot */
  POLICY_CLOSE,   /* the slot, which is idle, for `reason` */
  POLICY_LATE,    /* the slot's connection takes too long to open; it goes on */
  POLICY_ABANDON, /* the slot's connection: nothing was heard of the server for too long */
  POLICY_REFUSE,  /* the waiter gets `error`; it is out of the queue */
};

struct policy_action {
  enum policy_act act;
  int slot;
  struct waiter *waiter;
  enum lontar_error error;
  enum policy_reason reason;
};

void policy_init(struct policy *policy, const struct policy_settings *settings, const struct policy_budget *budget);

/* From now on connections are only closed, but for one as long as somebody waits. */
void policy_drain(struct policy *policy);

/* Whether dear reads are to wait: there is no room for their answers. */
void policy_hold_dear(struct policy *policy, bool hold);

/* Queues a waiter. LONTAR_OK; LONTAR_UNAVAILABLE when the database is known to be away, LONTAR_BUSY when too many
 * wait, or for a write while connections that were given up hold every place for it: it is not queued then. */
enum lontar_error policy_ask(struct policy *policy, struct waiter *waiter, int64_t now);

/* Queues one whose statement was taken from it again, before all others. */
void policy_ask_again(struct policy *policy, struct waiter *waiter, int64_t now);

/* The same after a pause at random, which grows with the attempts (from 1), and is longer for one that met a lock. */
void policy_ask_later(struct policy *policy, struct waiter *waiter, int attempt, int64_t now, uint32_t random);

/* False when it does not wait. */
bool policy_withdraw(struct policy *policy, struct waiter *waiter);

/* What is sent from now on belongs to other segments. */
void policy_round_over(struct policy *policy);

void policy_opened(struct policy *policy, int slot, int64_t now, uint32_t random);

/* Bytes came from the server. */
void policy_heard(struct policy *policy, int slot, int64_t now);

/* The oldest statement of the slot was answered: the waiter's, or with NULL a check. */
void policy_answered(struct policy *policy, int slot, const struct waiter *waiter, int64_t now);

/* The slot's connection is to be replaced once its pipeline is empty. */
void policy_retire(struct policy *policy, int slot, enum policy_reason reason);

/* The same in its turn, as when it had grown old. */
void policy_renew(struct policy *policy, int slot, int64_t now);

/* The server does not take writes any more: every connection that is a second old or more is to be replaced. */
void policy_demoted(struct policy *policy, int64_t now);

/* The slot's connection is of no use any more, but the server may still have it: the same as policy_closed, which tells
 * its end, but for the place. */
void policy_leaving(struct policy *policy, int slot, enum policy_reason reason, int64_t now, uint32_t random);

/* The slot's connection is gone; its statements are the owner's to ask again. One that was still connecting counts as a
 * failed attempt, unless it was dismissed. */
void policy_closed(struct policy *policy, int slot, enum policy_reason reason, int64_t now, uint32_t random);

/* The prober's word. Whoever hears that the database is back connects at once. */
void policy_told(struct policy *policy, enum policy_word word, int64_t now);

/* Whether it is still unknown to which server connections are to go. */
void policy_await(struct policy *policy, bool await);

/* They go to another server from now on: at once. */
void policy_moved(struct policy *policy, int64_t now);

/* True while nobody is queued because the database is known to be away. */
bool policy_is_down(const struct policy *policy);

/* What is to be done now. */
bool policy_next(struct policy *policy, int64_t now, struct policy_action *ret_action);

/* What has become due by time alone; false ends one pass over all slots and waiters. */
bool policy_due(struct policy *policy, int64_t now, struct policy_action *ret_action);

#endif
