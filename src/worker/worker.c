/* One worker: builds its parts around one event loop, beats its heart, follows a predecessor, makes way in the end. */
#include "worker/worker.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/pulse.h"
#include "base/random.h"
#include "base/signals.h"
#include "front/front.h"
#include "handler/handler.h"
#include "health/board.h"
#include "health/census.h"
#include "health/prober.h"
#include "log/log.h"
#include "worker/balance.h"
#include "worker/budget.h"
#include "worker/hearing.h"
#include "worker/settings.h"
#include "worker/symptoms.h"

#define BEAT INT64_C(20000)  /* how often the board and the worker tell each other news */
#define PARTING CLOCK_SECOND /* who leaves waits so long to see its connections end, which most do at once */
#define SHARE_PAUSE (100 * CLOCK_MILLISECOND) /* what was given is counted by then */

/* A block of so many bytes goes back to the kernel when it is freed; of smaller ones, so many bytes may stay unused. */
enum { BLOCK = 256 << 10, TRIM = 1 << 20 };

/* Bytes of answers that nginx has not taken, beyond which no dear read is sent. With what two of these bring a worker
 * stays below 64 MB. */
enum { UNSENT_MAX = 8 << 20 };

static const int own_signals[] = {SIGTERM, SIGINT, SIGUSR1, 0};

struct worker {
  const struct worker_start *start;
  struct config *config;
  struct event_base *base;
  struct front *front;
  struct handler handler;
  struct pulse *pulse;
  struct event passwords; /* freed with the base, as are the next */
  struct event signals[3];
  struct budget budget;
  struct descriptors descriptors;
  struct hearing hearing;
  enum board_worker state;
  uint64_t requests_limit; /* the slot's number of requests at which it grows weary */
  int64_t share_at;        /* when connections are shared out again */
  uint64_t given_before;   /* by the workers that had this slot before */
  int64_t clean_up_at;     /* when sessions that have expired are deleted again */
  int64_t left_at;         /* when it began to make way */
};

static void show_numbers(struct worker *worker)
{
  struct board_slot *slot = worker->handler.slot;
  struct pool_numbers numbers;
  pool_numbers(worker->handler.pool, &numbers);
  const struct board_pool shown = {
      .open = (uint64_t)numbers.open,
      .idle = (uint64_t)numbers.idle,
      .busy = (uint64_t)numbers.busy,
      .overflow = (uint64_t)numbers.overflow,
      .waiting = (uint64_t)numbers.waiting,
      .longest_wait = (uint64_t)numbers.longest_wait,
      .opened = (uint64_t)numbers.opened,
      .failed = (uint64_t)numbers.failed,
      .recycled = (uint64_t)numbers.closed[POLICY_RECYCLED],
      .idled = (uint64_t)numbers.closed[POLICY_IDLE],
      .retired = (uint64_t)numbers.closed[POLICY_RETIRED],
      .dismissed = (uint64_t)numbers.closed[POLICY_DISMISSED],
      .lost = (uint64_t)numbers.closed[POLICY_LOST],
      .hung = (uint64_t)numbers.closed[POLICY_HUNG],
  };
  board_worker_pool(slot, &shown);
  board_set(&slot->answered, (uint64_t)numbers.answered);
  board_set(&slot->connections, (uint64_t)front_numbers(worker->front).connections);
  board_set(&slot->given, worker->given_before + front_numbers(worker->front).given);
  if (numbers.state_since != 0)
    board_worker_database(slot, numbers.down ? BOARD_DATABASE_DOWN : BOARD_DATABASE_UP);
  symptoms_show(&worker->descriptors, &worker->handler, worker->front);
  board_worker_beat(slot);
}

static void enter(struct worker *worker, enum board_worker state)
{
  worker->state = state;
  board_worker_state(worker->handler.slot, state);
}

static void tell_master(const struct worker *worker)
{
  if (getppid() == worker->start->master)
    (void)kill(worker->start->master, SIGUSR1);
}

static void begin_to_serve(struct worker *worker)
{
  if (!front_serve(worker->front))
    return;
  enter(worker, BOARD_WORKER_SERVING);
  tell_master(worker);
}

/* A successor waits as long as its predecessor can do what it cannot: until it has a connection to the database, but
 * not when there is none to be had, or none before the predecessor gives some up. A predecessor's death proves nothing
 * about a new configuration: the master sends away who tries it. */
static bool may_follow(const struct worker *worker)
{
  const struct board_slot *predecessor = worker->budget.other;
  struct pool_numbers numbers;
  pool_numbers(worker->handler.pool, &numbers);
  if (numbers.open > 0)
    return true;
  if (board_get(&predecessor->pid) == 0)
    return !worker->start->tries;
  return worker->hearing.word >= POLICY_DOWN || board_get(&predecessor->database) == BOARD_DATABASE_DOWN ||
         budget_stays_full(&worker->budget);
}

/* The loop ends with the last connection, nginx's or PostgreSQL's, or at the time limit. What the server does not end
 * is left to the prober, which knows whose it was. */
static void leave(struct worker *worker)
{
  struct pool_numbers numbers;
  pool_numbers(worker->handler.pool, &numbers);
  const int64_t now = clock_steady();
  const int parting = now - worker->left_at > PARTING ? numbers.leaving : 0;
  const int left =
      front_numbers(worker->front).connections + (worker->handler.cleanup != NULL) + numbers.open - parting;
  if (left > 0 && now - worker->left_at < worker->config->shutdown_timeout)
    return;
  if (front_numbers(worker->front).busy > 0)
    log_line(LOG_LEVEL_WARNING, "shutdown_timeout is over: %d requests stay without an answer",
             front_numbers(worker->front).busy);
  (void)event_base_loopbreak(worker->base);
}

/* One worker deletes expired sessions for all. The hours are the steady clock's own, so that workers which follow each
 * other do not begin to count anew. */
static void schedule_cleanup(struct worker *worker)
{
  const int64_t interval = worker->config->session_cleanup_interval;
  const int64_t now = clock_steady();
  worker->clean_up_at = worker->start->index == 0 ? now + interval - now % interval : INT64_MAX;
}

static void clean_up(struct worker *worker)
{
  if (clock_steady() < worker->clean_up_at)
    return;
  handler_cleanup_sessions(&worker->handler);
  schedule_cleanup(worker);
}

/* What lies in the inbox of a worker that hangs, or is not there, need not wait for it. */
static void rescue(struct worker *worker, bool everywhere)
{
  const int64_t now = clock_steady();
  for (int i = 0; i < worker->start->workers; i++)
    if (i != worker->start->index && (everywhere || !balance_moves(worker->start->board, i, now)))
      front_rescue(worker->front, worker->start->inboxes[i]);
}

static void share_out(struct worker *worker)
{
  const struct worker_start *start = worker->start;
  const int64_t now = clock_steady();
  struct balance_gift gift = {.count = 0};
  if (now < worker->share_at)
    return;
  worker->share_at = now + SHARE_PAUSE;
  rescue(worker, false);
  (void)balance_gift(start->board, start->index, start->workers, now, &gift);
  front_share(worker->front, start->outboxes[gift.place], gift.count);
}

static void serve_on(struct worker *worker)
{
  share_out(worker);
  if (worker->state == BOARD_WORKER_WEARY)
    return;
  clean_up(worker);
  if (board_get(&worker->handler.slot->requests) < worker->requests_limit)
    return;
  enter(worker, BOARD_WORKER_WEARY);
  tell_master(worker);
}

static void on_beat(void *argument)
{
  struct worker *worker = argument;
  log_tell_lost();
  budget_tick(&worker->budget);
  hearing_listen(&worker->hearing, worker->start->board, worker->handler.pool);
  show_numbers(worker);
  if (worker->state == BOARD_WORKER_RETIRING) {
    leave(worker);
  } else if (worker->state == BOARD_WORKER_STARTING) {
    if (may_follow(worker))
      begin_to_serve(worker);
  } else {
    serve_on(worker);
  }
}

static void on_passwords(evutil_socket_t fd, short what, void *argument)
{
  struct worker *worker = argument;
  (void)fd;
  (void)what;
  hasher_collect(worker->handler.hasher);
}

static void begin_to_leave(struct worker *worker)
{
  if (worker->state == BOARD_WORKER_RETIRING)
    return;
  enter(worker, BOARD_WORKER_RETIRING);
  worker->left_at = clock_steady();
  pool_drain(worker->handler.pool);
  (void)close(worker->start->sockets.listener); /* else nginx would wait for us when we are the last to have it open */
}

static void on_terminate(evutil_socket_t signal_number, short what, void *argument)
{
  struct worker *worker = argument;
  (void)signal_number;
  (void)what;
  rescue(worker, true); /* who was to take it may have ended before us */
  front_drain(worker->front);
  begin_to_leave(worker);
  on_beat(worker);
}

static void on_retire(evutil_socket_t signal_number, short what, void *argument)
{
  struct worker *worker = argument;
  (void)signal_number;
  (void)what;
  if (worker->state == BOARD_WORKER_RETIRING)
    return;
  front_retire(worker->front);
  begin_to_leave(worker);
  on_beat(worker);
}

/* Fails only when it is full of pokes. */
static void poke(const struct worker *worker, uint64_t how)
{
  (void)!write(worker->start->poke_fd, &how, sizeof how);
}

/* The board shall know before the next beat, and the prober then look at once. */
static void on_suspect(void *argument)
{
  struct worker *worker = argument;
  if (worker->handler.pool != NULL)
    show_numbers(worker);
  poke(worker, PROBER_DOUBT);
}

/* The board shall know before the answer goes out. */
static void on_troubled(void *argument, bool doubt)
{
  struct worker *worker = argument;
  if (worker->handler.pool != NULL)
    symptoms_show(&worker->descriptors, &worker->handler, worker->front);
  if (doubt)
    poke(worker, PROBER_DOUBT);
}

/* The others forget what they had against it. */
static void on_passed(void *argument, enum statement statement)
{
  const struct worker *worker = argument;
  board_set(&board_passed(worker->start->board)->at[statement], (uint64_t)clock_steady());
}

/* The prober looks for it at once. */
static int note_left(void *argument, int backend)
{
  const struct worker *worker = argument;
  const int note = board_note(worker->handler.slot, backend);
  if (note >= 0)
    poke(worker, PROBER_LOOK);
  return note;
}

static bool is_left_gone(void *argument, int note)
{
  const struct worker *worker = argument;
  return board_note_is_over(worker->handler.slot, note);
}

static void forget_left(void *argument, int note)
{
  const struct worker *worker = argument;
  board_note_forget(worker->handler.slot, note);
}

/* The pool is made before the front. */
static bool is_crowded(void *argument)
{
  const struct worker *worker = argument;
  return worker->front != NULL && front_numbers(worker->front).unsent > UNSENT_MAX;
}

static bool make_pool(struct worker *worker)
{
  char role[16], name[CENSUS_NAME_SIZE];
  struct pool_settings settings;
  (void)snprintf(role, sizeof role, "%d", worker->start->index);
  census_name(name, role, census_installation(worker->config->run_dir));
  worker_pool_settings(worker->config, worker->start->index, worker->start->workers, (int)sysconf(_SC_NPROCESSORS_ONLN),
                       &settings);
  budget_begin(&worker->budget, worker->start->board, worker->start->index, worker->start->turn,
               worker->config->pool_max_overflow, settings.policy.size);
  board_worker_begin(worker->handler.slot, (uint64_t)getpid());
  const struct pool_owner owner = {budget_for_pool(&worker->budget),
                                   on_suspect,
                                   on_troubled,
                                   on_passed,
                                   note_left,
                                   is_left_gone,
                                   forget_left,
                                   is_crowded,
                                   worker};
  worker->handler.pool = pool_new(worker->base, worker->config->database_url, name, &settings, &owner);
  if (worker->handler.pool == NULL)
    return false;
  hearing_begin(&worker->hearing, worker->handler.pool);
  return true;
}

static bool make_front(struct worker *worker)
{
  const struct front_handler handler = {handler_request, handler_gone, &worker->handler};
  worker->front = front_new(worker->base, &worker->start->sockets, (size_t)worker->config->max_body, &handler);
  return worker->front != NULL;
}

/* They were blocked since before the fork. */
static bool make_signals(struct worker *worker)
{
  static const event_callback_fn handlers[] = {on_terminate, on_terminate, on_retire};
  for (int i = 0; own_signals[i] != 0; i++)
    if (evsignal_assign(&worker->signals[i], worker->base, own_signals[i], handlers[i], worker) != 0 ||
        event_add(&worker->signals[i], NULL) != 0)
      return false;
  signals_unblock();
  return true;
}

static bool make_events(struct worker *worker)
{
  worker->pulse = pulse_new(worker->base, BEAT, on_beat, worker);
  return worker->pulse != NULL &&
         event_assign(&worker->passwords, worker->base, hasher_fd(worker->handler.hasher), EV_READ | EV_PERSIST,
                      on_passwords, worker) == 0 &&
         event_add(&worker->passwords, NULL) == 0 && make_signals(worker);
}

static bool build(struct worker *worker)
{
  char message[MESSAGE_SIZE];
  worker->handler.board = worker->start->board;
  worker->handler.slot = board_slot(worker->start->board, board_turn(worker->start->index, worker->start->turn));
  worker->handler.config = worker->config;
  worker->state = BOARD_WORKER_STARTING;
  worker->given_before = board_get(&worker->handler.slot->given);
  worker->requests_limit =
      worker_request_limit(worker->config, board_get(&worker->handler.slot->requests), random_bits());
  if (keyring_load(worker->config->keyring, &worker->handler.keyring, message, sizeof message) != LONTAR_OK) {
    log_line(LOG_LEVEL_ERROR, "%s", message);
    return false;
  }
  worker->base = event_base_new();
  if (worker->base == NULL || hasher_start(&worker->handler.hasher) != LONTAR_OK)
    return false;
  return make_pool(worker) && make_front(worker) && make_events(worker);
}

/* Connections whose end was not seen are still the server's; the prober counts them when it looks next. */
static void leave_board(struct worker *worker)
{
  struct pool_numbers numbers = {0};
  if (worker->handler.pool != NULL)
    pool_numbers(worker->handler.pool, &numbers);
  pool_free(worker->handler.pool);
  if (numbers.open > 0)
    board_worker_died(worker->handler.slot, (uint64_t)getpid());
  else
    board_worker_end(worker->handler.slot);
}

static void clear(struct worker *worker)
{
  signals_block(own_signals); /* a second one, which no event takes any more, would kill what is ending well */
  front_free(worker->front);
  hasher_stop(worker->handler.hasher);
  leave_board(worker);
  keyring_free(worker->handler.keyring);
  pulse_free(worker->pulse);
  if (worker->base != NULL)
    event_base_free(worker->base);
  config_free(worker->config);
}

/* Whoever is woken by another may push it off its processor. A worker that does so to PostgreSQL or nginx takes the
 * first of the answers or requests that they are about to give it; when it waits for its turn, there are more. */
static void be_patient(void)
{
  const struct sched_param normal = {.sched_priority = 0};
  (void)sched_setscheduler(0, SCHED_BATCH, &normal);
}

/* By itself malloc would keep up to 64 MB of what large answers gave back, because blocks that are freed let its
 * thresholds grow. */
static void be_modest(void)
{
  (void)mallopt(M_MMAP_THRESHOLD, BLOCK);
  (void)mallopt(M_TRIM_THRESHOLD, TRIM);
}

int worker_main(const struct worker_start *start)
{
  struct worker worker = {.start = start, .config = start->config};
  int status = EXIT_FAILURE;
  be_patient();
  be_modest();
  if (build(&worker)) {
    schedule_cleanup(&worker);
    if (!start->waits)
      begin_to_serve(&worker);
    status = event_base_dispatch(worker.base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
  } else {
    log_line(LOG_LEVEL_ERROR, "this worker cannot start");
  }
  clear(&worker);
  return status;
}
