/*
 * What is done before a command is run again that hung: what did not heed it is killed. For a command's own process,
 * which may wait: nothing here writes to disks, but whoever is killed may end slowly. Not thread-safe.
 */
#ifndef SUPERVISE_FORCE_H
#define SUPERVISE_FORCE_H

/*
 * Kills the PostgreSQL of the URL with all of its processes, where it is on this machine. To the data that is a power
 * failure: what was committed stays. Its backends must not outlive it: they would keep its memory, and the next one
 * from starting.
 */
void force_database(const char *url);

/* Kills the master of the run_dir. */
void force_lontard(const char *run_dir);

#endif
