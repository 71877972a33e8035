/* lontar-supervise: looks at lontard and its database again and again, and restarts what is ill. Not thread-safe. */
#ifndef SUPERVISE_SUPERVISE_H
#define SUPERVISE_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

struct config;

struct supervise_start {
  const char *config_file; /* read again at SIGHUP */
  int64_t every;           /* microseconds from look to look */
  bool listening;          /* to supervisord, on standard input and output */
};

/* Runs until SIGTERM or SIGINT, or until supervisord closes its end, and gives the exit status. Takes `config` over. */
int supervise_main(const struct supervise_start *start, struct config *config);

#endif
