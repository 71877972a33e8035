/* The servers that a database URL names, and the addresses of those that are names. Thread-safe. */
#ifndef POOL_ADDRESS_H
#define POOL_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* One server, in libpq's words; NULL where the URL says nothing. */
struct address {
  char *host;     /* a name, an address or a socket's folder; TLS verifies the name */
  char *hostaddr; /* its address */
  char *port;
  int place; /* in the URL's list, from 0: a name's addresses share it */
};

struct address_list {
  int count;
  int unresolved;   /* names that have no address, and are not among the items */
  int lookup_error; /* why the last of them has none, by getaddrinfo */
  bool left;        /* set by the parser alone: libpq knows more than the items tell */
  struct address items[];
};

/*
 * Reads a URL or conninfo, and PGHOST and its like where that names no host. A URL that libpq will not read, or that
 * leaves the hosts to a service file, gives one empty address: libpq does the rest. NULL when there is no memory.
 */
struct address_list *address_list_parse(const char *url);

/* Whether the URL has, by libpq's rule, as many hosts as addresses where it gives both, and one port or one for each.
 */
bool address_lists_fit(const char *url);

/* Whether the URL, or else the environment, sets a keyword to this value. */
bool address_url_says(const char *url, const char *keyword, const char *value);

/* True when a look-up is needed before libpq can connect without blocking. */
bool address_list_has_names(const struct address_list *list);

/* Whether all of them are on this machine, as far as their words tell. */
bool address_list_is_local(const struct address_list *list);

/* A copy in which each name stands once for each of its addresses. BLOCKS while names are looked up. NULL when there is
 * no memory. */
struct address_list *address_list_resolve(const struct address_list *list);

/* Only those of this place stay. */
void address_list_keep(struct address_list *list, int place);

/* The same for lists with the same servers in the same order, whatever user, password or database goes with them. */
uint64_t address_list_hash(const struct address_list *list);

/* NULL when there is no memory. */
struct address_list *address_list_copy(const struct address_list *list);

/* NULL is fine. */
void address_list_free(struct address_list *list);

#define CLEANUP_ADDRESSES CLEANUP(address_list_free_pointer)
static inline void address_list_free_pointer(struct address_list **list)
{
  address_list_free(*list);
}

#endif
