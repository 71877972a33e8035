/* Tells systemd how the daemon is, where it asked for it by $NOTIFY_SOCKET. Not thread-safe. */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

#include <stdint.h>

struct board;

/* Sends e.g. "READY=1". Does nothing without $NOTIFY_SOCKET. Never waits: what cannot be sent now, because systemd does
 * not read, is sent by notify_watchdog, in order. */
void notify_send(const char *state);

/* Says that a reload begins; READY=1 ends it. */
void notify_reloading(void);

/* Sends what could not be sent before, then feeds systemd's watchdog, unless no worker has moved since it was last fed:
 * `*fed` is the heartbeat it was fed for, 0 at first. Called by the master's tick, so it stops, too, when the master
 * does. */
void notify_watchdog(struct board *board, uint64_t *fed);

#endif
