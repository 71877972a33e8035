/*
 * The daemon's own upgrade, without a pause: the master becomes the program that now lies where its own lay.
 *
 * That program is asked first, as a child with -t, whether the configuration is good and what would be handed on is
 * understood. Not thread-safe.
 */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "master/crew.h"

struct takeover;

struct upgrade {
  const char *program;     /* as it was started */
  const char *config_file; /* likewise */
  pid_t test;              /* 0: none is running */
  int64_t test_until;      /* steady; then it is killed */
  bool passed;             /* the test, and nothing was done about it yet */
};

/* Begins with the test; nothing while one is running. */
void upgrade_begin(struct upgrade *upgrade, const struct crew *crew);

/* Takes note of how the test ended, when that process was it. */
void upgrade_bury(struct upgrade *upgrade, pid_t pid, int status);

/* After a test that was passed: becomes the new program. Returns only if that fails: then all goes on as before. */
void upgrade_become(struct upgrade *upgrade, struct crew *crew);

/* Ends a test that takes too long; to be called each second. */
void upgrade_check(const struct upgrade *upgrade, int64_t now);

/* The new image's side: takes the old one's workers into the crew, whose places and board are there, to be succeeded.
 */
void upgrade_adopt(struct crew *crew, const struct takeover *takeover);

/* The same without another image: the crew has a new board, on which its own workers stand as those to be succeeded. */
void upgrade_adopt_own(struct crew *crew);

#endif
