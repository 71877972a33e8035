/*
 * The board: a mapped file in which every process writes how it is, and which anyone may read at any time.
 *
 * One head, written by the master, one slot each of the prober and of lontar-supervise, and a fixed number of slots,
 * each written by the one worker that has its index. Every field is a 64-bit word, written and read with relaxed
 * atomics: no locks, so nothing to repair after a crash, and a reader sees each number whole though not all of the same
 * instant. Counters go on when a worker is replaced; gauges begin again. Stamps are wall-clock microseconds since 1970,
 * those marked steady are clock_steady's, which all processes share until the machine's next start; 0 means never.
 * Durations are microseconds.
 */
#ifndef HEALTH_BOARD_H
#define HEALTH_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/message.h"
#include "pool/trouble.h"

#define BOARD_MAGIC UINT64_C(0x64726f627261746c) /* "ltarbord" */
#define BOARD_VERSION 9                          /* raised with every change of the layout below */
#define BOARD_FILE "board"                       /* its name in run_dir */

enum {
  BOARD_WORKERS_MAX = 64,
  BOARD_TURNS = 2, /* slots of a worker's place: a worker and its successor take turns */
  BOARD_SLOTS = BOARD_WORKERS_MAX * BOARD_TURNS,
  BOARD_BUCKETS = 24,
  BOARD_REQUEST_ID_WORDS = 8,
  BOARD_REASON_WORDS = 16,
  BOARD_ENCODING_WORDS = 4,
  BOARD_ENCODING_SIZE = BOARD_ENCODING_WORDS * 8 + 1, /* as text with its NUL */
  BOARD_LACK_WORDS = 4,
  BOARD_SERVER_WORDS = 8,
  BOARD_SERVER_SIZE = BOARD_SERVER_WORDS * 8 + 1,
  BOARD_NOTES = 16
};

enum board_worker {
  BOARD_WORKER_NONE, /* nobody has begun here yet, or the last one ended well */
  BOARD_WORKER_DEAD, /* the last one did not; its heartbeat is the time when that was seen */
  BOARD_WORKER_RETIRING,
  BOARD_WORKER_STARTING, /* waits for its turn while its predecessor serves */
  BOARD_WORKER_SERVING,
  BOARD_WORKER_WEARY, /* serves, and asks for a successor */
};

enum board_database { BOARD_DATABASE_UNKNOWN, BOARD_DATABASE_UP, BOARD_DATABASE_DOWN };

/* What is wrong with the servers that call themselves primary. */
enum board_alarm {
  BOARD_ALARM_NONE,
  BOARD_ALARM_TWO,     /* another one takes writes, too */
  BOARD_ALARM_BACK,    /* the only one there is went back in time */
  BOARD_ALARM_OTHER,   /* the only one there is holds another database than before */
  BOARD_ALARM_OLDER,   /* none takes writes but an older one than before, which is not used */
  BOARD_ALARM_FOREIGN, /* none but one of another database, which is not used */
};

/* Numbers of one slice of the pool: gauges, then counters. */
struct board_pool {
  uint64_t open; /* connections now, and of these: */
  uint64_t idle;
  uint64_t busy;
  uint64_t overflow;     /* beyond the slice's size */
  uint64_t waiting;      /* requests without a connection */
  uint64_t longest_wait; /* µs, since the worker's start */
  uint64_t opened;       /* counters from here */
  uint64_t failed;       /* attempts to connect */
  uint64_t recycled;     /* closed because they were old, … */
  uint64_t idled;        /* … not needed any more, … */
  uint64_t retired;      /* … when their worker made way, … */
  uint64_t dismissed;    /* … ended by an administrator, … */
  uint64_t lost;         /* … broken, … */
  uint64_t hung;         /* … or without an answer */
};

enum {
  BOARD_POOL_GAUGES = offsetof(struct board_pool, opened) / sizeof(uint64_t),
  BOARD_POOL_COUNTERS = sizeof(struct board_pool) / sizeof(uint64_t) - BOARD_POOL_GAUGES,
};

/* Written by the master alone. */
struct board_head {
  uint64_t magic;
  uint64_t version;
  uint64_t size; /* of the whole file */
  uint64_t boot_id[2];
  uint64_t master_pid;
  uint64_t started;
  uint64_t heartbeat;    /* steady */
  uint64_t workers;      /* slots in use */
  uint64_t restarts;     /* workers replaced after they died or hung */
  uint64_t last_restart; /* stamp */
  uint64_t reloads;
  uint64_t recycles; /* workers that a successor followed while they served */
} __attribute__((aligned(64)));

/* Written by the prober alone. */
struct board_prober {
  uint64_t pid; /* 0: nobody has begun here yet */
  uint64_t started;
  uint64_t heartbeat; /* steady */
  uint64_t database;  /* enum board_database: the word that all workers wait for */
  uint64_t database_since;
  uint64_t refused;                    /* 1 while a server answers, but does not let us work: a restart is no cure */
  uint64_t unfit;                      /* 1 while it lacks what every request needs */
  uint64_t next_probe;                 /* steady; while the database is away */
  uint64_t reason[BOARD_REASON_WORDS]; /* why the database is away, as text without host or password, NUL-filled */
  uint64_t encoding[BOARD_ENCODING_WORDS]; /* the database's, where it is not UTF8 as it must be; else empty */
  uint64_t looked;                         /* steady: when the server was last asked which sessions of ours it has, */
  uint64_t left;                           /* and how many of these belong to workers that are not there any more */
  uint64_t standby;                        /* how many of ours waited long for a standby then, … */
  uint64_t standby_seen;                   /* … and the last look (steady) that saw any */
  uint64_t well;                           /* steady: the last question whose answer was all that requests need */
  uint64_t lack[BOARD_LACK_WORDS];         /* a right that the role lacks, as text; empty: none */
  uint64_t lacking;                        /* how many of them */
  uint64_t server[BOARD_SERVER_WORDS];     /* the one that answered last, host and port as text */
  uint64_t servers;                        /* which ones database_url names (address_list_hash), */
  uint64_t chosen;   /* the one of them to use, from 1; 0: not known yet; not read where there is one only */
  uint64_t system;   /* the last primary's identifier, 0: none was seen */
  uint64_t timeline; /* and the highest one that it was seen at */
  uint64_t moved;    /* steady: connections begun before are with another primary; 0: never */
  uint64_t alarm;    /* enum board_alarm, and the identifier and timeline that it is about: */
  uint64_t alarm_system;
  uint64_t alarm_timeline;
} __attribute__((aligned(64)));

/* How long, in microseconds, a heartbeat may be silent before its process counts as stuck. */
#define BOARD_HEARTBEAT_LIMIT INT64_C(10000000)

/* Whom lontar-supervise looks after. */
enum board_ward_index { BOARD_WARD_LONTARD, BOARD_WARD_DATABASE, BOARD_WARDS };

enum board_condition { BOARD_CONDITION_UNKNOWN, BOARD_CONDITION_WELL, BOARD_CONDITION_ILL };

/* How the last restart went, by its command's end. */
enum board_restart {
  BOARD_RESTART_NONE,
  BOARD_RESTART_RUNNING,
  BOARD_RESTART_DONE,
  BOARD_RESTART_FAILED,  /* it ended with another status than 0 */
  BOARD_RESTART_OVERDUE, /* it was ended at its time limit */
  BOARD_RESTART_LOST,    /* lontar-supervise ended before it */
};

/* Stamps are steady; 0 means never. */
struct board_ward {
  uint64_t condition; /* enum board_condition */
  uint64_t since;     /* of the condition */
  uint64_t seen;      /* last look */
  uint64_t attempts;  /* restarts since it was last well for long */
  uint64_t attempted; /* the last one's beginning */
  uint64_t ended;     /* and its command's end */
  uint64_t restart;   /* enum board_restart */
  uint64_t due;       /* the next one; 0: there is none to come */
  uint64_t escalated; /* when it was given up; 0: it was not */
};

/* Written by lontar-supervise alone. */
struct board_supervisor {
  uint64_t pid;       /* 0: nobody has begun here yet */
  uint64_t heartbeat; /* steady */
  struct board_ward wards[BOARD_WARDS];
} __attribute__((aligned(64)));

/* Written by one worker alone, after its death by the master. */
struct board_slot {
  uint64_t pid;   /* 0: nobody is here */
  uint64_t state; /* enum board_worker */
  uint64_t started;
  uint64_t heartbeat;   /* steady */
  uint64_t connections; /* from nginx, gauge */
  uint64_t requests;    /* counters: finished requests, and of these by class of the status */
  uint64_t answers_2xx; /* 1xx to 3xx too */
  uint64_t answers_4xx;
  uint64_t answers_5xx;
  uint64_t answers_503;            /* among the 5xx */
  uint64_t latency_sum;            /* µs */
  uint64_t latency[BOARD_BUCKETS]; /* bucket i: above 2^(i-1) up to 2^i µs; the last one: everything above */
  uint64_t given;                  /* connections handed to workers that had fewer */
  struct board_pool pool;
  uint64_t pool_before[BOARD_POOL_COUNTERS]; /* of the workers that had this slot before */
  uint64_t wanting;                          /* steady: last refusal of one more connection of the shared overflow */
  uint64_t leased;                           /* connections of the shared overflow that this worker holds */
  uint64_t database;                         /* enum board_database */
  uint64_t database_since;
  uint64_t troubled;                /* bits of the statements that have any, and what: */
  uint64_t troubles[TROUBLE_KINDS]; /* steady: since when requests meet it, 0: they do not */
  uint64_t descriptors;             /* open ones, */
  uint64_t descriptors_limit;       /* and how many there may be */
  uint64_t answered;                /* steady: the last answer of the server on any of its connections */
  uint64_t notes[BOARD_NOTES];      /* processes of the server that this worker left and has not seen end, 0: none */
  uint64_t request_route;           /* enum route that the loop is working on at this moment; 0 between requests */
  uint64_t request_started;         /* steady */
  uint64_t request_id[BOARD_REQUEST_ID_WORDS]; /* its id as text, NUL-filled; ended by no NUL when it is cut */
} __attribute__((aligned(64)));

/* Written by every worker: a stamp more or less makes no difference. */
struct board_passed {
  uint64_t at[64]; /* steady: when a statement last did its work that another worker had trouble with */
} __attribute__((aligned(64)));

struct board_layout {
  struct board_head head;
  struct board_prober prober;
  struct board_supervisor supervisor;
  struct board_passed passed;
  struct board_slot slots[BOARD_SLOTS]; /* by board_turn */
};

struct board;

/* A copy of the whole board at one moment; some 100 KB, so keep it off small stacks. Its first BOARD_WORKERS_MAX slots
 * are the places: state and stamps of whoever serves there, gauges and counters of both turns together. */
struct board_snapshot {
  int64_t taken;        /* a stamp */
  int64_t taken_steady; /* the same moment, steady */
  bool marked;          /* the marker stands, for which nginx answers 503; publish_look's alone */
  struct board_layout layout;
};

/* Makes a fresh board under a new inode, so that whoever reads the old one keeps it whole. Master only. LONTAR_OK; else
 * LONTAR_INTERNAL with one sentence in `message`, `*ret` untouched. */
int board_create(const char *path, int workers, struct board **ret, char *message, size_t size);

/* Maps an existing board. LONTAR_NOT_FOUND when there is none, LONTAR_INVALID when it is not a board of this version or
 * was left from before the machine's last start. `write`: for lontar-supervise, its own slot and nothing else. */
int board_open(const char *path, bool write, struct board **ret, char *message, size_t size);

/* What somebody has done to the file of a board that this process made, as the end of a sentence about it; NULL when
 * all is well. Does not touch the mapping of one that was cut, which would be a SIGBUS. */
const char *board_harm(const struct board *board, const char *path);

/* Unmaps; the file stays. NULL is fine. */
void board_close(struct board *board);

#define CLEANUP_BOARD CLEANUP(board_close_pointer)
static inline void board_close_pointer(struct board **board)
{
  board_close(*board);
}

/* The number of a worker's slot; `index` is its place's, `turn` 0 or 1. */
static inline int board_turn(int index, int turn)
{
  return index + turn * BOARD_WORKERS_MAX;
}

/* A slot of a board made by board_create, 0 ≤ number < BOARD_SLOTS. */
struct board_slot *board_slot(struct board *board, int number);
struct board_head *board_head(struct board *board);
struct board_prober *board_prober(struct board *board);
struct board_passed *board_passed(struct board *board);

/* Replaces the slot of lontar-supervise word by word. */
void board_supervise(struct board *board, const struct board_supervisor *supervisor);

void board_snapshot(const struct board *board, struct board_snapshot *ret_snapshot);

/* Whether a heartbeat of a snapshot has not been silent for so long that its process counts as stuck. */
bool board_beats(const struct board_snapshot *snapshot, uint64_t heartbeat);

/* Whether there is a prober whose heart beats. */
bool board_prober_alive(const struct board_snapshot *snapshot);

/* The next worker behind that one, or the first behind NULL, whose heart beats; NULL when there is none. */
const struct board_slot *board_next_alive(const struct board_snapshot *snapshot, const struct board_slot *before);

/* The writers of the fields above. */
static inline void board_set(uint64_t *field, uint64_t value)
{
  __atomic_store_n(field, value, __ATOMIC_RELAXED);
}

static inline uint64_t board_get(const uint64_t *field)
{
  return __atomic_load_n(field, __ATOMIC_RELAXED);
}

/* One writer a field, so load and store need not be one instruction. */
static inline void board_add(uint64_t *field, uint64_t amount)
{
  board_set(field, board_get(field) + amount);
}

/* First act of a worker in its slot: pid and stamps; gauges begin again, counters and leases go
 * on. */
void board_worker_begin(struct board_slot *slot, uint64_t pid);

/* What the worker tells its master. */
static inline void board_worker_state(struct board_slot *slot, enum board_worker state)
{
  board_set(&slot->state, (uint64_t)state);
}

/* Last act of a worker, its connections closed; or of another one for a worker that died, whose connections the prober
 * counts from now on. Leases end with it. */
void board_worker_end(struct board_slot *slot);

/* The master saw that process die, or it ends itself without having seen the end of all its connections; nothing when
 * it had ended in its slot. Its leases stay. */
void board_worker_died(struct board_slot *slot, uint64_t pid);

/* The worker's loop is alive. To be called each second or more often. */
void board_worker_beat(struct board_slot *slot);

/* The worker's view of the database; `since` changes with the state only. */
void board_worker_database(struct board_slot *slot, enum board_database state);

/*
 * Takes one connection of the overflow that all workers share, if fewer than `budget` are taken. Whoever asks writes
 * its claim before it counts: two that come together may both be refused, but never both be let in.
 */
bool board_lease(struct board *board, int slot, uint64_t budget);
void board_lease_return(struct board_slot *slot, uint64_t count);

/* Counts connections as taken that are there already. */
void board_lease_claim(struct board_slot *slot, uint64_t count);

/* All that are taken. */
uint64_t board_leased(const struct board *board);

/* The worker copies its pool's numbers, its counters as they are since this worker began. */
void board_worker_pool(struct board_slot *slot, const struct board_pool *pool);

/* What requests meet now, each since when (steady), 0 for what they do not; and bits of the statements. */
void board_worker_troubles(struct board_slot *slot, uint64_t statements, const int64_t since[TROUBLE_KINDS]);

/* Of all workers but this one. */
uint64_t board_troubled_elsewhere(const struct board *board, const struct board_slot *own);

/* The worker notes a process of the server that it has left: the number of the note, -1 when all are taken. */
int board_note(struct board_slot *slot, int backend);

/* Whether the prober has looked for it, and it is not there any more. */
bool board_note_is_over(const struct board_slot *slot, int note);

/* The worker waits for it no longer. */
void board_note_forget(struct board_slot *slot, int note);

/* The prober's: the process of this note is gone. */
void board_note_cross_out(struct board_slot *slot, int note, uint64_t backend);

/* The prober's: what it saw at the server when it asked at `looked` (steady). */
void board_prober_census(struct board_prober *prober, int64_t looked, uint64_t left, uint64_t standby);

/* The prober's: a right that the role lacks, and how many. A longer text is cut. */
void board_prober_lack(struct board_prober *prober, const char *lack, uint64_t count);

/* The prober's: the server that it asks. A longer name is cut, and what does not belong into one left out. */
void board_prober_server(struct board_prober *prober, const char *host, const char *port);

/* First act of a prober: pid and stamps; the word is UNKNOWN. */
void board_prober_begin(struct board_prober *prober, uint64_t pid);

/* The prober's loop is alive; `next_probe` is steady, 0 while nothing is away. */
void board_prober_beat(struct board_prober *prober, int64_t next_probe);

/* The prober's word, and why; `since` changes with the state only. A longer reason is cut. */
void board_prober_database(struct board_prober *prober, enum board_database state, const char *reason);

/* The database's encoding, "" when it is as it must be. A longer name is cut. */
void board_prober_encoding(struct board_prober *prober, const char *encoding);

/* A text of a snapshot's prober for "%.*s": a NUL ends it, or its place does. */
#define BOARD_TEXT(words) (int)sizeof(words), (const char *)(words)

/* Brackets every stretch of work that the loop does for one request; `request_id` may be cut. */
void board_request_enter(struct board_slot *slot, unsigned route, const char *request_id, size_t length);
void board_request_leave(struct board_slot *slot);

/* Counts a finished request. */
void board_request_count(struct board_slot *slot, int status, int64_t latency);

#endif
