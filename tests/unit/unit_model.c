/*
 * Three slices of a pool, one shared overflow and a server, moved by events at random. After every event the promises
 * are checked: never more connections than the budget, none handed to two that exclude each other, no waiter forgotten,
 * order kept.
 */
#include <stdio.h>

#include "base/clock.h"
#include "pool/policy.h"
#include "pool/rules.h"
#include "unit.h"

enum { WORKERS = 3, JOBS = 150, SLOTS = 16, EVENTS = 100000, SEEDS = 5 };

enum where { NOWHERE, WAITS, FLIES };

struct task {
  struct waiter waiter;
  enum where where;
  int worker;
  int slot;
  int64_t turn; /* ours: smaller goes first in its class */
  bool delayed; /* for a time at random, so its turn is nobody's business */
  int64_t sent;
};

struct line {
  bool open;
  bool leaving;
  bool checking;
  int64_t proved;
  int flying;
};

static struct policy policies[WORKERS];
static struct line lines[WORKERS][SLOTS];
static struct task tasks[JOBS];
static int64_t now;
static int64_t first_turn, last_turn;
static int taken, most; /* of the shared overflow */
static uint64_t state;
static unsigned long broken;
static bool well; /* the server does all that is asked */

static uint32_t bits(void)
{
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(state >> 33);
}

static int below(int limit)
{
  return (int)(bits() % (uint32_t)limit);
}

static void promise(bool kept, const char *what)
{
  if (!kept && broken++ == 0)
    printf("\n  broken: %s\n", what);
}

static bool take(void *owner, bool beyond)
{
  (void)owner;
  if (!beyond)
    return true;
  if (taken >= most)
    return false;
  taken++;
  return true;
}

static void give(void *owner)
{
  (void)owner;
  taken--;
}

static bool wanted(void *owner)
{
  (void)owner;
  return below(2) == 0;
}

/* ---- What the policy lets us do ---- */

static bool is_read(const struct task *task)
{
  return task->waiter.kind <= BULKY;
}

static bool goes_before(const struct task *one, const struct task *other)
{
  return one->worker == other->worker && one->where == WAITS && !one->delayed && !other->delayed &&
         one->waiter.class == other->waiter.class && one->waiter.place == WAITER_QUEUED && one->turn < other->turn;
}

static void check_order(const struct task *task)
{
  for (int i = 0; i < JOBS; i++)
    promise(!goes_before(&tasks[i], task), "the order of asking");
}

static void check_company(const struct task *task, int worker, int slot)
{
  for (int i = 0; i < JOBS; i++) {
    const struct task *other = &tasks[i];
    if (other == task || other->where != FLIES || other->worker != worker || other->slot != slot)
      continue;
    bool reads = is_read(task) && is_read(other) && !task->waiter.alone && !other->waiter.alone;
    bool appends = task->waiter.kind == APPENDS && other->waiter.kind == APPENDS && !task->waiter.alone;
    promise(reads || appends, "writes share a connection with nobody");
  }
}

static void send(int worker, const struct policy_action *action)
{
  struct task *task = (struct task *)(void *)action->waiter; /* its first member */
  struct line *line = &lines[worker][action->slot];
  promise(task->where == WAITS && task->worker == worker, "sent once");
  promise(line->open && !line->checking, "sent on an open connection");
  promise(now - line->proved < RULES_CHECK_AFTER, "sent on a proved connection");
  check_order(task);
  check_company(task, worker, action->slot);
  task->where = FLIES;
  task->slot = action->slot;
  task->sent = now;
  line->flying++;
}

static void open_line(int worker, int slot)
{
  const struct policy *policy = &policies[worker];
  promise(!lines[worker][slot].open && !lines[worker][slot].leaving, "a slot holds one connection");
  promise(policy->open <= policy->settings.size + policy->leased, "within the slice's size and leases");
  promise(taken <= most, "within the shared overflow");
}

/* It is over at once, or the server still has it. */
static void break_line(int worker, int slot, enum policy_reason reason)
{
  bool was_open = lines[worker][slot].open;
  bool leaves = reason == POLICY_HUNG || below(2) == 0;
  if (leaves)
    policy_leaving(&policies[worker], slot, reason, now, bits());
  else
    policy_closed(&policies[worker], slot, reason, now, bits());
  lines[worker][slot] = (struct line){.leaving = leaves};
  if (was_open && reason >= POLICY_DISMISSED)
    for (int i = 0; i < SLOTS; i++)
      if (lines[worker][i].open && !lines[worker][i].checking)
        lines[worker][i].proved = INT64_MIN / 2;
  for (int i = JOBS - 1; i >= 0; i--) {
    struct task *task = &tasks[i];
    if (task->where != FLIES || task->worker != worker || task->slot != slot)
      continue;
    task->where = NOWHERE;
    if (is_read(task) && !task->waiter.alone) {
      task->where = WAITS;
      task->turn = --first_turn;
      policy_ask_again(&policies[worker], &task->waiter, now);
    }
  }
}

static bool has_given_up(int worker)
{
  for (int i = 0; i < SLOTS; i++)
    if (policies[worker].slots[i].given_up)
      return true;
  return false;
}

static void act(int worker, const struct policy_action *action)
{
  struct task *task = (struct task *)(void *)action->waiter;
  struct line *line = &lines[worker][action->slot];
  switch (action->act) {
  case POLICY_SEND:
    send(worker, action);
    break;
  case POLICY_OPEN:
    open_line(worker, action->slot);
    break;
  case POLICY_CHECK:
    promise(line->open && line->flying == 0, "only the idle are checked");
    line->checking = true;
    line->flying++;
    break;
  case POLICY_CLOSE:
    promise(line->open && line->flying == 0, "drained, never cut");
    *line = (struct line){.leaving = true};
    policy_leaving(&policies[worker], action->slot, action->reason, now, bits());
    break;
  case POLICY_LATE:
    promise(!line->open, "late before it is open");
    break;
  case POLICY_ABANDON:
    break_line(worker, action->slot, POLICY_HUNG);
    break;
  case POLICY_REFUSE:
    promise(task->where == WAITS, "refused once");
    promise(action->error != LONTAR_BUSY ? policy_is_down(&policies[worker])
                                         : now >= task->waiter.wait_until || (!is_read(task) && has_given_up(worker)),
            "refused for a reason");
    task->where = NOWHERE;
    break;
  }
}

static bool has_idle(int worker)
{
  for (int i = 0; i < SLOTS; i++)
    if (lines[worker][i].open && lines[worker][i].flying == 0 && policies[worker].slots[i].state == SLOT_READY &&
        now - lines[worker][i].proved < RULES_CHECK_AFTER)
      return true;
  return false;
}

/* Dear reads and those that met a lock may have to. */
static bool has_waiting_read(int worker)
{
  for (int i = 0; i < JOBS; i++)
    if (tasks[i].worker == worker && tasks[i].where == WAITS && tasks[i].waiter.place == WAITER_QUEUED &&
        tasks[i].waiter.kind == READS && !tasks[i].waiter.locked)
      return true;
  return false;
}

static void settle(int worker)
{
  struct policy_action action;
  int steps = 0;
  while (policy_next(&policies[worker], now, &action) && steps++ < 10000)
    act(worker, &action);
  promise(steps < 10000, "an end to what is to be done");
  promise(!has_idle(worker) || !has_waiting_read(worker), "no read waits beside a connection that is idle");
}

/* ---- What happens ---- */

static void ask(int worker)
{
  struct task *task = &tasks[below(JOBS)];
  if (task->where != NOWHERE)
    return;
  *task = (struct task){.worker = worker};
  task->waiter.kind = (enum statement_kind)below(APPENDS + 1);
  task->waiter.wait_until = now + below(10) * CLOCK_SECOND;
  if (policy_ask(&policies[worker], &task->waiter, now) != LONTAR_OK)
    return;
  task->where = WAITS;
  task->turn = ++last_turn;
}

static void withdraw(int worker)
{
  struct task *task = &tasks[below(JOBS)];
  if (task->worker != worker || task->where == NOWHERE)
    return;
  bool waited = policy_withdraw(&policies[worker], &task->waiter);
  promise(waited == (task->where == WAITS), "who waits can leave");
  if (waited)
    task->where = NOWHERE;
}

static struct task *oldest(int worker, int slot)
{
  struct task *oldest = NULL;
  for (int i = 0; i < JOBS; i++) {
    struct task *task = &tasks[i];
    if (task->where == FLIES && task->worker == worker && task->slot == slot &&
        (oldest == NULL || task->sent < oldest->sent))
      oldest = task;
  }
  return oldest;
}

static void return_task(int worker, struct task *task)
{
  task->waiter.alone = true;
  task->waiter.locked = task->waiter.locked || below(4) == 0;
  task->where = WAITS;
  task->turn = --first_turn;
  task->delayed = task->delayed || below(2) == 0;
  if (task->delayed)
    policy_ask_later(&policies[worker], &task->waiter, 1 + below(3), now, bits());
  else
    policy_ask_again(&policies[worker], &task->waiter, now);
}

static void answer(int worker, int slot)
{
  struct line *line = &lines[worker][slot];
  if (!line->open || line->flying == 0)
    return;
  struct task *task = oldest(worker, slot);
  if (task != NULL)
    task->where = NOWHERE;
  line->flying--;
  line->checking = false;
  line->proved = now;
  policy_answered(&policies[worker], slot, task != NULL ? &task->waiter : NULL, now);
  if (task != NULL && !well && below(8) == 0)
    return_task(worker, task);
}

static void connect_ends(int worker)
{
  for (int i = 0; i < SLOTS; i++) {
    if (policies[worker].slots[i].state != SLOT_CONNECTING)
      continue;
    if (!well && below(4) == 0) {
      break_line(worker, i, POLICY_LOST);
    } else {
      policy_opened(&policies[worker], i, now, bits());
      lines[worker][i] = (struct line){.open = true, .proved = now};
    }
  }
}

static void look(int worker)
{
  struct policy_action action;
  int steps = 0;
  while (policy_due(&policies[worker], now, &action) && steps++ < 10000)
    act(worker, &action);
  for (int i = 0; i < JOBS; i++) {
    struct task *task = &tasks[i];
    if (task->worker != worker || task->where != WAITS)
      continue;
    promise(now < task->waiter.wait_until, "no wait beyond its end");
  }
}

static const struct policy_settings settings = {
    .size = 2,
    .max_overflow = 4,
    .max_dear = POLICY_DEAR_SLOTS,
    .max_waiting = 40,
    .recycle = 60 * CLOCK_SECOND,
    .idle_timeout = 2 * CLOCK_SECOND,
    .connect_timeout = CLOCK_SECOND,
    .statement_timeout = CLOCK_SECOND,
};

/* The server has ended what was closed. */
static void leavings_end(int worker)
{
  for (int i = 0; i < SLOTS; i++) {
    if (!lines[worker][i].leaving)
      continue;
    lines[worker][i].leaving = false;
    policy_closed(&policies[worker], i, POLICY_RECYCLED, now, bits());
  }
}

/* A worker dies with all it holds; its successor gives the leases back and begins anew. */
static void crash(int worker)
{
  const struct policy_budget budget = {take, give, wanted, NULL};
  taken -= policies[worker].leased;
  policy_init(&policies[worker], &settings, &budget);
  memset(lines[worker], 0, sizeof lines[worker]);
  for (int i = 0; i < JOBS; i++)
    if (tasks[i].worker == worker)
      tasks[i].where = NOWHERE;
}

/* A reload: the worker makes way, and when it has nothing left its successor begins. */
static void reload(int worker)
{
  if (!policies[worker].draining)
    policy_drain(&policies[worker]);
  else if (policies[worker].open == 0 && policies[worker].queue.count == 0)
    crash(worker);
}

static void pass_time(void)
{
  static const int64_t steps[] = {100, 5 * CLOCK_MILLISECOND, 30 * CLOCK_MILLISECOND, 300 * CLOCK_MILLISECOND,
                                  3 * CLOCK_SECOND};
  now += steps[below(100) < 97 ? below(3) : 3 + below(2)];
}

static void event(void)
{
  int worker = below(WORKERS);
  int lot = below(1000);
  if (lot < 300)
    ask(worker);
  else if (lot < 600)
    answer(worker, below(SLOTS));
  else if (lot < 700)
    pass_time();
  else if (lot < 800)
    look(worker);
  else if (lot < 880)
    connect_ends(worker);
  else if (lot < 940)
    policy_round_over(&policies[worker]);
  else if (lot < 970)
    withdraw(worker);
  else if (lot < 980 && lines[worker][lot % SLOTS].open)
    break_line(worker, lot % SLOTS, POLICY_LOST);
  else if (lot < 985)
    policy_told(&policies[worker], (enum policy_word)below(POLICY_DOWN + 1), now);
  else if (lot < 988)
    policy_demoted(&policies[worker], now);
  else if (lot < 993)
    leavings_end(worker);
  else if (lot < 995)
    reload(worker);
  else if (lot < 997)
    crash(worker);
  settle(worker);
}

static void check_all(void)
{
  for (int worker = 0; worker < WORKERS; worker++) {
    int waiting = 0;
    for (int i = 0; i < JOBS; i++) {
      bool waits = tasks[i].worker == worker && tasks[i].where == WAITS;
      waiting += waits;
      promise(!waits || tasks[i].waiter.place != WAITER_ELSEWHERE, "no waiter forgotten");
    }
    promise(waiting == policies[worker].queue.count, "no waiter forgotten or doubled");
    for (int i = 0; i < SLOTS; i++)
      promise(!lines[worker][i].open || policies[worker].slots[i].in_flight == lines[worker][i].flying, "counts");
  }
  int leased = 0;
  for (int worker = 0; worker < WORKERS; worker++)
    leased += policies[worker].leased;
  promise(leased == taken && taken >= 0 && taken <= most, "leases add up");
}

/* With a server that does its part, everybody is served. */
static void calm_down(void)
{
  well = true;
  for (int worker = 0; worker < WORKERS; worker++) {
    policy_told(&policies[worker], POLICY_UP, now);
  }
  for (int round = 0; round < 2000; round++) {
    now += CLOCK_MILLISECOND;
    for (int worker = 0; worker < WORKERS; worker++) {
      connect_ends(worker);
      leavings_end(worker);
      for (int slot = 0; slot < SLOTS; slot++)
        answer(worker, slot);
      policy_round_over(&policies[worker]);
      look(worker);
      settle(worker);
    }
  }
  for (int i = 0; i < JOBS; i++)
    promise(tasks[i].where == NOWHERE, "everybody is served in the end");
  well = false;
}

static void keeps_its_promises_whatever_happens(void)
{
  for (int seed = 1; seed <= SEEDS && broken == 0; seed++) {
    state = (uint64_t)seed;
    now = 1000 * CLOCK_SECOND;
    taken = 0;
    most = 4;
    for (int worker = 0; worker < WORKERS; worker++) {
      policies[worker].leased = 0;
      crash(worker);
    }
    for (int i = 0; i < EVENTS / SEEDS && broken == 0; i++) {
      event();
      check_all();
      if (broken > 0)
        printf("  seed %d, event %d\n", seed, i);
    }
    calm_down();
    check_all();
  }
  CU_ASSERT_EQUAL(broken, 0);
}

UNIT_CASES(model, UNIT_CASE(keeps_its_promises_whatever_happens));
