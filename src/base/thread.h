/* Helper threads. Thread-safe. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/* Starts a helper that leaves all signals to the other threads, but for those of its own faults. False when there can
 * be no more threads. */
bool thread_start(pthread_t *ret_thread, void *(*begin)(void *), void *argument);

#endif
