/* Starts helper threads. */
#include "base/thread.h"

#include <signal.h>

/* A thread is born with its parent's mask. A fault whose signal is blocked would end the process past its handler. */
bool thread_start(pthread_t *ret_thread, void *(*begin)(void *), void *argument)
{
  sigset_t others, before;
  (void)sigfillset(&others);
  (void)sigdelset(&others, SIGSEGV);
  (void)sigdelset(&others, SIGBUS);
  (void)sigdelset(&others, SIGFPE);
  (void)sigdelset(&others, SIGILL);
  (void)pthread_sigmask(SIG_SETMASK, &others, &before);
  const bool started = pthread_create(ret_thread, NULL, begin, argument) == 0;
  (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}
