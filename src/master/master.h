/* The parent process: listens, starts workers, replaces those that die or hang, obeys signals, upgrades itself. Not
 * thread-safe. */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include <stdbool.h>
#include <stddef.h>

struct config;

struct master_start {
  const char *program;     /* what to become at SIGUSR2: the path it was started by */
  const char *config_file; /* read again at SIGHUP */
  struct config *config;   /* the master's from now on */
};

/* Whether this process could take over what its environment hands on, if anything. 0, or -1 with one sentence in
 * `message`. */
int master_test(const struct config *config, char *message, size_t size);

/* Whether as many files may be opened as this configuration may need. False with one sentence in `message`. */
bool master_limits(const struct config *config, char *message, size_t size);

/* Runs until SIGTERM or SIGINT and gives the exit status. Goes on with what the environment hands on (takeover.h), if
 * anything. Workers never return from here: they exit. */
int master_main(const struct master_start *start);

#endif
