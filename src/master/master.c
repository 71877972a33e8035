/* The master: sets up, then waits for signals and the tick of each second, and acts on them in one loop. */
#include "master/master.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lontar/error.h>

#include "authorize/keyring.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/message.h"
#include "base/signals.h"
#include "config/config.h"
#include "health/board.h"
#include "health/publish.h"
#include "log/log.h"
#include "log/trace.h"
#include "master/crew.h"
#include "master/leftover.h"
#include "master/limits.h"
#include "master/listen.h"
#include "master/lookout.h"
#include "master/notify.h"
#include "master/rundir.h"
#include "master/takeover.h"
#include "master/upgrade.h"

#define TICK CLOCK_SECOND

struct master {
  struct config *config;
  struct crew crew;
  struct lookout lookout;
  struct upgrade upgrade;
  struct leftover leftover;
  int64_t next_tick;
  uint64_t fed;    /* the heartbeat for which systemd's watchdog was fed */
  int64_t kill_at; /* steady; 0 while running, else when workers that are left are killed */
  bool renewing;   /* workers are being succeeded, all of them */
  bool publish_failed;
  bool mend_failed;
};

static int worker_count(const struct config *config)
{
  const long cores = config->workers > 0 ? (long)config->workers : sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 1 ? 1 : cores > BOARD_WORKERS_MAX ? BOARD_WORKERS_MAX : (int)cores;
}

/* libevent's own words, of prober and workers, too: by itself it would wait for who reads them. */
static void on_event_log(int severity, const char *message)
{
  log_line(severity == EVENT_LOG_ERR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "libevent: %s", message);
}

/* A marker here is that of a lontard that died, whatever its expiry says. */
static int set_up_lookout(struct master *master, char *message, size_t size)
{
  const int poke_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (poke_fd < 0)
    return message_fail(LONTAR_INTERNAL, message, size, "the prober cannot be prepared: %s", strerror(errno));
  master->crew.poke_fd = poke_fd;
  master->lookout = (struct lookout){.board = master->crew.board, .config = master->config, .poke_fd = poke_fd};
  lookout_unmark(&master->lookout);
  return LONTAR_OK;
}

static void find_leftover(struct master *master)
{
  leftover_find(&master->leftover, master->config->run_dir, master->config->shutdown_timeout + CREW_GRACE);
}

/* In the order in which a second lontard must be refused before it harms the first. */
static int claim(struct master *master, char *message, size_t size)
{
  struct crew *crew = &master->crew;
  int error = rundir_claim(master->config->run_dir, &crew->pid_fd, message, size);
  if (error)
    return error;
  find_leftover(master);
  error = listen_open(master->config, master->leftover.count > 0, &crew->listen_fd, message, size);
  if (!error && crew_open(crew) != 0)
    error = message_fail(LONTAR_INTERNAL, message, size, "sockets between workers: %s", strerror(errno));
  return error;
}

/* What another image of this process claimed. The number of workers is a matter of the start, too. */
static void take_over(struct crew *crew, const struct takeover *takeover)
{
  crew->pid_fd = takeover->pid_fd;
  crew->listen_fd = takeover->listen_fd;
  crew->count = takeover->count;
  for (int i = 0; i < takeover->count; i++) {
    crew->places[i].inbox = takeover->places[i].inbox;
    crew->places[i].outbox = takeover->places[i].outbox;
  }
}

static const char *board_path(const struct master *master, char out[PATH_MAX])
{
  (void)snprintf(out, PATH_MAX, "%s/" BOARD_FILE, master->config->run_dir);
  return out;
}

static int make_board(struct master *master, char *message, size_t size)
{
  char path[PATH_MAX];
  return board_create(board_path(master, path), master->crew.count, &master->crew.board, message, size);
}

static int set_up(struct master *master, char *message, size_t size)
{
  struct takeover takeover;
  int error = LONTAR_OK;
  master->crew.signal_fd = signals_open((const int[]){SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, 0});
  if (master->crew.signal_fd < 0)
    return message_fail(LONTAR_INTERNAL, message, size, "signals: %s", strerror(errno));
  const int handed = takeover_receive(master->config, &takeover, message, size);
  if (handed == LONTAR_OK)
    take_over(&master->crew, &takeover);
  else
    error = handed == LONTAR_NOT_FOUND ? claim(master, message, size) : handed;
  if (!error)
    error = make_board(master, message, size);
  if (!error)
    error = set_up_lookout(master, message, size);
  if (!error && handed == LONTAR_OK) {
    find_leftover(master);
    log_line(LOG_LEVEL_INFO, "upgraded; the old workers are followed by new ones");
    upgrade_adopt(&master->crew, &takeover);
    master->crew.proved = false;
    master->renewing = true;
  }
  return error;
}

static void close_listener(struct master *master)
{
  if (master->crew.listen_fd < 0)
    return;
  (void)unlink(master->config->listen);
  (void)close(master->crew.listen_fd);
  master->crew.listen_fd = -1;
}

static void tear_down(struct master *master)
{
  close_listener(master);
  board_close(master->crew.board);
  if (master->crew.pid_fd >= 0)
    rundir_release(master->config->run_dir, master->crew.pid_fd);
  if (master->crew.signal_fd >= 0)
    (void)close(master->crew.signal_fd);
  if (master->crew.poke_fd >= 0)
    (void)close(master->crew.poke_fd);
  config_free(master->config);
  config_free(master->crew.candidate);
}

/* New connections are refused from now on; a second signal ends the waiting. */
static void stop(struct master *master)
{
  const int64_t now = clock_steady();
  if (master->kill_at != 0) {
    master->kill_at = now;
    return;
  }
  log_line(LOG_LEVEL_INFO, "stopping; requests have %" PRId64 " ms to end",
           master->config->shutdown_timeout / CLOCK_MILLISECOND);
  notify_send("STOPPING=1");
  master->kill_at = now + master->config->shutdown_timeout + CREW_GRACE;
  close_listener(master);
  crew_signal(&master->crew, SIGTERM);
  lookout_signal(&master->lookout, SIGTERM);
}

/* What a worker would refuse to begin with is refused here, while the old ones still serve. */
static bool check_keyring(const struct config *config)
{
  char message[MESSAGE_SIZE];
  struct keyring *keyring;
  if (keyring_load(config->keyring, &keyring, message, sizeof message) != LONTAR_OK) {
    log_line(LOG_LEVEL_ERROR, "%s; keeping the configuration as it was", message);
    return false;
  }
  keyring_free(keyring);
  return true;
}

static struct config *load_config(const struct master *master)
{
  struct config_error error;
  CLEANUP_CONFIG struct config *config = NULL;
  if (config_load(master->upgrade.config_file, &config, &error) < 0) {
    log_line(LOG_LEVEL_ERROR, "%s; keeping the configuration as it was", error.text);
    return NULL;
  }
  if (!check_keyring(config))
    return NULL;
  const char *changed = config_changed_at_start(master->config, config);
  if (changed)
    log_line(LOG_LEVEL_WARNING, "option %s has changed, which takes effect at the next start", changed);
  if (config_keep_start(master->config, config) < 0) {
    log_line(LOG_LEVEL_ERROR, "there is no memory; keeping the configuration as it was");
    return NULL;
  }
  return TAKE(config);
}

static void reload(struct master *master)
{
  struct config *config = master->kill_at == 0 ? load_config(master) : NULL;
  if (config == NULL)
    return;
  config_free(master->crew.candidate);
  crew_try(&master->crew, config);
  notify_reloading();
  board_add(&board_head(master->crew.board)->reloads, 1);
  log_line(LOG_LEVEL_INFO, "configuration read; workers that have it follow those that do not");
}

static void raise_limits(const struct master *master)
{
  char message[MESSAGE_SIZE];
  if (!limits_raise(master->config, master->crew.count, message, sizeof message))
    log_line(LOG_LEVEL_WARNING, "%s", message);
}

/* From now on it goes for this process, too, and for a prober that must be replaced. */
static void take_candidate(struct master *master)
{
  config_free(master->config);
  crew_decide(&master->crew);
  master->config = master->crew.config;
  master->lookout.config = master->crew.config;
  master->renewing = true;
  log_init((enum log_level)master->config->log_level, "master");
  raise_limits(master);
}

/* Successors take over, and the last of them ends a reload. The prober follows then: as long as workers have the old
 * configuration, it is the old database that matters. */
static void recycle(struct master *master)
{
  crew_take_places(&master->crew);
  if (crew_is_decided(&master->crew))
    take_candidate(master);
  crew_recycle(&master->crew);
  if (!master->renewing || !crew_is_renewed(&master->crew))
    return;
  master->renewing = false;
  lookout_signal(&master->lookout, SIGTERM);
  if (master->crew.candidate != NULL)
    return;
  notify_send("READY=1");
  log_line(LOG_LEVEL_INFO, "all workers are new ones and have the configuration as it is");
}

/* The next image reads the same file, and would not know which configuration is proved. */
static void begin_upgrade(struct master *master)
{
  if (master->crew.candidate != NULL)
    log_line(LOG_LEVEL_INFO, "the upgrade waits until a worker serves with the new configuration");
  upgrade_begin(&master->upgrade, &master->crew);
}

static void read_signals(struct master *master)
{
  struct signalfd_siginfo signal;
  while (read(master->crew.signal_fd, &signal, sizeof signal) == (ssize_t)sizeof signal) {
    if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGINT)
      stop(master);
    else if (signal.ssi_signo == SIGHUP)
      reload(master);
    else if (signal.ssi_signo == SIGUSR2 && master->kill_at == 0)
      begin_upgrade(master);
  }
}

static void reap(struct master *master)
{
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    if (!crew_bury(&master->crew, pid, status) && !lookout_bury(&master->lookout, pid, status))
      upgrade_bury(&master->upgrade, pid, status);
}

static bool any_alive(const struct master *master)
{
  return crew_alive(&master->crew) > 0 || master->lookout.pid != 0;
}

/* A board that somebody has damaged is left to those who have it mapped, and who are followed by others with a new one.
 * If it was cut they have died of SIGBUS or will; this process would, too, if it looked there before. */
static void mend_board(struct master *master)
{
  char path[PATH_MAX], message[MESSAGE_SIZE];
  struct board *old = master->crew.board;
  const char *harm = board_harm(old, board_path(master, path));
  if (harm == NULL)
    return;
  const bool failed = make_board(master, message, sizeof message) != LONTAR_OK;
  if (failed && !master->mend_failed)
    log_line(LOG_LEVEL_ERROR, "board %s %s; %s; trying again", path, harm, message);
  master->mend_failed = failed;
  if (failed)
    return;
  log_line(LOG_LEVEL_ERROR, "board %s %s; there is a new one, and new workers for it", path, harm);
  board_close(old);
  upgrade_adopt_own(&master->crew);
  master->renewing = true;
  master->lookout.board = master->crew.board;
  lookout_signal(&master->lookout, SIGTERM);
}

static void fill(struct master *master)
{
  if (master->crew.candidate != NULL && lookout_due(&master->lookout) <= clock_steady())
    log_line(LOG_LEVEL_WARNING,
             "the next prober has the configuration as it was: no worker could serve with the new one yet");
  lookout_fill(&master->lookout);
  crew_fill(&master->crew);
  recycle(master);
}

/* Returns only when it fails. Of the old prober nothing is left to be marked or told. */
static void upgrade(struct master *master)
{
  notify_reloading();
  lookout_signal(&master->lookout, SIGTERM);
  upgrade_become(&master->upgrade, &master->crew);
  notify_send("READY=1");
}

static void publish(struct master *master)
{
  const bool failed = publish_status(master->crew.board, master->config->run_dir) != LONTAR_OK;
  if (failed && !master->publish_failed)
    log_line(LOG_LEVEL_WARNING, "status.json in %s: %s; trying again each second", master->config->run_dir,
             strerror(errno));
  else if (!failed && master->publish_failed)
    log_line(LOG_LEVEL_INFO, "status.json in %s is written now", master->config->run_dir);
  master->publish_failed = failed;
}

/* A master that was stopped itself lets its workers, which may have been stopped with it, move first. */
static void tick(struct master *master, int64_t now)
{
  const bool late = now > master->next_tick + 2 * TICK;
  master->next_tick = now + TICK;
  log_tell_lost();
  board_set(&board_head(master->crew.board)->heartbeat, (uint64_t)now);
  if (!late && master->kill_at == 0) {
    crew_check(&master->crew);
    lookout_check(&master->lookout);
  }
  upgrade_check(&master->upgrade, now);
  leftover_check(&master->leftover, master->config->run_dir, now);
  publish(master);
  mend_board(master); /* writing a file took its time */
  notify_watchdog(master->crew.board, &master->fed);
}

static int64_t earlier(int64_t one, int64_t other)
{
  return one < other ? one : other;
}

static int wait_time(const struct master *master)
{
  const int64_t due = earlier(crew_due(&master->crew), lookout_due(&master->lookout));
  const int64_t until = earlier(master->next_tick, master->kill_at != 0 ? master->kill_at : due);
  const int64_t left = until - clock_steady();
  return left <= 0 ? 0 : (int)((left + CLOCK_MILLISECOND - 1) / CLOCK_MILLISECOND);
}

static void end_the_rest(struct master *master)
{
  log_line(LOG_LEVEL_WARNING, "%d workers have not ended in time and are killed", crew_alive(&master->crew));
  crew_signal(&master->crew, SIGKILL);
  lookout_signal(&master->lookout, SIGKILL);
  master->kill_at = INT64_MAX;
}

static void loop(struct master *master)
{
  while (master->kill_at == 0 || any_alive(master)) {
    struct pollfd signals = {.fd = master->crew.signal_fd, .events = POLLIN};
    (void)poll(&signals, 1, wait_time(master));
    mend_board(master);
    read_signals(master);
    reap(master);
    const int64_t now = clock_steady();
    if (now >= master->next_tick)
      tick(master, now);
    if (master->kill_at == 0 && master->upgrade.passed && master->crew.candidate == NULL)
      upgrade(master);
    if (master->kill_at == 0)
      fill(master);
    else if (now >= master->kill_at && any_alive(master))
      end_the_rest(master);
  }
}

int master_test(const struct config *config, char *message, size_t size)
{
  struct takeover takeover;
  const int handed = takeover_receive(config, &takeover, message, size);
  return handed == LONTAR_OK || handed == LONTAR_NOT_FOUND ? 0 : -1;
}

bool master_limits(const struct config *config, char *message, size_t size)
{
  return limits_raise(config, worker_count(config), message, size);
}

int master_main(const struct master_start *start)
{
  char message[MESSAGE_SIZE] = "";
  struct master master = {
      .config = start->config,
      .crew = {.config = start->config,
               .generation = 1,
               .newest = 1,
               .proved = true,
               .listen_fd = -1,
               .signal_fd = -1,
               .pid_fd = -1,
               .poke_fd = -1},
      .upgrade = {.program = start->program, .config_file = start->config_file},
  };
  master.crew.count = worker_count(start->config);
  log_init((enum log_level)start->config->log_level, "master");
  trace_init();
  raise_limits(&master);
  event_set_log_callback(on_event_log);
  const int error = set_up(&master, message, sizeof message);
  if (error) {
    log_line(LOG_LEVEL_ERROR, "%s", message);
    tear_down(&master);
    return EXIT_FAILURE;
  }
  master.next_tick = clock_steady();
  fill(&master);
  if (!master.renewing)
    notify_send("READY=1");
  log_line(LOG_LEVEL_INFO, "listening on %s with %d workers", start->config->listen, master.crew.count);
  loop(&master);
  log_line(LOG_LEVEL_INFO, "stopped");
  tear_down(&master);
  return EXIT_SUCCESS;
}
