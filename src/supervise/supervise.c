/* The loop of lontar-supervise: signals, supervisord's events, commands under way, and a look when it is due. */
#include "supervise/supervise.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/signals.h"
#include "config/config.h"
#include "health/board.h"
#include "health/publish.h"
#include "health/supervision.h"
#include "log/log.h"
#include "supervise/listener.h"
#include "supervise/sight.h"
#include "supervise/state.h"
#include "supervise/trust.h"
#include "supervise/ward.h"

enum { PIECE = 4096 };

struct supervise {
  const struct supervise_start *start;
  struct config *config;
  struct listener listener;
  struct board_supervisor state;
  struct ward wards[BOARD_WARDS];
  int signal_fd;
  int64_t next_look;
  bool save_failed;
  bool board_failed;
  bool ended;
  int status; /* the exit's */
};

static void end(struct supervise *supervise, int status)
{
  supervise->ended = true;
  supervise->status = status;
}

/* ---- Looking ---- */

/* Without a lontard there is no folder to write into, and nothing to tell. */
static void save(struct supervise *supervise)
{
  const char *run_dir = supervise->config->run_dir;
  char path[PATH_MAX], message[MESSAGE_SIZE];
  struct board *board;
  const bool failed = state_save(run_dir, &supervise->state) != LONTAR_OK && errno != ENOENT;
  if (failed && !supervise->save_failed)
    log_line(LOG_LEVEL_ERROR, STATE_FILE " in %s: %s; trying again at each look", run_dir, strerror(errno));
  supervise->save_failed = failed;
  (void)snprintf(path, sizeof path, "%s/" BOARD_FILE, run_dir);
  const int error = board_open(path, true, &board, message, sizeof message);
  if (error && error != LONTAR_NOT_FOUND && !supervise->board_failed)
    log_line(LOG_LEVEL_WARNING, "%s; judging by " PUBLISH_FILE " instead", message);
  supervise->board_failed = error && error != LONTAR_NOT_FOUND;
  if (error)
    return;
  board_supervise(board, &supervise->state);
  board_close(board);
}

static void reset(struct supervise *supervise)
{
  log_line(LOG_LEVEL_INFO, "asked to forget: restarts are counted from zero");
  for (int i = 0; i < BOARD_WARDS; i++)
    ward_reset(&supervise->wards[i]);
}

static void look(struct supervise *supervise, int64_t now)
{
  enum board_condition conditions[BOARD_WARDS];
  enum remedy remedies[BOARD_WARDS];
  supervise->next_look = now + supervise->start->every;
  log_tell_lost();
  if (state_take_reset(supervise->config->run_dir))
    reset(supervise);
  sight_look(supervise->config->run_dir, conditions);
  for (int i = 0; i < BOARD_WARDS; i++)
    remedies[i] = ward_look(&supervise->wards[i], supervise->config, conditions[i], now);
  supervise->state.heartbeat = (uint64_t)now;
  save(supervise);
  for (int i = 0; i < BOARD_WARDS; i++)
    ward_act(&supervise->wards[i], supervise->config, remedies[i], now);
}

/* ---- Hearing ---- */

static void say(struct supervise *supervise, const char *text)
{
  if (write(STDOUT_FILENO, text, strlen(text)) != (ssize_t)strlen(text))
    end(supervise, EXIT_FAILURE);
}

/* What has happened is not read: an event is a reason to look. */
static void hear(struct supervise *supervise)
{
  char piece[PIECE];
  const ssize_t got = read(STDIN_FILENO, piece, sizeof piece);
  if (got <= 0) {
    end(supervise, EXIT_SUCCESS);
    return;
  }
  for (size_t at = 0, taken; at < (size_t)got && !supervise->ended; at += taken) {
    switch (listener_take(&supervise->listener, piece + at, (size_t)got - at, &taken)) {
    case LISTENER_EVENT:
      say(supervise, LISTENER_DONE);
      supervise->next_look = 0;
      break;
    case LISTENER_BROKEN:
      log_line(LOG_LEVEL_ERROR, "what supervisord says is no event; ending");
      end(supervise, EXIT_FAILURE);
      break;
    case LISTENER_PART:
      break;
    }
  }
}

static void reload(struct supervise *supervise)
{
  CLEANUP_CONFIG struct config *config = NULL;
  struct config_error error = {"there is no memory"};
  const char *file = supervise->start->config_file;
  if (!trust_file(file, error.text, sizeof error.text) || config_load(file, &config, &error) < 0 ||
      config_keep_start(supervise->config, config) < 0) {
    log_line(LOG_LEVEL_ERROR, "%s; keeping the configuration as it was", error.text);
    return;
  }
  config_free(supervise->config);
  supervise->config = TAKE(config);
  log_init((enum log_level)supervise->config->log_level, "supervise");
  log_line(LOG_LEVEL_INFO, "configuration reloaded");
}

static void read_signals(struct supervise *supervise)
{
  struct signalfd_siginfo signal;
  while (read(supervise->signal_fd, &signal, sizeof signal) == (ssize_t)sizeof signal) {
    if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT)
      end(supervise, EXIT_SUCCESS);
    else if (signal.ssi_signo == SIGHUP)
      reload(supervise);
  }
}

/* ---- The loop ---- */

static int64_t earlier(int64_t until, const struct errand *errand)
{
  return errand->pid != 0 && errand->look_at < until ? errand->look_at : until;
}

static int wait_time(const struct supervise *supervise)
{
  int64_t until = supervise->next_look;
  for (int i = 0; i < BOARD_WARDS; i++)
    until = earlier(earlier(until, &supervise->wards[i].restart), &supervise->wards[i].call);
  const int64_t left = until - clock_steady();
  return left <= 0 ? 0 : (int)((left + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND);
}

static void loop(struct supervise *supervise)
{
  while (!supervise->ended) {
    struct pollfd files[2 + 2 * BOARD_WARDS] = {
        {.fd = supervise->signal_fd, .events = POLLIN},
        {.fd = supervise->start->listening ? STDIN_FILENO : -1, .events = POLLIN},
    };
    for (int i = 0; i < BOARD_WARDS; i++) {
      files[2 + 2 * i] = (struct pollfd){.fd = supervise->wards[i].restart.output, .events = POLLIN};
      files[3 + 2 * i] = (struct pollfd){.fd = supervise->wards[i].call.output, .events = POLLIN};
    }
    (void)poll(files, sizeof files / sizeof files[0], wait_time(supervise));
    read_signals(supervise);
    if (files[1].revents != 0)
      hear(supervise);
    const int64_t now = clock_steady();
    for (int i = 0; i < BOARD_WARDS; i++)
      if (ward_check(&supervise->wards[i], now))
        supervise->next_look = now; /* what comes next must not be untold until it is due */
    if (now >= supervise->next_look && !supervise->ended)
      look(supervise, now);
  }
}

/* Takes over what an earlier one has counted. False when that one is still at work. */
static bool inherit(struct supervise *supervise, int64_t now)
{
  struct board_supervisor *state = &supervise->state;
  if (state_load(supervise->config->run_dir, state) && state->pid <= INT_MAX && state->pid != (uint64_t)getpid() &&
      clock_is_fresh(state->heartbeat, now, SUPERVISION_LIMIT) && (kill((pid_t)state->pid, 0) == 0 || errno == EPERM)) {
    log_line(LOG_LEVEL_ERROR, "another lontar-supervise (pid %" PRIu64 ") looks after %s", state->pid,
             supervise->config->run_dir);
    return false;
  }
  state->pid = (uint64_t)getpid();
  for (int i = 0; i < BOARD_WARDS; i++) {
    ward_init(&supervise->wards[i], (enum board_ward_index)i, &state->wards[i]);
    if (state->wards[i].restart == BOARD_RESTART_RUNNING)
      remedy_ended(&state->wards[i], BOARD_RESTART_LOST, now);
  }
  return true;
}

int supervise_main(const struct supervise_start *start, struct config *config)
{
  struct supervise supervise = {.start = start, .config = config, .status = EXIT_FAILURE};
  log_init((enum log_level)config->log_level, "supervise");
  supervise.signal_fd = signals_open((const int[]){SIGTERM, SIGINT, SIGHUP, SIGCHLD, 0}); /* the last only wakes us */
  if (supervise.signal_fd < 0) {
    log_line(LOG_LEVEL_ERROR, "signals: %s", strerror(errno));
  } else if (inherit(&supervise, clock_steady())) {
    log_line(LOG_LEVEL_INFO, "looking at %s every %" PRId64 " ms", config->run_dir, start->every / CLOCK_MILLISECOND);
    if (start->listening)
      say(&supervise, LISTENER_READY);
    loop(&supervise);
  }
  if (supervise.signal_fd >= 0)
    (void)close(supervise.signal_fd);
  config_free(supervise.config);
  return supervise.status;
}
