/*
 * Gives the addresses of a database's servers without blocking the loop.
 *
 * libpq looks up host names by itself and blocks meanwhile. So they are looked up here, in a thread, one look-up at a
 * time: whoever asks meanwhile gets its answer too. Where no server is a name, there is no thread and no waiting.
 * Belongs to the loop's thread.
 */
#ifndef POOL_RESOLVER_H
#define POOL_RESOLVER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "pool/address.h"

struct event_base;
struct resolver;

/* For the servers of one URL. NULL when there is no memory. */
struct resolver *resolver_new(struct event_base *base, const char *url);

/* Nobody may wait any more. A look-up under way ends by itself, unseen. NULL is fine. */
void resolver_free(struct resolver *resolver);

/* The servers as the URL names them. */
const struct address_list *resolver_servers(const struct resolver *resolver);

/* Somebody who waits for addresses. */
struct resolver_waiter {
  void (*found)(void *argument, struct address_list *list); /* called once, from the loop */
  void *argument;
  unsigned number; /* the resolver's */
  TAILQ_ENTRY(resolver_waiter) link;
};

/*
 * True with the addresses where there is nothing to wait for; otherwise false, and the waiter gets them later. The list
 * is the receiver's to free. It is NULL when there is no memory or no thread, and empty when no name has an address.
 */
bool resolver_find(struct resolver *resolver, struct resolver_waiter *waiter, struct address_list **ret_list);

/* The waiter must be waiting; it is not called any more. */
void resolver_forget(struct resolver *resolver, struct resolver_waiter *waiter);

#endif
