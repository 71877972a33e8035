/* Looks host names up in a thread, and tells the loop by an eventfd. */
#include "pool/resolver.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/thread.h"

/* Shared by the loop and the thread; the last holder frees it. */
struct lookup {
  atomic_int holders;
  int event; /* the thread writes to it when `answer` is there */
  struct address_list *asked;
  struct address_list *answer;
};

struct resolver {
  struct event_base *base;
  struct address_list *list; /* as the URL has it */
  struct lookup *lookup;     /* under way, or NULL */
  struct event *answered;
  unsigned number; /* of the look-up, so that a waiter gets the answer to its own */
  TAILQ_HEAD(, resolver_waiter) waiting;
};

static void lookup_release(struct lookup *lookup)
{
  if (atomic_fetch_sub(&lookup->holders, 1) > 1)
    return;
  (void)close(lookup->event);
  address_list_free(lookup->asked);
  address_list_free(lookup->answer);
  free(lookup);
}

static void *lookup_thread(void *argument)
{
  struct lookup *lookup = argument;
  lookup->answer = address_list_resolve(lookup->asked);
  (void)eventfd_write(lookup->event, 1);
  lookup_release(lookup);
  return NULL;
}

static bool start_thread(struct lookup *lookup)
{
  pthread_t thread;
  if (!thread_start(&thread, lookup_thread, lookup))
    return false;
  (void)pthread_detach(thread);
  return true;
}

/* For the loop; NULL when no look-up can begin. */
static struct lookup *lookup_start(const struct address_list *list)
{
  struct lookup *lookup = calloc(1, sizeof *lookup);
  if (lookup == NULL)
    return NULL;
  lookup->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  lookup->asked = address_list_copy(list);
  atomic_init(&lookup->holders, 2);
  if (lookup->event >= 0 && lookup->asked != NULL && start_thread(lookup))
    return lookup;
  atomic_store(&lookup->holders, 1);
  lookup_release(lookup);
  return NULL;
}

struct resolver *resolver_new(struct event_base *base, const char *url)
{
  struct resolver *resolver = calloc(1, sizeof *resolver);
  if (resolver == NULL)
    return NULL;
  resolver->base = base;
  resolver->list = address_list_parse(url);
  TAILQ_INIT(&resolver->waiting);
  if (resolver->list != NULL)
    return resolver;
  free(resolver);
  return NULL;
}

static void end_lookup(struct resolver *resolver)
{
  event_free(resolver->answered);
  lookup_release(resolver->lookup);
  resolver->answered = NULL;
  resolver->lookup = NULL;
}

void resolver_free(struct resolver *resolver)
{
  if (resolver == NULL)
    return;
  if (resolver->lookup != NULL)
    end_lookup(resolver);
  address_list_free(resolver->list);
  free(resolver);
}

const struct address_list *resolver_servers(const struct resolver *resolver)
{
  return resolver->list;
}

/* Whoever is told may ask again at once, which begins the next look-up, or forget others that wait. */
static void on_answer(evutil_socket_t fd, short what, void *argument)
{
  struct resolver *resolver = argument;
  struct address_list *answer = TAKE(resolver->lookup->answer);
  unsigned number = resolver->number++;
  struct resolver_waiter *waiter;
  (void)fd;
  (void)what;
  end_lookup(resolver);
  while ((waiter = TAILQ_FIRST(&resolver->waiting)) != NULL && waiter->number == number) {
    TAILQ_REMOVE(&resolver->waiting, waiter, link);
    waiter->found(waiter->argument, answer != NULL ? address_list_copy(answer) : NULL);
  }
  address_list_free(answer);
}

static bool begin_lookup(struct resolver *resolver)
{
  resolver->lookup = lookup_start(resolver->list);
  if (resolver->lookup == NULL)
    return false;
  resolver->answered = event_new(resolver->base, resolver->lookup->event, EV_READ, on_answer, resolver);
  if (resolver->answered != NULL && event_add(resolver->answered, NULL) == 0)
    return true;
  if (resolver->answered != NULL)
    event_free(resolver->answered);
  lookup_release(TAKE(resolver->lookup));
  return false;
}

bool resolver_find(struct resolver *resolver, struct resolver_waiter *waiter, struct address_list **ret_list)
{
  if (!address_list_has_names(resolver->list)) {
    *ret_list = address_list_copy(resolver->list);
    return true;
  }
  if (resolver->lookup == NULL && !begin_lookup(resolver)) {
    *ret_list = NULL;
    return true;
  }
  waiter->number = resolver->number;
  TAILQ_INSERT_TAIL(&resolver->waiting, waiter, link);
  return false;
}

void resolver_forget(struct resolver *resolver, struct resolver_waiter *waiter)
{
  TAILQ_REMOVE(&resolver->waiting, waiter, link);
}
