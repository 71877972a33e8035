/* One worker: builds its parts around one event loop, beats its heart, reloads, and drains at the end. */
#include "worker/worker.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "front/front.h"
#include "handler/handler.h"
#include "health/board.h"
#include "log/log.h"
#include "worker/budget.h"
#include "worker/settings.h"

#define BEAT INT64_C(20000) /* how often the board and the worker tell each other news */
#define PROBER_LIMIT (2 * CLOCK_SECOND)

struct worker {
  const struct worker_start *start;
  struct config *config;
  struct event_base *base;
  struct front *front;
  struct handler handler;
  struct event *beat;
  struct event *cleanup;
  struct event *passwords;
  struct event *signals[3];
  struct budget budget;
  int64_t drain_until; /* 0 while it serves */
};

static struct timeval timeval_of(int64_t microseconds)
{
  return (struct timeval){microseconds / CLOCK_SECOND, microseconds % CLOCK_SECOND};
}

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
      .reloaded = (uint64_t)numbers.closed[POLICY_RELOADED],
      .dismissed = (uint64_t)numbers.closed[POLICY_DISMISSED],
      .lost = (uint64_t)numbers.closed[POLICY_LOST],
      .hung = (uint64_t)numbers.closed[POLICY_HUNG],
  };
  board_worker_pool(slot, &shown);
  board_set(&slot->connections, (uint64_t)front_connection_count(worker->front));
  if (numbers.state_since != 0)
    board_worker_database(slot, numbers.down ? BOARD_DATABASE_DOWN : BOARD_DATABASE_UP);
  board_worker_beat(slot);
}

/* The word of a prober that has not moved for long is none: every worker then finds out for itself. */
static void hear_prober(struct worker *worker)
{
  static const enum policy_word words[] = {
      [BOARD_DATABASE_UNKNOWN] = POLICY_UNKNOWN, [BOARD_DATABASE_UP] = POLICY_UP, [BOARD_DATABASE_DOWN] = POLICY_DOWN};
  const struct board_prober *prober = board_prober(worker->start->board);
  const uint64_t word = board_get(&prober->database);
  const bool heard = clock_steady() - (int64_t)board_get(&prober->heartbeat) < PROBER_LIMIT;
  pool_told(worker->handler.pool, heard && word <= BOARD_DATABASE_DOWN ? words[word] : POLICY_UNKNOWN,
            (int64_t)board_get(&prober->next_probe));
}

/* While draining, the loop ends with the last answer or at the time limit. */
static void on_beat(evutil_socket_t fd, short what, void *argument)
{
  struct worker *worker = argument;
  (void)fd;
  (void)what;
  budget_tick(&worker->budget);
  hear_prober(worker);
  show_numbers(worker);
  if (worker->drain_until == 0)
    return;
  int busy = front_busy_count(worker->front) + (worker->handler.cleanup != NULL);
  if (busy > 0 && clock_steady() < worker->drain_until)
    return;
  if (busy > 0)
    log_line(LOG_LEVEL_WARNING, "shutdown_timeout is over: %d requests stay without an answer", busy);
  (void)event_base_loopbreak(worker->base);
}

static void on_cleanup(evutil_socket_t fd, short what, void *argument)
{
  struct worker *worker = argument;
  (void)fd;
  (void)what;
  handler_cleanup_sessions(&worker->handler);
}

static void on_passwords(evutil_socket_t fd, short what, void *argument)
{
  struct worker *worker = argument;
  (void)fd;
  (void)what;
  hasher_collect(worker->handler.hasher);
}

static void on_terminate(evutil_socket_t signal_number, short what, void *argument)
{
  struct worker *worker = argument;
  (void)signal_number;
  (void)what;
  if (worker->drain_until != 0)
    return;
  worker->drain_until = clock_steady() + worker->config->shutdown_timeout;
  front_drain(worker->front);
  on_beat(-1, 0, worker);
}

/* One worker deletes expired sessions for all. */
static void schedule_cleanup(struct worker *worker)
{
  const struct timeval interval = timeval_of(worker->config->session_cleanup_interval);
  if (worker->start->index == 0)
    (void)event_add(worker->cleanup, &interval);
}

static void apply_config(struct worker *worker)
{
  struct pool_settings settings;
  log_set_level(log_level_of(worker->config));
  worker_pool_settings(worker->config, worker->start->index, worker->start->workers, &settings);
  budget_set(&worker->budget, worker->config->pool_max_overflow);
  pool_configure(worker->handler.pool, &settings);
  front_set_max_body(worker->front, (size_t)worker->config->max_body);
  schedule_cleanup(worker);
}

static void reload_keyring(struct worker *worker)
{
  char message[KEYRING_MESSAGE_SIZE];
  struct keyring *keyring = NULL;
  if (keyring_load(worker->config->keyring, &keyring, message, sizeof message) != LONTAR_OK) {
    log_line(LOG_LEVEL_ERROR, "%s; the old service keys stay in use", message);
    return;
  }
  keyring_free(worker->handler.keyring);
  worker->handler.keyring = keyring;
}

/* The master has checked the file already and says what is wrong with it. */
static void on_reload(evutil_socket_t signal_number, short what, void *argument)
{
  struct worker *worker = argument;
  struct config_error error;
  struct config *config = NULL;
  (void)signal_number;
  (void)what;
  if (config_load(worker->start->config_file, &config, &error) == 0) {
    config_keep_start(worker->config, config);
    config_free(worker->config);
    worker->config = config;
    worker->handler.config = config;
    apply_config(worker);
  }
  reload_keyring(worker);
}

/* The board shall know before the next beat, and the prober then look at once. */
static void on_suspect(void *argument)
{
  struct worker *worker = argument;
  const uint64_t one = 1;
  if (worker->handler.pool != NULL)
    show_numbers(worker);
  (void)!write(worker->start->poke_fd, &one, sizeof one); /* fails only when it is full of pokes */
}

static bool make_pool(struct worker *worker)
{
  char name[32];
  struct pool_settings settings;
  snprintf(name, sizeof name, "lontard/%d", worker->start->index);
  worker_pool_settings(worker->config, worker->start->index, worker->start->workers, &settings);
  budget_begin(&worker->budget, worker->start->board, worker->start->index, worker->config->pool_max_overflow,
               settings.policy.size);
  board_worker_begin(worker->handler.slot, (uint64_t)getpid());
  const struct pool_owner owner = {budget_for_pool(&worker->budget), on_suspect, worker};
  worker->handler.pool = pool_new(worker->base, worker->config->database_url, name, &settings, &owner);
  return worker->handler.pool != NULL;
}

static bool make_front(struct worker *worker)
{
  const struct front_handler handler = {handler_request, handler_gone, &worker->handler};
  const struct front_sockets sockets = {.listener = worker->start->listen_fd, .inbox = -1, .outbox = -1};
  worker->front = front_new(worker->base, &sockets, (size_t)worker->config->max_body, &handler);
  (void)signal(SIGPIPE, SIG_IGN); /* after the front: libfcgi replaces handlers that ignore */
  return worker->front != NULL && front_serve(worker->front);
}

static bool make_events(struct worker *worker)
{
  const struct timeval beat = timeval_of(BEAT);
  worker->beat = event_new(worker->base, -1, EV_PERSIST, on_beat, worker);
  worker->cleanup = event_new(worker->base, -1, EV_PERSIST, on_cleanup, worker);
  worker->passwords =
      event_new(worker->base, hasher_fd(worker->handler.hasher), EV_READ | EV_PERSIST, on_passwords, worker);
  worker->signals[0] = evsignal_new(worker->base, SIGTERM, on_terminate, worker);
  worker->signals[1] = evsignal_new(worker->base, SIGINT, on_terminate, worker);
  worker->signals[2] = evsignal_new(worker->base, SIGHUP, on_reload, worker);
  for (int i = 0; i < 3; i++)
    if (worker->signals[i] == NULL || event_add(worker->signals[i], NULL) != 0)
      return false;
  return worker->beat != NULL && worker->cleanup != NULL && worker->passwords != NULL &&
         event_add(worker->beat, &beat) == 0 && event_add(worker->passwords, NULL) == 0;
}

static bool build(struct worker *worker)
{
  char message[KEYRING_MESSAGE_SIZE];
  worker->handler.board = worker->start->board;
  worker->handler.slot = board_slot(worker->start->board, worker->start->index);
  worker->handler.config = worker->config;
  if (keyring_load(worker->config->keyring, &worker->handler.keyring, message, sizeof message) != LONTAR_OK) {
    log_line(LOG_LEVEL_ERROR, "%s", message);
    return false;
  }
  worker->base = event_base_new();
  if (worker->base == NULL || hasher_start(&worker->handler.hasher) != LONTAR_OK)
    return false;
  return make_pool(worker) && make_front(worker) && make_events(worker);
}

static void free_event(struct event *event)
{
  if (event != NULL)
    event_free(event);
}

static void clear(struct worker *worker)
{
  front_free(worker->front);
  hasher_stop(worker->handler.hasher);
  pool_free(worker->handler.pool);
  keyring_free(worker->handler.keyring);
  free_event(worker->beat);
  free_event(worker->cleanup);
  free_event(worker->passwords);
  for (int i = 0; i < 3; i++)
    free_event(worker->signals[i]);
  if (worker->base != NULL)
    event_base_free(worker->base);
  board_worker_end(worker->handler.slot);
  config_free(worker->config);
}

int worker_main(const struct worker_start *start)
{
  struct worker worker = {.start = start, .config = start->config};
  int status = EXIT_FAILURE;
  if (build(&worker)) {
    schedule_cleanup(&worker);
    status = event_base_dispatch(worker.base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
  } else {
    log_line(LOG_LEVEL_ERROR, "this worker cannot start");
  }
  clear(&worker);
  return status;
}
