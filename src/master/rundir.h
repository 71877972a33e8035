/* The folder of pid file, board, status.json and marker, which belongs to one master at a time. Not thread-safe. */
#ifndef MASTER_RUNDIR_H
#define MASTER_RUNDIR_H

#include <stddef.h>

/*
 * Makes the folder if it is missing and writes the pid file (OWNER_FILE), locked as long as the descriptor is open in
 * any process: workers must close theirs. LONTAR_OK and the descriptor; LONTAR_CONFLICT when another lontard has the
 * folder, which is named by its pid; LONTAR_INTERNAL; both with one sentence in `message`.
 */
int rundir_claim(const char *run_dir, int *ret_descriptor, char *message, size_t size);

/* Removes what a running lontard has there, pid file last, and closes the descriptor. */
void rundir_release(const char *run_dir, int descriptor);

#endif
