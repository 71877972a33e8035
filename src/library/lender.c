/* The library's pool, the lender: connections that threads take and give back, in order of asking. */
#include "library/lender.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/random.h"
#include "library/failure.h"
#include "library/leaving.h"
#include "library/wire.h"
#include "pool/rules.h"

/* The head of the queue looks whether connections have left, at first and at last after so long. */
#define FIRST_LOOK (CLOCK_MILLISECOND)
#define LAST_LOOK (20 * CLOCK_MILLISECOND)

/* What a ticket is served with: a connection, a place in which one may be opened, or the word that there is none. */
enum served { SERVED_NOT, SERVED_LOAN, SERVED_PLACE, SERVED_REFUSAL };

/* One thread in the queue. */
struct ticket {
  pthread_cond_t ready;
  enum served served;
  bool tries_anyway;
  int leaving_max; /* of SERVED_PLACE: the places that are left to the leaving ones */
  bool unproved;   /* of SERVED_LOAN: it is to be checked */
  struct loan *loan;
  TAILQ_ENTRY(ticket) link;
};

struct lender {
  char *url;
  char *application_name;
  struct lontar_options options;
  struct leaving *leaving; /* they have places, too */
  pthread_mutex_t lock;    /* guards all below */
  TAILQ_HEAD(, ticket) waiting;
  struct loans idle; /* the last used first */
  struct loans lent;
  int places;  /* taken: idle, lent or being opened */
  int opening; /* of these */
  int closing; /* taken by those that are about to be among the leaving */
  int idle_count;
  int waiting_count;
  int64_t doubted;              /* what has not answered since then is not proved (pool/rules) */
  int64_t demoted;              /* connections opened before are not used again */
  int failures;                 /* attempts to open one, in a row */
  int64_t next_attempt;         /* after these */
  struct lontar_failure reason; /* of the last of these */
  struct lontar_numbers totals; /* the counters of it */
};

enum lontar_error lender_new(const char *url, const struct lontar_options *options, struct lender **ret_lender)
{
  struct lender *lender = calloc(1, sizeof *lender);
  if (!lender)
    return LONTAR_INTERNAL;
  lender->url = strdup(url);
  lender->application_name = strdup(options->application_name ? options->application_name : "lontar");
  lender->options = *options;
  lender->options.application_name = lender->application_name;
  TAILQ_INIT(&lender->waiting);
  TAILQ_INIT(&lender->idle);
  TAILQ_INIT(&lender->lent);
  pthread_mutex_init(&lender->lock, NULL);
  if (lender->url && lender->application_name)
    lender->leaving = leaving_new(lender->url, &lender->options);
  if (!lender->leaving) {
    lender_free(lender);
    return LONTAR_INTERNAL;
  }
  *ret_lender = lender;
  return LONTAR_OK;
}

void lender_free(struct lender *lender)
{
  if (!lender)
    return;
  loans_free(&lender->idle);
  leaving_free(lender->leaving);
  pthread_mutex_destroy(&lender->lock);
  free(lender->url);
  free(lender->application_name);
  free(lender);
}

/* A lock that a thread of the parent held at the fork is held for ever, and what it guards is half done. */
void lender_abandon(struct lender *lender)
{
  if (pthread_mutex_trylock(&lender->lock) != 0)
    return;
  loans_abandon(&lender->idle);
  loans_abandon(&lender->lent);
  leaving_abandon(TAKE(lender->leaving));
  pthread_mutex_unlock(&lender->lock);
  lender_free(lender);
}

const struct lontar_options *lender_options(const struct lender *lender)
{
  return &lender->options;
}

/* All functions from here to lender_part are called under the lock. Connections to be closed go to a list, and are
 * closed by lender_part without it. */

/* Takes a connection out of the pool; its place stays taken until the server has ended it. */
static void lender_drop(struct lender *lender, struct loan *loan, int64_t *reason, struct loans *closing)
{
  lender->places--;
  lender->closing++;
  (*reason)++;
  TAILQ_INSERT_TAIL(closing, loan, link);
}

static void lender_drop_idle(struct lender *lender, struct loan *loan, int64_t *reason, struct loans *closing)
{
  TAILQ_REMOVE(&lender->idle, loan, link);
  lender->idle_count--;
  lender_drop(lender, loan, reason, closing);
}

/* Drops the idle ones that are too old, and those beyond the pool's size that have idled for too long. */
static void lender_sweep(struct lender *lender, int64_t now, struct loans *closing)
{
  struct loan *next;
  for (struct loan *loan = TAILQ_FIRST(&lender->idle); loan; loan = next) {
    next = TAILQ_NEXT(loan, link);
    if (loan->opened < lender->demoted)
      lender_drop_idle(lender, loan, &lender->totals.closed_lost, closing);
    else if (now >= loan->recycle_at)
      lender_drop_idle(lender, loan, &lender->totals.closed_old, closing);
  }
  int64_t timeout = lender->options.pool_idle_timeout * CLOCK_MILLISECOND;
  struct loan *coldest;
  while (lender->places > lender->options.pool_size && (coldest = TAILQ_LAST(&lender->idle, loans)) &&
         now - coldest->idle_since >= timeout)
    lender_drop_idle(lender, coldest, &lender->totals.closed_idle, closing);
}

/* How many places nobody has but perhaps those that are leaving. */
static int lender_left(const struct lender *lender)
{
  return lender->options.pool_size + lender->options.pool_max_overflow - lender->places - lender->closing;
}

/* Whether a connection may be opened now. After a failure one call at a time tries. */
static bool lender_may_open(const struct lender *lender, const struct ticket *ticket, int64_t now)
{
  if (lender_left(lender) <= leaving_least(lender->leaving))
    return false;
  return lender->failures == 0 || (lender->opening == 0 && (ticket->tries_anyway || now >= lender->next_attempt));
}

/* Whether the server is known to be away, and no connection is lent that may come back and serve others: one that was
 * lent since the loss had been checked. */
static bool lender_is_down(const struct lender *lender)
{
  const struct loan *loan;
  if (lender->failures == 0)
    return false;
  TAILQ_FOREACH(loan, &lender->lent, link)
  {
    if (loan->lent_since >= lender->doubted)
      return false;
  }
  return true;
}

static void lender_note_lent(struct lender *lender, struct loan *loan, int64_t now)
{
  loan->lent_since = now;
  TAILQ_INSERT_TAIL(&lender->lent, loan, link);
}

/* Serves the head of the queue, if it can be served; false when it cannot. */
static bool lender_serve(struct lender *lender, struct ticket *first, int64_t now)
{
  struct loan *loan = TAILQ_FIRST(&lender->idle);
  if (loan) {
    TAILQ_REMOVE(&lender->idle, loan, link);
    lender->idle_count--;
    lender_note_lent(lender, loan, now);
    first->loan = loan;
    first->unproved = loan->answered <= lender->doubted || !rules_is_proved(loan->answered, now);
    first->served = SERVED_LOAN;
  } else if (lender_may_open(lender, first, now)) {
    lender->places++;
    lender->opening++;
    first->leaving_max = lender_left(lender);
    first->served = SERVED_PLACE;
  } else if (lender_is_down(lender)) {
    first->served = SERVED_REFUSAL;
  }
  return first->served != SERVED_NOT;
}

static void lender_serve_all(struct lender *lender, int64_t now)
{
  struct ticket *first;
  while ((first = TAILQ_FIRST(&lender->waiting)) && lender_serve(lender, first, now)) {
    TAILQ_REMOVE(&lender->waiting, first, link);
    lender->waiting_count--;
    pthread_cond_signal(&first->ready);
  }
  if (first && leaving_any(lender->leaving))
    pthread_cond_signal(&first->ready); /* it looks after them now */
}

/* Waits until the ticket is served. Whoever waits also looks after the end of a pause between attempts, and who is the
 * first after those that are leaving. */
static void ticket_wait(struct lender *lender, struct ticket *ticket, int64_t deadline)
{
  int64_t look_after = FIRST_LOOK;
  int64_t now;
  while (ticket->served == SERVED_NOT && (now = clock_steady()) < deadline) {
    bool pausing = lender->failures > 0 && lender->next_attempt > now && lender->next_attempt < deadline;
    bool looking = ticket == TAILQ_FIRST(&lender->waiting) && leaving_any(lender->leaving);
    int64_t until = pausing ? lender->next_attempt : deadline;
    if (looking && now + look_after < until)
      until = now + look_after;
    const struct timespec time = {.tv_sec = until / CLOCK_SECOND, .tv_nsec = (until % CLOCK_SECOND) * 1000};
    (void)pthread_cond_clockwait(&ticket->ready, &lender->lock, CLOCK_MONOTONIC, &time);
    if (ticket->served != SERVED_NOT)
      return;
    now = clock_steady();
    look_after = look_after < LAST_LOOK ? 2 * look_after : LAST_LOOK;
    if (looking)
      leaving_look(lender->leaving, now);
    if (looking || pausing)
      lender_serve_all(lender, now);
  }
}

static enum lontar_error lender_busy(const struct lender *lender, const char *why, struct lontar_failure *failure)
{
  return failure_set(failure, LONTAR_BUSY, "%s: size %d, overflow %d, open %d, busy %d, waiting %d, leaving %d", why,
                     lender->options.pool_size, lender->options.pool_max_overflow, lender->places,
                     lender->places - lender->idle_count, lender->waiting_count, leaving_count(lender->leaving));
}

/* Leaves the queue unserved. Who is now at its head looks after the next attempt. */
static void ticket_leave(struct lender *lender, struct ticket *ticket)
{
  TAILQ_REMOVE(&lender->waiting, ticket, link);
  lender->waiting_count--;
  if (!TAILQ_EMPTY(&lender->waiting))
    pthread_cond_signal(&TAILQ_FIRST(&lender->waiting)->ready);
}

/* Stands in the queue, at its head when the thread has had its turn already. */
static enum lontar_error lender_queue(struct lender *lender, struct ticket *ticket, bool first, int64_t deadline,
                                      struct lontar_failure *failure)
{
  int64_t start = clock_steady();
  if (first)
    TAILQ_INSERT_HEAD(&lender->waiting, ticket, link);
  else
    TAILQ_INSERT_TAIL(&lender->waiting, ticket, link);
  lender->waiting_count++;
  lender_serve_all(lender, start);
  int limit = lender->options.pool_max_waiting;
  bool crowded = ticket->served == SERVED_NOT && !first && limit > 0 && lender->waiting_count > limit;
  if (!crowded)
    ticket_wait(lender, ticket, deadline);
  int64_t waited = (clock_steady() - start) / CLOCK_MILLISECOND;
  if (waited > lender->totals.longest_wait)
    lender->totals.longest_wait = waited;
  if (ticket->served == SERVED_LOAN || ticket->served == SERVED_PLACE)
    return LONTAR_OK;
  if (ticket->served == SERVED_REFUSAL) {
    if (failure)
      *failure = lender->reason;
    return lender->reason.error;
  }
  enum lontar_error error = lender_busy(
      lender, crowded ? "too many calls wait for a connection" : "no connection became free in time", failure);
  ticket_leave(lender, ticket);
  return error;
}

/* Closes what was dropped, and looks who has left. Takes the lock itself. */
static void lender_part(struct lender *lender, struct loans *closing)
{
  struct loan *loan;
  int count = 0;
  if (TAILQ_EMPTY(closing) && !leaving_any(lender->leaving))
    return;
  for (; (loan = TAILQ_FIRST(closing)); count++) {
    TAILQ_REMOVE(closing, loan, link);
    loan_leave(loan, lender->leaving);
  }
  pthread_mutex_lock(&lender->lock);
  int64_t now = clock_steady();
  lender->closing -= count;
  leaving_look(lender->leaving, now);
  lender_serve_all(lender, now);
  pthread_mutex_unlock(&lender->lock);
}

/* Closes what is to be closed, before somebody waits for its place. */
static void lender_tidy(struct lender *lender)
{
  struct loans closing = TAILQ_HEAD_INITIALIZER(closing);
  pthread_mutex_lock(&lender->lock);
  lender_sweep(lender, clock_steady(), &closing);
  pthread_mutex_unlock(&lender->lock);
  lender_part(lender, &closing);
}

/* Gets an idle connection, or a place for one that is to be opened. */
static enum lontar_error lender_enter(struct lender *lender, bool first, const struct patience *patience,
                                      struct ticket *ticket, struct lontar_failure *failure)
{
  *ticket = (struct ticket){.tries_anyway = patience->tries_anyway};
  lender_tidy(lender);
  pthread_cond_init(&ticket->ready, NULL);
  pthread_mutex_lock(&lender->lock);
  enum lontar_error error = lender_queue(lender, ticket, first, patience->wait_until, failure);
  pthread_mutex_unlock(&lender->lock);
  pthread_cond_destroy(&ticket->ready);
  return error;
}

/* A lent connection turned out to be dead. */
static void lender_lose(struct lender *lender, struct loan *loan)
{
  struct loans closing = TAILQ_HEAD_INITIALIZER(closing);
  int64_t now = clock_steady();
  pthread_mutex_lock(&lender->lock);
  lender->doubted = now;
  TAILQ_REMOVE(&lender->lent, loan, link);
  lender_drop(lender, loan, &lender->totals.closed_lost, &closing);
  lender_sweep(lender, now, &closing);
  pthread_mutex_unlock(&lender->lock);
  lender_part(lender, &closing);
}

/* Opens a connection in the place that this thread got. `ret_again`: others are lent, so waiting for them may help. */
static enum lontar_error lender_open(struct lender *lender, const struct ticket *ticket, int64_t deadline,
                                     struct loan **ret_loan, bool *ret_again, struct lontar_failure *failure)
{
  const struct wire_way way = {.url = lender->url, .options = &lender->options, .leaving = lender->leaving};
  struct lontar_failure reason;
  struct loan *loan = NULL;
  enum lontar_error error = loan_open(&way, ticket->leaving_max, deadline, &loan, &reason);
  int64_t now = clock_steady();
  pthread_mutex_lock(&lender->lock);
  lender->opening--;
  if (error == LONTAR_OK) {
    lender->failures = 0;
    lender->totals.opened++;
    lender_note_lent(lender, loan, now);
    *ret_loan = loan;
  } else {
    lender->places--;
    lender->totals.failed++;
    lender->next_attempt = now + rules_back_off(++lender->failures, random_bits());
    lender->reason = reason;
  }
  *ret_again = error != LONTAR_OK && !lender_is_down(lender);
  if (!*ret_again) /* else this thread goes first */
    lender_serve_all(lender, now);
  pthread_mutex_unlock(&lender->lock);
  if (error != LONTAR_OK && failure)
    *failure = reason;
  return error;
}

/* The earlier of a moment and a time from now. */
static int64_t deadline_within(int64_t deadline, int64_t timeout)
{
  int64_t own = clock_steady() + timeout;
  return own < deadline ? own : deadline;
}

enum lontar_error lender_take(struct lender *lender, const struct patience *patience, struct loan **ret_loan,
                              struct lontar_failure *failure)
{
  const int64_t timeout = lender->options.connect_timeout * CLOCK_MILLISECOND;
  struct patience left = *patience;
  bool again = false;
  int64_t ready_until = 0; /* one for checks and connecting together, from when a turn has come */
  int64_t check_until = 0; /* one for all checks, at most half of that: who is not proved by then is closed */
  for (;;) {
    struct ticket ticket;
    enum lontar_error error = lender_enter(lender, again, &left, &ticket, failure);
    if (error != LONTAR_OK)
      return error;
    struct loan *loan = ticket.loan;
    if (ready_until == 0) {
      const int64_t now = clock_steady();
      ready_until = deadline_within(patience->ready_until, timeout);
      check_until = deadline_within(now + (ready_until - now) / 2, RULES_CHECK_LIMIT);
    }
    again = true;
    if (loan && !loan_lives(loan, ticket.unproved, check_until)) {
      lender_lose(lender, loan);
      continue;
    }
    if (!loan)
      error = lender_open(lender, &ticket, ready_until, &loan, &again, failure);
    if (error == LONTAR_OK)
      *ret_loan = loan;
    if (error == LONTAR_OK || !again)
      return error;
    left.tries_anyway = false; /* it has tried */
    ready_until = 0;
  }
}

void lender_give(struct lender *lender, struct loan *loan)
{
  struct loans closing = TAILQ_HEAD_INITIALIZER(closing);
  bool lost = PQstatus(loan->connection) != CONNECTION_OK;
  bool clean = loan_clean(loan);
  int64_t now = clock_steady();
  pthread_mutex_lock(&lender->lock);
  TAILQ_REMOVE(&lender->lent, loan, link);
  if (!clean || loan->opened < lender->demoted) {
    lender_drop(lender, loan, lost || clean ? &lender->totals.closed_lost : &lender->totals.closed_dirty, &closing);
  } else if (now >= loan->recycle_at) {
    lender_drop(lender, loan, &lender->totals.closed_old, &closing);
  } else {
    loan->idle_since = now;
    TAILQ_INSERT_HEAD(&lender->idle, loan, link);
    lender->idle_count++;
  }
  lender_serve_all(lender, now);
  lender_sweep(lender, now, &closing);
  pthread_mutex_unlock(&lender->lock);
  lender_part(lender, &closing);
}

PGconn *lender_lend(struct lender *lender, struct loan *loan)
{
  pthread_mutex_lock(&lender->lock);
  loan->borrowed = true;
  pthread_mutex_unlock(&lender->lock);
  return loan->connection;
}

struct loan *lender_find(struct lender *lender, const PGconn *connection)
{
  struct loan *loan;
  pthread_mutex_lock(&lender->lock);
  TAILQ_FOREACH(loan, &lender->lent, link)
  {
    if (loan->borrowed && loan->connection == connection)
      break;
  }
  if (loan)
    loan->borrowed = false;
  pthread_mutex_unlock(&lender->lock);
  return loan;
}

void lender_doubt(struct lender *lender, bool demoted)
{
  struct loans closing = TAILQ_HEAD_INITIALIZER(closing);
  pthread_mutex_lock(&lender->lock);
  lender->doubted = clock_steady();
  if (demoted)
    lender->demoted = lender->doubted;
  lender_sweep(lender, lender->doubted, &closing);
  pthread_mutex_unlock(&lender->lock);
  lender_part(lender, &closing);
}

/* How many borrowed connections have been out for longer than the threshold. */
static int lender_overdue(const struct lender *lender, int64_t now)
{
  int count = 0;
  const struct loan *loan;
  TAILQ_FOREACH(loan, &lender->lent, link)
  count += loan->borrowed && now - loan->lent_since > lender->options.leak_threshold * CLOCK_MILLISECOND;
  return count;
}

void lender_numbers(struct lender *lender, struct lontar_numbers *ret_numbers)
{
  struct loans none = TAILQ_HEAD_INITIALIZER(none);
  lender_part(lender, &none);
  pthread_mutex_lock(&lender->lock);
  int beyond = lender->places - lender->options.pool_size;
  *ret_numbers = lender->totals;
  ret_numbers->open = lender->places;
  ret_numbers->idle = lender->idle_count;
  ret_numbers->busy = lender->places - lender->idle_count;
  ret_numbers->overflow = beyond > 0 ? beyond : 0;
  ret_numbers->waiting = lender->waiting_count;
  ret_numbers->leaving = leaving_count(lender->leaving) + lender->closing;
  ret_numbers->overdue = lender_overdue(lender, clock_steady());
  pthread_mutex_unlock(&lender->lock);
}
