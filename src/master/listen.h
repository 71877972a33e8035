/* The unix socket that nginx connects to. Not thread-safe. */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

struct config;

/* Connections that may wait to be accepted; the kernel lowers it to net.core.somaxconn. */
enum { LISTEN_BACKLOG = 4096 };

/*
 * Makes the socket non-blocking and close-on-exec, with the mode and group of the configuration before anyone can
 * connect. A socket is replaced when nobody has it open any more, or only those whom a master that died has left;
 * `orphans`: there are such. LONTAR_OK and the descriptor, which the caller closes; LONTAR_CONFLICT when another
 * process listens there; LONTAR_INTERNAL; both with one sentence in `message`.
 */
int listen_open(const struct config *config, bool orphans, int *ret_descriptor, char *message, size_t size);

#endif
