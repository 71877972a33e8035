/* Tells systemd how the daemon is, where it asked for it by $NOTIFY_SOCKET. Not thread-safe. */
#ifndef MASTER_NOTIFY_H
#define MASTER_NOTIFY_H

/* Sends e.g. "READY=1". Does nothing without $NOTIFY_SOCKET; failure is ignored, as systemd's own sender advises. */
void notify_send(const char *state);

/* Says that a reload begins; READY=1 ends it. */
void notify_reloading(void);

#endif
