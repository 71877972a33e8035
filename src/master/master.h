/* The parent process: listens, starts workers, replaces those that die or hang, obeys signals. Not thread-safe. */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

struct config;

/* Runs until SIGTERM or SIGINT and gives the exit status. Takes `config` over and frees it; `config_file` is read again
 * at SIGHUP. Workers never return from here: they exit. */
int master_main(const char *config_file, struct config *config);

#endif
