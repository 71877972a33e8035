/*
 * Which of database_url's servers is in use: what the prober sees of them, the rules of health/primary.h, and what they
 * lead to, which is a word on the board, the record on disk, an alarm in the log. Belongs to the prober's loop.
 */
#ifndef HEALTH_SERVERS_H
#define HEALTH_SERVERS_H

#include <stdbool.h>
#include <stdint.h>

#include "health/hosts.h"

struct board_prober;
struct dialer;
struct inquiry;
struct servers;

struct servers_settings {
  struct hosts_settings hosts; /* `changed`: servers_look is to be called */
  struct board_prober *slot;   /* kept by the caller, as is the next */
  struct dialer *dialer;       /* the inquiry's, aimed at the one in use */
};

/* Goes on where a prober before us ended, or with the record. NULL when there is no memory. */
struct servers *servers_new(const struct servers_settings *settings);

/* NULL is fine. */
void servers_free(struct servers *servers);

/* Takes into account what is known now. `inquiry` may be NULL; `away`: the prober finds the database away. True when
 * another server is to be used than the one that the inquiry has to do with. */
bool servers_look(struct servers *servers, const struct inquiry *inquiry, bool away, int64_t now);

/* Whether the server that has answered is none to use. */
bool servers_refuse(const struct servers *servers, const struct inquiry *inquiry);

#endif
