/* What can be done to a running quickstart. tests/chaos/fault does what needs a shell. */
#ifndef SYSTEM_FAULTS_H
#define SYSTEM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

enum {
  FAULT_NGINX = 1,  /* nginx itself dies: for a while there may be nobody who could answer */
  FAULT_CRASH = 2,  /* the postmaster is killed: how soon that is noticed is measured */
  FAULT_AWAY = 4,   /* PostgreSQL ends: how soon it is used again is measured */
  FAULT_DISK = 8,   /* needs the small file systems of tests/chaos/run */
  FAULT_ALONE = 16, /* no reloads and upgrades beside it */
  FAULT_SOON = 32,  /* everything serves again soon after its end */
  FAULT_MOVES = 64, /* a chat is saved soon after its beginning */
  /* Of what is asked while it lasts: */
  FAULT_READS = 128,      /* every read is answered, and soon */
  FAULT_WRITES = 256,     /* every chat is saved, and soon */
  FAULT_NO_READS = 512,   /* none is answered */
  FAULT_NO_WRITES = 1024, /* none is saved */
  FAULT_GRANTS = 2048,    /* 500 is an answer, too */
  FAULT_ENDS = 4096,      /* a session ends: what writes in it may get 504 */
};

struct fault {
  const char *name;
  void (*begin)(unsigned pick); /* `pick` chooses the victim */
  void (*end)(void);            /* undoes it; NULL: it comes back by itself */
  double longest;               /* seconds until then */
  unsigned flags;
};

extern const struct fault faults[];
extern const size_t fault_count;

/* The first victim of the last fault, 0 when it had none. */
pid_t fault_victim(void);

/* Whether the last fault was to signal somebody, and nobody was there. */
bool fault_missed(void);

/* Whether what tests/chaos/fault does has been done; ends the program when it failed. */
bool fault_is_done(void);

/* ---- Reloads and upgrades beside the faults ---- */

/* Sends SIGHUP, or replaces the program and sends SIGUSR2, now and then. To be called often. */
void fault_renew(void);
size_t fault_reloads(void);
size_t fault_upgrades(void);

#endif
