/*
 * Which process is the server of a database URL: the one that has the listening socket open, not one that a file or a
 * name tells of. Reads /proc; thread-safe.
 */
#ifndef SUPERVISE_SERVER_H
#define SUPERVISE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The postmaster; 0, with the reason as a part of a sentence in `message`, where the URL names more than one server, or
 * one elsewhere, or where no PostgreSQL is seen there. */
pid_t server_find(const char *url, char *message, size_t size);

/* Pure: the inode of the listening socket that a line of /proc/net/unix, or of tcp and tcp6, tells of, and where; 0
 * when it tells of none. */
uint64_t server_unix_line(const char *line, const char **ret_path);
struct server_address {
  int family; /* AF_INET, AF_INET6 */
  unsigned port;
  uint32_t words[4]; /* as they lie in memory; an AF_INET has one */
};
uint64_t server_tcp_line(const char *line, struct server_address *ret_address);

#endif
