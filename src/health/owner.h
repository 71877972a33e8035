/*
 * Who has a run_dir: the master that holds the lock of the pid file there. A number in a file may be a dead process's,
 * and another's by now; a lock ends with its holder. Thread-safe.
 */
#ifndef HEALTH_OWNER_H
#define HEALTH_OWNER_H

#include <sys/types.h>

#define OWNER_FILE "lontard.pid" /* its name in run_dir */

/* The master's process; 0 when there is none; -1 with errno when that cannot be seen. */
pid_t owner_of(const char *run_dir);

/* Takes the lock of a pid file for as long as the descriptor is open in any process: 0, or -1 with errno, EWOULDBLOCK
 * when another has it. Waits for a moment, because owner_of takes it, too, for as long as it looks. */
int owner_lock(int descriptor);

#endif
