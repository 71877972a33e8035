/* What the policy decides over: its settings and figures, the slots of a slice, and what is known of the database. */
#ifndef POOL_SLOTS_H
#define POOL_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

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

#endif
