/*
 * Opens a connection to the first server of a URL that lets us in, one server after the other, without blocking.
 *
 * libpq goes through several hosts by itself, but waits forever for one that is silent. So each server is dialled
 * alone, within an equal share of the time that is left. A server that was silent is dialled last for a minute.
 * Belongs to the loop's thread.
 */
#ifndef POOL_DIAL_H
#define POOL_DIAL_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct event_base;

/* What all connections to one database share: its servers, and which of them were silent. */
struct dialer;

/* `url` is copied. NULL when there is no memory. */
struct dialer *dialer_new(struct event_base *base, const char *url);

/* No dial may be under way. NULL is fine. */
void dialer_free(struct dialer *dialer);

/* How many servers the URL names, and what they are (address_list_hash). */
int dialer_server_count(const struct dialer *dialer);
uint64_t dialer_servers(const struct dialer *dialer);

/* From the next dial on only this one of them is dialled, from 0; DIALER_ANY: all. A `standby` is as good as a primary.
 */
enum { DIALER_ANY = -1 };
void dialer_aim(struct dialer *dialer, int server, bool standby);

/* One connection that is being opened. */
struct dial;

enum dial_state { DIAL_BUSY, DIAL_DONE, DIAL_FAILED };

struct dial_settings {
  const char *application_name; /* kept by the caller as long as the dial */
  int64_t timeout;              /* microseconds, for all servers and look-ups together */
  bool patient;                 /* where dial_may_wait, it goes on after that: the owner gives it up */
  /* Called from the loop when time or a look-up changed state, descriptor or direction; may free the dial. */
  void (*moved)(void *owner);
  void *owner;
};

/* Begins; NULL when there is no memory. */
struct dial *dial_new(struct dialer *dialer, const struct dial_settings *settings);

/* NULL is fine. */
void dial_free(struct dial *dial);

/* Does what can be done now; call it when the descriptor is ready. The descriptor may be another one afterwards. */
enum dial_state dial_step(struct dial *dial);
enum dial_state dial_state(const struct dial *dial);

/* The only server there is has taken it in, or has it waiting at its door: another one would come behind it. */
bool dial_may_wait(const struct dial *dial);

/* -1 while there is none: the names are looked up. */
int dial_fd(const struct dial *dial);
PostgresPollingStatusType dial_wants(const struct dial *dial);

/* The connection of a DIAL_DONE; it is the caller's. */
PGconn *dial_take(struct dial *dial);

/* Which of the URL's servers a DIAL_DONE has met. */
int dial_server(const struct dial *dial);

/* Why it failed, for the log: each server's reason, no host, no password. */
const char *dial_message(const struct dial *dial);

/* After DIAL_FAILED: a server was met and does not suit us or we do not suit it, or there was nobody to ask, because of
 * its name or the URL. Starting it anew would be no cure. */
bool dial_was_ours(const struct dial *dial);

/* The SQLSTATE by which a server refused the connection, the last one of several; "" when none has spoken. */
const char *dial_sqlstate(const struct dial *dial);

#endif
