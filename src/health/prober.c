/* The prober's process: one loop over the connection, the workers' pokes, signals and the clock. */
#include "health/prober.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/clock.h"
#include "config/config.h"
#include "health/board.h"
#include "health/health.h"
#include "health/inquiry.h"
#include "health/probe.h"
#include "health/publish.h"
#include "log/log.h"

/* The marker is written anew this often, well within its life. */
#define RENEWAL CLOCK_SECOND

/* With the database back, the marker waits this long for the workers' connections, and looks this often. */
#define WARM_LIMIT (300 * CLOCK_MILLISECOND)
#define WARM_LOOK (10 * CLOCK_MILLISECOND)

struct prober {
  const struct prober_start *start;
  struct config *config;
  struct board_prober *slot;
  struct probe probe;
  struct inquiry *inquiry; /* NULL while the probe pauses */
  int signal_fd;
  enum board_database told; /* the word in the slot */
  int64_t told_at;
  const char *reason; /* of the last failure, as are the next two */
  char detail[INQUIRY_DETAIL_SIZE];
  bool excused;
  int64_t marked_at; /* when the marker was last written; 0: there is none */
  bool mark_failed;
  bool ended;
};

/* ---- Asking ---- */

static void note_failure(struct prober *prober)
{
  const struct inquiry *inquiry = prober->inquiry;
  const bool failed = inquiry != NULL && inquiry_state(inquiry) == INQUIRY_FAILED;
  prober->reason = failed ? inquiry_reason(inquiry) : "the server does not answer";
  (void)snprintf(prober->detail, sizeof prober->detail, "%s", failed ? inquiry_detail(inquiry) : "");
}

/* A server that refuses only the prober is not away while workers use their connections. */
static bool is_excused(const struct prober *prober)
{
  struct board_snapshot snapshot;
  if (!inquiry_was_refused(prober->inquiry))
    return false;
  board_snapshot(prober->start->board, &snapshot);
  return health_any_connected(&snapshot);
}

static enum probe_action decide_failed(struct prober *prober, int64_t now)
{
  const bool excused = is_excused(prober);
  note_failure(prober);
  if (excused && !prober->excused)
    log_line(LOG_LEVEL_WARNING, "the database cannot be asked: %s; the workers' connections work", prober->reason);
  prober->excused = excused;
  return probe_failed(&prober->probe, now, excused, (uint32_t)now);
}

static enum probe_action decide(struct prober *prober, int64_t now)
{
  struct probe *probe = &prober->probe;
  const enum inquiry_state state = prober->inquiry == NULL ? INQUIRY_PENDING : inquiry_state(prober->inquiry);
  if (state == INQUIRY_FAILED)
    return decide_failed(prober, now);
  if (state == INQUIRY_ANSWERED && (probe->step == PROBE_OPENING || probe->step == PROBE_CHECKING)) {
    prober->excused = false;
    return probe_answered(probe, now);
  }
  if (now >= probe->until && probe->step == PROBE_OPENING) {
    note_failure(prober);
    prober->excused = false;
  }
  return probe_due(probe, now, (uint32_t)now);
}

static void obey(struct prober *prober, enum probe_action action)
{
  if (action == PROBE_ASK) {
    inquiry_ask(prober->inquiry);
    return;
  }
  inquiry_free(prober->inquiry);
  prober->inquiry = action == PROBE_OPEN ? inquiry_open(prober->config->database_url) : NULL;
}

/* ---- Telling ---- */

static void log_word(const struct prober *prober, int64_t now)
{
  if (prober->told == BOARD_DATABASE_DOWN)
    log_line(LOG_LEVEL_ERROR, "database is unavailable: %s%s%s%s; nginx answers 503 until it is back", prober->reason,
             *prober->detail ? " (" : "", prober->detail, *prober->detail ? ")" : "");
  else if (prober->told_at != 0)
    log_line(LOG_LEVEL_INFO, "database is available again after %" PRId64 " ms",
             (now - prober->told_at) / CLOCK_MILLISECOND);
  else
    log_line(LOG_LEVEL_INFO, "database is available");
}

static void tell_word(struct prober *prober, int64_t now)
{
  const struct probe *probe = &prober->probe;
  const bool down = probe->word == BOARD_DATABASE_DOWN;
  board_prober_database(prober->slot, probe->word, down ? prober->reason : "");
  board_prober_beat(prober->slot, !down ? 0 : probe->step == PROBE_PAUSING ? probe->until : probe->began);
  if (prober->told == probe->word)
    return;
  prober->told = probe->word;
  log_word(prober, now);
  prober->told_at = now;
}

static void mark(struct prober *prober, int64_t now)
{
  const bool failed = publish_marker(prober->config->run_dir, clock_wall()) != LONTAR_OK;
  if (failed && !prober->mark_failed)
    log_line(LOG_LEVEL_ERROR, "the marker in %s cannot be written: %s; workers answer 503 themselves",
             prober->config->run_dir, strerror(errno));
  prober->mark_failed = failed;
  prober->marked_at = now;
  board_set(&prober->slot->marker, !failed);
}

static void unmark(struct prober *prober)
{
  if (publish_unmark(prober->config->run_dir) != LONTAR_OK)
    log_line(LOG_LEVEL_ERROR, "the marker in %s cannot be removed: %s", prober->config->run_dir, strerror(errno));
  prober->marked_at = 0;
  board_set(&prober->slot->marker, 0);
}

static bool are_workers_warm(const struct prober *prober)
{
  struct board_snapshot snapshot;
  board_snapshot(prober->start->board, &snapshot);
  return health_all_connected(&snapshot);
}

/* The word comes first: workers connect by it, and only then nginx lets requests through to them. */
static void tell_nginx(struct prober *prober, int64_t now)
{
  if (prober->told == BOARD_DATABASE_DOWN) {
    if (prober->marked_at == 0 || now - prober->marked_at >= RENEWAL)
      mark(prober, now);
  } else if (prober->marked_at != 0 && (now - prober->told_at >= WARM_LIMIT || are_workers_warm(prober))) {
    unmark(prober);
  }
}

/* ---- The loop ---- */

static void read_signals(struct prober *prober)
{
  struct signalfd_siginfo signal;
  struct config *config;
  struct config_error error;
  while (read(prober->signal_fd, &signal, sizeof signal) == (ssize_t)sizeof signal) {
    enum log_level level;
    if (signal.ssi_signo != SIGHUP) {
      prober->ended = true;
    } else if (config_load(prober->start->config_file, &config, &error) == 0) {
      if (log_level_parse(config->log_level, &level))
        log_set_level(level);
      config_free(config);
    }
  }
}

static void read_pokes(struct prober *prober, int64_t now)
{
  uint64_t pokes;
  if (read(prober->start->poke_fd, &pokes, sizeof pokes) == (ssize_t)sizeof pokes)
    probe_poked(&prober->probe, now);
}

static int wait_time(const struct prober *prober)
{
  const int64_t now = clock_steady();
  int64_t until = prober->probe.until;
  if (prober->marked_at != 0 && prober->told != BOARD_DATABASE_DOWN && until > now + WARM_LOOK)
    until = now + WARM_LOOK;
  return until <= now ? 0 : (int)((until - now + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND);
}

static void wait_and_read(struct prober *prober)
{
  struct inquiry *inquiry = prober->inquiry;
  struct pollfd watched[] = {
      {.fd = prober->signal_fd, .events = POLLIN},
      {.fd = prober->start->poke_fd, .events = POLLIN},
      {.fd = inquiry == NULL ? -1 : inquiry_fd(inquiry), .events = inquiry == NULL ? 0 : inquiry_wants(inquiry)},
  };
  if (poll(watched, sizeof watched / sizeof *watched, wait_time(prober)) <= 0)
    return;
  if (watched[2].revents != 0)
    inquiry_step(inquiry);
  if (watched[1].revents != 0)
    read_pokes(prober, clock_steady());
  if (watched[0].revents != 0)
    read_signals(prober);
}

static void loop(struct prober *prober)
{
  while (!prober->ended) {
    enum probe_action action;
    const int64_t now = clock_steady();
    while ((action = decide(prober, now)) != PROBE_WAIT)
      obey(prober, action);
    tell_word(prober, now);
    tell_nginx(prober, now);
    wait_and_read(prober);
  }
}

static bool set_up(struct prober *prober)
{
  sigset_t signals;
  (void)sigemptyset(&signals);
  (void)sigaddset(&signals, SIGTERM);
  (void)sigaddset(&signals, SIGINT);
  (void)sigaddset(&signals, SIGHUP);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)sigprocmask(SIG_BLOCK, &signals, NULL);
  prober->signal_fd = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  board_prober_begin(prober->slot, (uint64_t)getpid());
  unmark(prober); /* one of a prober before us */
  probe_begin(&prober->probe, clock_steady());
  return prober->signal_fd >= 0;
}

int prober_main(const struct prober_start *start)
{
  struct prober prober = {
      .start = start, .config = start->config, .slot = board_prober(start->board), .reason = "", .signal_fd = -1};
  const bool ready = set_up(&prober);
  if (ready)
    loop(&prober);
  else
    log_line(LOG_LEVEL_ERROR, "the prober cannot start: %s", strerror(errno));
  if (prober.marked_at != 0)
    unmark(&prober);
  inquiry_free(prober.inquiry);
  if (prober.signal_fd >= 0)
    (void)close(prober.signal_fd);
  config_free(prober.config);
  return ready ? EXIT_SUCCESS : EXIT_FAILURE;
}
