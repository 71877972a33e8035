/* Masks of signals. */
#include "base/signals.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

static sigset_t block(const int *numbers)
{
  sigset_t signals;
  (void)sigemptyset(&signals);
  for (; *numbers != 0; numbers++)
    (void)sigaddset(&signals, *numbers);
  (void)sigprocmask(SIG_BLOCK, &signals, NULL);
  return signals;
}

void signals_block(const int *numbers)
{
  (void)block(numbers);
}

void signals_unblock(void)
{
  sigset_t none;
  (void)sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

int signals_open(const int *numbers)
{
  const sigset_t signals = block(numbers);
  (void)signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}
