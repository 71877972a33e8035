/*
 * Faults in a random order, at random moments, on a quickstart with readers and writers: nothing acknowledged is lost
 * or doubled, every request is answered, and everything comes back by itself. LONTAR_CHAOS_FAULTS says how many,
 * LONTAR_CHAOS_SEED which order, LONTAR_CHAOS_ONLY (may be empty) which alone.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/claim.h"
#include "system/faults.h"
#include "system/guard.h"
#include "system/ledger.h"
#include "system/parts.h"
#include "system/promise.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/trial.h"
#include "system/witness.h"
#include "system/world.h"

enum { KINDS_MAX = 64, CRASHES_IN_LATER_DECKS = 4, MISSES = 20 };

#define PACE 0.005
#define GAP 0.6      /* longest pause before a fault */
#define MOVE 2.0     /* a fault after which lontard moves lasts so long at least */
#define RENEWALS 1.5 /* how long reloads and upgrades go on beside a fault, at most */
#define COMMAND_LIMIT 60
#define BACK_LIMIT 30 /* until everything serves again */
#define SETTLED 0.5
#define WHOLE_PAUSE 0.05

/* ---- The plan: drawn before the first fault, so that a seed gives it again ---- */

struct card {
  const struct fault *fault;
  unsigned pick;
  double gap;
  double hold;
  double renewals; /* seconds; 0: none beside this fault */
};

static struct card *plan;
static size_t plan_count;

static double random_share(void)
{
  return (double)random() / RAND_MAX;
}

/* Whether a name is one of those between commas. */
static bool is_listed(const char *name, const char *list)
{
  const size_t length = strlen(name);
  for (const char *at = list; at; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
      return true;
  }
  return false;
}

static bool is_wanted(const struct fault *fault)
{
  const char *only = getenv("LONTAR_CHAOS_ONLY");
  if (only && *only)
    return is_listed(fault->name, only);
  return !(fault->flags & FAULT_DISK) || stack_times("LONTAR_CHAOS_DISKS", 0) != 0;
}

static size_t make_deck(const struct fault *deck[], bool later)
{
  size_t count = 0;
  for (size_t i = 0; i < fault_count; i++)
    for (int copies = later && (faults[i].flags & FAULT_CRASH) ? CRASHES_IN_LATER_DECKS : 1; copies > 0; copies--)
      if (is_wanted(&faults[i]))
        deck[count++] = &faults[i];
  need(count > 0, "LONTAR_CHAOS_ONLY names no fault that can be tried");
  for (size_t i = count - 1; i > 0; i--) {
    const size_t other = (size_t)random() % (i + 1);
    const struct fault *kept = deck[i];
    deck[i] = deck[other];
    deck[other] = kept;
  }
  return count;
}

/* Short holds are more frequent than long ones. */
static void draw(struct card *card, const struct fault *fault)
{
  const double hold = random_share(), renewals = random_share();
  *card = (struct card){.fault = fault,
                        .pick = (unsigned)random(),
                        .gap = GAP * random_share(),
                        .hold = (fault->flags & FAULT_MOVES ? MOVE : 0) + fault->longest * hold * hold,
                        .renewals = renewals < 0.5 || fault->flags & FAULT_ALONE ? 0 : RENEWALS * renewals};
}

/* Each fault once, then again in another order, and again. */
static void make_plan(void)
{
  const struct fault *deck[KINDS_MAX];
  size_t left = 0;
  plan_count = (size_t)stack_times("LONTAR_CHAOS_FAULTS", 30);
  plan = calloc(plan_count, sizeof *plan);
  need(plan != NULL && fault_count + CRASHES_IN_LATER_DECKS <= KINDS_MAX, "no memory");
  srandom((unsigned)stack_times("LONTAR_CHAOS_SEED", 1));
  for (size_t i = 0; i < plan_count; i++) {
    if (left == 0)
      left = make_deck(deck, i > 0);
    draw(&plan[i], deck[--left]);
  }
}

/* ---- Whether everything is there and serves ---- */

static size_t crew_size, nginx_size;
static double whole_since; /* 0 while something is missing */

static bool is_whole(void)
{
  return parts_board() && parts_workers().count >= crew_size && parts_prober() != 0 &&
         parts_nginx_workers().count >= nginx_size && parts_postmaster() != 0 && !stack_marked();
}

static void look_at_whole(void)
{
  static double looked;
  const double now = stack_clock();
  if (now - looked < WHOLE_PAUSE)
    return;
  looked = now;
  if (!is_whole())
    whole_since = 0;
  else if (whole_since == 0)
    whole_since = now;
}

static double well_since;

/* For a while: what has just been killed may not be missed yet. */
static bool is_well(void)
{
  look_at_whole();
  if (whole_since == 0 || !ledger_serves(whole_since))
    well_since = 0;
  else if (well_since == 0)
    well_since = stack_clock();
  return well_since != 0 && stack_clock() - well_since >= SETTLED;
}

/* ---- One fault ---- */

static double renew_until;
static size_t missed;

static bool never(void)
{
  if (stack_clock() < renew_until)
    fault_renew();
  trial_look();
  return false;
}

static bool is_done(void)
{
  (void)never();
  return fault_is_done();
}

static bool is_well_again(void)
{
  (void)never();
  return is_well();
}

static void tell_what_is_missing(const struct fault *fault)
{
  printf(
      "    %s: board %d, workers %zu of %zu, prober %d, nginx workers %zu of %zu, postmaster %d, marker %d, whole %d\n",
      fault->name, parts_board(), parts_workers().count, crew_size, parts_prober(), parts_nginx_workers().count,
      nginx_size, parts_postmaster(), stack_marked(), whole_since != 0);
}

static bool inject(const struct card *card)
{
  const struct fault *fault = card->fault;
  renew_until = card->renewals > 0 ? stack_clock() + card->gap + card->renewals : 0;
  (void)ledger_run(never, card->gap);
  trial_begin(fault);
  promise_open(fault);
  guard_during(fault->name);
  claim_during(fault->name);
  fault->begin(card->pick);
  bool done = ledger_run(is_done, COMMAND_LIMIT);
  missed += fault_missed();
  promise_begin();
  (void)ledger_run(never, card->hold);
  promise_end();
  if (fault->end) {
    fault->end();
    done = ledger_run(is_done, COMMAND_LIMIT) && done;
  }
  CHECK(done, "%s: tests/chaos/fault takes too long", fault->name);
  const double undone = stack_clock();
  trial_undone();
  whole_since = well_since = 0;
  const bool back = ledger_run(is_well_again, BACK_LIMIT);
  if (!CHECK(back, "%s: not everything serves %d s later", fault->name, BACK_LIMIT))
    tell_what_is_missing(fault);
  trial_end(back ? well_since : 0);
  promise_check(undone, back ? well_since : 0);
  guard_during(NULL);
  claim_during(NULL);
  return back;
}

static bool watch(const struct ledger_event *event)
{
  claim_watch(event);
  return trial_watch(event);
}

static void everything_comes_back_by_itself(void)
{
  size_t done = 0;
  make_plan();
  crew_size = parts_workers().count;
  nginx_size = parts_nginx_workers().count;
  need(crew_size > 0 && nginx_size > 0, "the quickstart does not run");
  ledger_pace = PACE;
  ledger_watch = watch;
  witness_start();
  guard_start();
  claim_start();
  ledger_open();
  const double begun = stack_clock();
  CHECK(ledger_run(is_well, BACK_LIMIT), "nothing serves before the first fault");
  while (done < plan_count && inject(&plan[done]))
    done++;
  (void)ledger_run(NULL, 1);
  ledger_close();
  (void)check_number("faults", (long long)done, (long long)plan_count);
  CHECK(missed * MISSES <= plan_count, "%zu faults found nobody to hit", missed);
  printf("\n    %zu faults in %.0f s, beside them %zu reloads and %zu upgrades\n", done - missed, stack_clock() - begun,
         fault_reloads(), fault_upgrades());
  printf("    answers with 500 where grants were missing: %zu\n", promise_excused());
  printf("    writes: %zu acknowledged, %zu got 503, %zu 504; reads: %zu answered, %zu got 503, %zu 504\n",
         ledger.writes, ledger.writes_unavailable, ledger.writes_late, ledger.reads, ledger.reads_unavailable,
         ledger.reads_late);
  free(plan);
}

static void no_chat_is_lost_or_doubled(void)
{
  PGconn *database = sql_connect();
  ledger_check("under faults", database);
  PQfinish(database);
}

static void it_stays_within_its_bounds(void)
{
  guard_report();
}

static void it_is_quick(void)
{
  trial_report();
}

static void health_is_no_better_than_the_last_requests(void)
{
  claim_report();
}

CU_TestInfo suite_chaos[] = {{"everything comes back by itself", everything_comes_back_by_itself},
                             {"no chat is lost or doubled", no_chat_is_lost_or_doubled},
                             {"it stays within its bounds", it_stays_within_its_bounds},
                             {"it is quick", it_is_quick},
                             {"health is no better than the last requests", health_is_no_better_than_the_last_requests},
                             CU_TEST_INFO_NULL};
