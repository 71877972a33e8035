/* Dials the servers of a database one after the other, each by a libpq connection of its own. */
#include "pool/dial.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "pool/door.h"
#include "pool/notice.h"
#include "pool/refusal.h"
#include "pool/resolver.h"

/* How long a silent server is dialled last. */
#define SILENCE_REMEMBERED (60 * CLOCK_SECOND)

struct dialer {
  struct event_base *base;
  char *url;
  struct resolver *resolver;
  int server; /* the one to dial, or DIALER_ANY */
  bool standby;
  int first; /* where to begin in the list until `first_until` */
  int64_t first_until;
};

struct dial {
  struct dialer *dialer;
  struct dial_settings settings;
  enum dial_state state;
  int64_t deadline;
  struct event *timer;
  bool waiting; /* for addresses */
  struct resolver_waiter waiter;
  struct address_list *list;
  int first; /* in the list */
  int tried; /* how many of it, with the one that is being dialled */
  PGconn *libpq;
  PostgresPollingStatusType polling;
  bool ours;
  char message[256];
  char sqlstate[REFUSAL_SQLSTATE_SIZE];
};

struct dialer *dialer_new(struct event_base *base, const char *url)
{
  struct dialer *dialer = calloc(1, sizeof *dialer);
  if (dialer == NULL)
    return NULL;
  dialer->base = base;
  dialer->server = DIALER_ANY;
  dialer->url = strdup(url);
  dialer->resolver = resolver_new(base, url);
  if (dialer->url != NULL && dialer->resolver != NULL)
    return dialer;
  dialer_free(dialer);
  return NULL;
}

void dialer_free(struct dialer *dialer)
{
  if (dialer == NULL)
    return;
  resolver_free(dialer->resolver);
  free(dialer->url);
  free(dialer);
}

int dialer_server_count(const struct dialer *dialer)
{
  return resolver_servers(dialer->resolver)->count;
}

uint64_t dialer_servers(const struct dialer *dialer)
{
  return address_list_hash(resolver_servers(dialer->resolver));
}

void dialer_aim(struct dialer *dialer, int server, bool standby)
{
  dialer->server = server;
  dialer->standby = standby;
}

/* Adds a reason, once: several servers often have the same. */
static void add_reason(struct dial *dial, const char *reason)
{
  size_t used = strlen(dial->message);
  int length = (int)strcspn(reason, "\n");
  char line[sizeof dial->message];
  snprintf(line, sizeof line, "%.*s", length, reason);
  if (strstr(dial->message, line) == NULL)
    snprintf(dial->message + used, sizeof dial->message - used, "%s%s", used > 0 ? "; " : "", line);
}

static void add_reason_of_libpq(struct dial *dial)
{
  const char *reason = refusal_reason(dial->libpq);
  add_reason(dial, reason != NULL ? reason : "libpq does not take database_url as it is");
  refusal_sqlstate(dial->libpq, dial->sqlstate);
  dial->ours = dial->ours || !refusal_met_nobody(dial->libpq);
}

/* A choice of servers is for finding the one that takes writes. */
static PGconn *start(const struct dial *dial, const struct address *address)
{
  const struct dialer *dialer = dial->dialer;
  const char *role = dialer_server_count(dialer) > 1 ? "read-write" : NULL;
  const struct door door = {DOOR_DAEMON, dialer->url, dial->settings.application_name, address,
                            dialer->standby ? "any" : role};
  return door_open(&door);
}

static void hang_up(struct dial *dial)
{
  PQfinish(dial->libpq);
  dial->libpq = NULL;
}

static int current(const struct dial *dial)
{
  return (dial->first + dial->tried - 1) % dial->list->count;
}

/* True when this server is being dialled; it gets its share of the time. */
static bool dial_one(struct dial *dial, const struct address *address)
{
  int64_t left = dial->deadline - clock_steady();
  int64_t share = left > 0 ? left / (dial->list->count - dial->tried + 1) : 0;
  const struct timeval wait = {share / CLOCK_SECOND, share % CLOCK_SECOND};
  dial->libpq = start(dial, address);
  if (dial->libpq == NULL)
    return false;
  PQsetNoticeReceiver(dial->libpq, notice_ignore, NULL);
  refusal_expect(dial->libpq, true);
  dial->polling = PGRES_POLLING_WRITING;
  if (PQstatus(dial->libpq) != CONNECTION_BAD && event_add(dial->timer, &wait) == 0)
    return true;
  add_reason_of_libpq(dial);
  hang_up(dial);
  return false;
}

static void dial_next(struct dial *dial)
{
  while (dial->list != NULL && dial->tried < dial->list->count) {
    dial->tried++;
    if (dial_one(dial, &dial->list->items[current(dial)]))
      return;
  }
  (void)event_del(dial->timer);
  dial->state = DIAL_FAILED;
}

/* The list is there; it is NULL when there was no memory or no thread for a look-up. */
static void begin(struct dial *dial, struct address_list *list)
{
  const struct dialer *dialer = dial->dialer;
  dial->list = list;
  if (list != NULL && dialer->server != DIALER_ANY)
    address_list_keep(list, dialer->server);
  dial->ours = list == NULL || list->count == 0;
  if (dial->ours || (list->unresolved > 0 && dialer->server == DIALER_ANY))
    add_reason(dial, "the database's host name cannot be resolved");
  if (list != NULL && list->count > 0 && clock_steady() < dialer->first_until)
    dial->first = dialer->first % list->count;
  dial_next(dial);
}

static void on_found(void *argument, struct address_list *list)
{
  struct dial *dial = argument;
  dial->waiting = false;
  begin(dial, list);
  dial->settings.moved(dial->settings.owner);
}

static void stop_waiting(struct dial *dial)
{
  if (dial->waiting)
    resolver_forget(dial->dialer->resolver, &dial->waiter);
  dial->waiting = false;
}

static void note_silence(struct dial *dial)
{
  struct dialer *dialer = dial->dialer;
  dialer->first = (current(dial) + 1) % dial->list->count;
  dialer->first_until = clock_steady() + SILENCE_REMEMBERED;
  add_reason(dial, "no answer in time");
  hang_up(dial);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
  struct dial *dial = argument;
  (void)fd;
  (void)what;
  if (dial->waiting) {
    stop_waiting(dial);
    begin(dial, NULL);
  } else if (dial->settings.patient && dial_may_wait(dial)) {
    return;
  } else {
    note_silence(dial);
    dial_next(dial);
  }
  dial->settings.moved(dial->settings.owner);
}

static void look_up(struct dial *dial)
{
  const struct timeval wait = {dial->settings.timeout / CLOCK_SECOND, dial->settings.timeout % CLOCK_SECOND};
  struct address_list *list;
  if (resolver_find(dial->dialer->resolver, &dial->waiter, &list)) {
    begin(dial, list);
    return;
  }
  dial->waiting = true;
  (void)event_add(dial->timer, &wait);
}

struct dial *dial_new(struct dialer *dialer, const struct dial_settings *settings)
{
  struct dial *dial = calloc(1, sizeof *dial);
  if (dial == NULL)
    return NULL;
  dial->dialer = dialer;
  dial->settings = *settings;
  dial->deadline = clock_steady() + settings->timeout;
  dial->waiter.found = on_found;
  dial->waiter.argument = dial;
  dial->timer = evtimer_new(dialer->base, on_timer, dial);
  if (dial->timer == NULL) {
    free(dial);
    return NULL;
  }
  look_up(dial);
  return dial;
}

void dial_free(struct dial *dial)
{
  if (dial == NULL)
    return;
  stop_waiting(dial);
  event_free(dial->timer);
  PQfinish(dial->libpq);
  address_list_free(dial->list);
  free(dial);
}

enum dial_state dial_step(struct dial *dial)
{
  if (dial->libpq == NULL || dial->state != DIAL_BUSY)
    return dial->state;
  dial->polling = PQconnectPoll(dial->libpq);
  if (dial->polling == PGRES_POLLING_OK) {
    (void)event_del(dial->timer);
    refusal_expect(dial->libpq, false);
    dial->state = DIAL_DONE;
  } else if (dial->polling == PGRES_POLLING_FAILED) {
    add_reason_of_libpq(dial);
    hang_up(dial);
    dial_next(dial);
  }
  return dial->state;
}

enum dial_state dial_state(const struct dial *dial)
{
  return dial->state;
}

bool dial_may_wait(const struct dial *dial)
{
  if (dial->list == NULL || dial->list->count != 1 || dial->state == DIAL_FAILED)
    return false;
  if (dial->libpq == NULL) /* it was opened and taken */
    return dial->state == DIAL_DONE;
  const char *host = PQhost(dial->libpq);
  return PQstatus(dial->libpq) != CONNECTION_STARTED || (host != NULL && *host == '/');
}

int dial_fd(const struct dial *dial)
{
  return dial->libpq != NULL ? PQsocket(dial->libpq) : -1;
}

PostgresPollingStatusType dial_wants(const struct dial *dial)
{
  return dial->polling;
}

PGconn *dial_take(struct dial *dial)
{
  return TAKE(dial->libpq);
}

int dial_server(const struct dial *dial)
{
  return dial->list->items[current(dial)].place;
}

const char *dial_message(const struct dial *dial)
{
  return dial->message;
}

bool dial_was_ours(const struct dial *dial)
{
  return dial->ours;
}

const char *dial_sqlstate(const struct dial *dial)
{
  return dial->sqlstate;
}
