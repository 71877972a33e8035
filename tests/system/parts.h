/*
 * The processes of a quickstart (its folder is LONTAR_CHAOS_DIR), looked up anew each time because they die. Numbers
 * are 0 and lists empty while there is none; zombies are none.
 */
#ifndef SYSTEM_PARTS_H
#define SYSTEM_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PARTS_MAX = 512 };

struct parts {
  pid_t pids[PARTS_MAX];
  size_t count;
};

pid_t parts_master(void);
struct parts parts_workers(void);
pid_t parts_prober(void);
/* Whether there is a board, and it is one, of this lontard. */
bool parts_board(void);

pid_t parts_nginx(void);
struct parts parts_nginx_workers(void);

pid_t parts_postmaster(void);
/* Its children, and those among them that serve lontard. */
struct parts parts_servers(void);
struct parts parts_backends(void);

/* A path below the folder; good until the thread's next call. */
const char *parts_path(const char *name);

#endif
