/* The daemon's workers following each other, all of them, after a signal to the master. */
#ifndef SYSTEM_RENEWAL_H
#define SYSTEM_RENEWAL_H

#include <stdbool.h>

#define RENEWAL_RECYCLES "lontar_worker_recycles_total"

/* Sends SIGHUP, or SIGUSR2 for an upgrade. */
void renewal_begin(int signal);

/* Whether all workers are others than at the beginning; true before the first. */
bool renewal_has_ended(void);

/* When the newest image that was seen so far began. */
double renewal_started(void);

/* Fails the test when that does not happen in half a minute. */
void renewal_wait(void);

/* Begins, and waits for the end. */
void renewal_run(int signal);

#endif
