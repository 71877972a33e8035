/* Asks PostgreSQL whether it accepts connections. */
#include "system/witness.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "system/check.h"
#include "system/stack.h"

enum { PAUSE_US = 10000 }; /* each question costs a server that is starting a process */

static struct {
  pthread_mutex_t lock;
  bool looks;
  bool was_away;
  double returned;
} witness = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool looks(void)
{
  pthread_mutex_lock(&witness.lock);
  const bool answer = witness.looks;
  pthread_mutex_unlock(&witness.lock);
  return answer;
}

static void note(bool accepts)
{
  pthread_mutex_lock(&witness.lock);
  if (!accepts) {
    witness.was_away = true;
    witness.returned = 0;
  } else if (witness.was_away && witness.returned == 0) {
    witness.returned = stack_clock();
  }
  pthread_mutex_unlock(&witness.lock);
}

static void *watch(void *unused)
{
  for (;; (void)usleep(PAUSE_US))
    if (looks())
      note(PQping("connect_timeout=2") == PQPING_OK);
  return unused;
}

void witness_start(void)
{
  pthread_t thread;
  need(pthread_create(&thread, NULL, watch, NULL) == 0 && pthread_detach(thread) == 0, "no thread");
}

static void set(bool look)
{
  pthread_mutex_lock(&witness.lock);
  witness.looks = look;
  witness.was_away = false;
  witness.returned = 0;
  pthread_mutex_unlock(&witness.lock);
}

void witness_look(void)
{
  set(true);
}

double witness_returned(void)
{
  pthread_mutex_lock(&witness.lock);
  const double returned = witness.returned;
  pthread_mutex_unlock(&witness.lock);
  return returned;
}

void witness_rest(void)
{
  set(false);
}
