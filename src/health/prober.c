/* The prober's process: one loop over the connection, the workers' pokes, signals and the clock. */
#include "health/prober.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/signals.h"
#include "config/config.h"
#include "health/board.h"
#include "health/census.h"
#include "health/health.h"
#include "health/inquiry.h"
#include "health/probe.h"
#include "health/publish.h"
#include "health/servers.h"
#include "log/log.h"

/* The marker is written anew this often, well within its life. */
#define RENEWAL CLOCK_SECOND

/* With the database back, the marker waits this long for the workers' connections, and looks this often. */
#define WARM_LIMIT (300 * CLOCK_MILLISECOND)
#define WARM_LOOK (10 * CLOCK_MILLISECOND)

/* Sessions that were told to end are looked for after this. */
#define ORDER_LOOK (100 * CLOCK_MILLISECOND)

enum { DETAIL_SIZE = 256 };

static const int ends[] = {SIGTERM, SIGINT, 0};

struct prober {
  const struct prober_start *start;
  struct config *config;
  struct board_prober *slot;
  struct event_base *base;
  struct dialer *dialer;
  struct event timer; /* freed with the base, as are the next */
  struct event poke;
  struct event signals[2];
  struct probe probe;
  struct inquiry *inquiry; /* NULL while the probe pauses */
  struct servers *servers;
  struct census census;
  int censuses;             /* that were taken note of, */
  int victims;              /* and those of the last one */
  enum board_database told; /* the word in the slot */
  int64_t told_at;
  const char *reason; /* of the last failure, as are the next three */
  bool refused;
  bool unfit;
  char detail[DETAIL_SIZE];
  uint64_t lacking;                   /* rights, at the last answer */
  char encoding[BOARD_ENCODING_SIZE]; /* as it was told: "" while it is UTF8 */
  bool excused;
  int64_t marked_at; /* when the marker was last written, or not removed; 0: there is none */
  bool mark_failed;
  bool unmark_failed;
};

/* ---- Asking ---- */

static void note_failure(struct prober *prober)
{
  const struct inquiry_failure failure = inquiry_failure(prober->inquiry);
  prober->reason = failure.reason;
  prober->refused = failure.spoke;
  prober->unfit = failure.unfit;
  (void)snprintf(prober->detail, sizeof prober->detail, "%s", failure.detail);
}

/* A server that refuses only the prober is not away while workers use their connections; nor is one that was silent to
 * a prober's first connection of all, for silence must last for two. Later silence is the prober's alone as long as
 * workers get answers: the server is busy, or slow to let somebody in. */
static bool is_excused(const struct prober *prober)
{
  struct board_snapshot snapshot;
  const bool first = prober->probe.word == BOARD_DATABASE_UNKNOWN;
  const struct inquiry_failure failure = inquiry_failure(prober->inquiry);
  if (!failure.refused && !failure.silent)
    return false;
  board_snapshot(prober->start->board, &snapshot);
  return failure.silent && !first ? health_any_answered(&snapshot, PROBE_DEADLINE) : health_connected(&snapshot) > 0;
}

/* A database may be replaced by one of another encoding while we look for it. */
static void note_encoding(struct prober *prober)
{
  const char *encoding = inquiry_encoding(prober->inquiry);
  if (strcmp(encoding, prober->encoding) == 0)
    return;
  (void)snprintf(prober->encoding, sizeof prober->encoding, "%s", encoding);
  board_prober_encoding(prober->slot, prober->encoding);
  if (*encoding != '\0')
    log_line(LOG_LEVEL_ERROR, "the encoding of the database is %s and must be UTF8: lontarctl check says what to do",
             encoding);
}

/* What the server is besides being there. Workers hear from `well` that what their requests met is over. */
static void note_rights(struct prober *prober)
{
  const struct inquiry *inquiry = prober->inquiry;
  const struct sighting *sighting = inquiry_sighting(inquiry);
  const uint64_t count = sighting->lacking;
  const char *host, *port;
  if (count > 0 && prober->lacking == 0)
    log_line(LOG_LEVEL_WARNING,
             "lontard's role in the database lacks the right to %s%s: run lontarctl migrate --grant with that role",
             sighting->lack, count > 1 ? ", and others" : "");
  else if (count == 0 && prober->lacking > 0)
    log_line(LOG_LEVEL_INFO, "lontard's role in the database has its rights again");
  prober->lacking = count;
  board_prober_lack(prober->slot, sighting->lack, count);
  inquiry_name(inquiry, &host, &port);
  board_prober_server(prober->slot, host, port);
  if (inquiry_found_well(inquiry) != 0)
    board_set(&prober->slot->well, (uint64_t)inquiry_found_well(inquiry));
}

/* Whether the failure leaves the word as it is. */
static bool note_trouble(struct prober *prober)
{
  const bool excused = is_excused(prober);
  note_failure(prober);
  if (excused && !prober->excused)
    log_line(LOG_LEVEL_WARNING, "the database cannot be asked: %s; the workers' connections work", prober->reason);
  prober->excused = excused;
  return excused;
}

/* A new connection is silent: a server on this machine may go on with it when it wakes up. */
static enum probe_action decide_late(struct prober *prober, int64_t now)
{
  struct probe *probe = &prober->probe;
  const bool excused = note_trouble(prober);
  if (inquiry_may_wait(prober->inquiry) && now < probe->began + PROBE_PATIENCE)
    return probe_silent(probe, excused);
  return probe_failed(probe, now, excused, random_bits());
}

/* What a look found: sessions that were told to end are looked for again soon, but not again and again. */
static void note_census(struct prober *prober, int64_t now)
{
  const struct census *census = &prober->census;
  if (census->taken == prober->censuses)
    return;
  prober->censuses = census->taken;
  if (census->victim_count > 0 && census->victim_count != prober->victims)
    probe_hurry(&prober->probe, now + ORDER_LOOK);
  if (census->victim_count > 0 && prober->victims == 0)
    log_line(LOG_LEVEL_WARNING, "ending sessions at the server that were left there count=%d", census->victim_count);
  prober->victims = census->victim_count;
}

static enum probe_action decide(struct prober *prober, int64_t now)
{
  struct probe *probe = &prober->probe;
  enum inquiry_state state = prober->inquiry == NULL ? INQUIRY_PENDING : inquiry_state(prober->inquiry);
  if (state == INQUIRY_ANSWERED && servers_refuse(prober->servers, prober->inquiry)) {
    inquiry_reject(prober->inquiry);
    state = INQUIRY_FAILED;
  }
  if (state == INQUIRY_FAILED && inquiry_failure(prober->inquiry).ended && probe_again(probe))
    return probe_moved(probe, now);
  if (state == INQUIRY_FAILED)
    return probe_failed(probe, now, note_trouble(prober), random_bits());
  if (state == INQUIRY_ANSWERED && (probe->step == PROBE_OPENING || probe->step == PROBE_CHECKING)) {
    prober->excused = false;
    note_encoding(prober);
    note_rights(prober);
    return probe_answered(probe, now);
  }
  if (prober->inquiry != NULL && probe->step == PROBE_OPENING && now >= probe->until)
    return decide_late(prober, now);
  return probe_due(probe, now, random_bits());
}

static void on_changed(void *argument);

static struct inquiry *inquire(struct prober *prober)
{
  const struct inquiry_settings settings = {.base = prober->base,
                                            .dialer = prober->dialer,
                                            .timeout = PROBE_DEADLINE,
                                            .pooled = prober->config->prepared_statements == 0,
                                            .census = &prober->census,
                                            .board = prober->start->board,
                                            .changed = on_changed,
                                            .owner = prober};
  return inquiry_open(&settings);
}

static void obey(struct prober *prober, enum probe_action action)
{
  if (action == PROBE_ASK) {
    inquiry_ask(prober->inquiry);
    return;
  }
  inquiry_free(prober->inquiry);
  prober->inquiry = action == PROBE_OPEN ? inquire(prober) : NULL;
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
  board_set(&prober->slot->refused, down && prober->refused);
  board_set(&prober->slot->unfit, down && prober->unfit);
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
  else if (!failed && prober->mark_failed)
    log_line(LOG_LEVEL_INFO, "the marker in %s is written now", prober->config->run_dir);
  prober->mark_failed = failed;
  prober->marked_at = now;
}

static void unmark(struct prober *prober)
{
  prober->marked_at = publish_unmark(prober->config->run_dir, &prober->unmark_failed) ? 0 : clock_steady();
}

static bool are_workers_warm(const struct prober *prober)
{
  struct board_snapshot snapshot;
  board_snapshot(prober->start->board, &snapshot);
  const int connected = health_connected(&snapshot);
  return connected > 0 && connected == health_workers_alive(&snapshot);
}

/* A marker that could not be removed is tried again when another would be written anew. */
static bool may_unmark(const struct prober *prober, int64_t now)
{
  if (prober->unmark_failed)
    return now - prober->marked_at >= RENEWAL;
  return now - prober->told_at >= WARM_LIMIT || are_workers_warm(prober);
}

/* The word comes first: workers connect by it, and only then nginx lets requests through to them. */
static void tell_nginx(struct prober *prober, int64_t now)
{
  if (prober->told == BOARD_DATABASE_DOWN) {
    if (prober->marked_at == 0 || now - prober->marked_at >= RENEWAL)
      mark(prober, now);
  } else if (prober->marked_at != 0 && may_unmark(prober, now)) {
    unmark(prober);
  }
}

/* ---- The loop ---- */

static void set_timer(struct prober *prober, int64_t now)
{
  const bool warming = prober->marked_at != 0 && prober->told != BOARD_DATABASE_DOWN && !prober->unmark_failed;
  const int64_t latest = now + (warming ? WARM_LOOK : RENEWAL); /* the heartbeat, too, must go on */
  const int64_t until = prober->probe.until < latest ? prober->probe.until : latest;
  const int64_t left = until > now ? until - now : 0;
  const struct timeval wait = {left / CLOCK_SECOND, left % CLOCK_SECOND};
  (void)event_add(&prober->timer, &wait);
}

/* After a promotion whoever was asked before has nothing more to say. */
static void look_at_servers(struct prober *prober, int64_t now)
{
  const bool away = prober->probe.word == BOARD_DATABASE_DOWN;
  if (servers_look(prober->servers, prober->inquiry, away, now))
    obey(prober, probe_moved(&prober->probe, now));
}

/* Ends every entry from the loop. */
static void act(struct prober *prober)
{
  enum probe_action action;
  const int64_t now = clock_steady();
  look_at_servers(prober, now);
  while ((action = decide(prober, now)) != PROBE_WAIT)
    obey(prober, action);
  log_tell_lost();
  note_census(prober, now);
  tell_word(prober, now);
  tell_nginx(prober, now);
  set_timer(prober, now);
}

static void on_changed(void *argument)
{
  act(argument);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
  (void)fd;
  (void)what;
  act(argument);
}

static void on_poke(evutil_socket_t fd, short what, void *argument)
{
  struct prober *prober = argument;
  uint64_t pokes;
  (void)what;
  if (read(fd, &pokes, sizeof pokes) != (ssize_t)sizeof pokes)
    pokes = 0;
  if (pokes >= PROBER_LOOK)
    probe_hurry(&prober->probe, clock_steady());
  if (pokes % PROBER_LOOK != 0)
    probe_poked(&prober->probe, clock_steady());
  act(prober);
}

static void on_end(evutil_socket_t signal_number, short what, void *argument)
{
  struct prober *prober = argument;
  (void)signal_number;
  (void)what;
  (void)event_base_loopbreak(prober->base);
}

static bool make_events(struct prober *prober)
{
  struct event_base *base = prober->base;
  for (int i = 0; ends[i] != 0; i++)
    if (evsignal_assign(&prober->signals[i], base, ends[i], on_end, prober) != 0 ||
        event_add(&prober->signals[i], NULL) != 0)
      return false;
  return evtimer_assign(&prober->timer, base, on_timer, prober) == 0 &&
         event_assign(&prober->poke, base, prober->start->poke_fd, EV_READ | EV_PERSIST, on_poke, prober) == 0 &&
         event_add(&prober->poke, NULL) == 0;
}

static bool watch_servers(struct prober *prober)
{
  const struct servers_settings settings = {
      .hosts = {prober->base, prober->config, &prober->census, on_changed, prober},
      .slot = prober->slot,
      .dialer = prober->dialer,
  };
  prober->servers = servers_new(&settings);
  return prober->servers != NULL;
}

static bool build(struct prober *prober)
{
  board_prober_begin(prober->slot, (uint64_t)getpid());
  unmark(prober); /* one of a prober before us */
  prober->base = event_base_new();
  if (prober->base == NULL)
    return false;
  prober->dialer = dialer_new(prober->base, prober->config->database_url);
  return prober->dialer != NULL && watch_servers(prober) && make_events(prober);
}

static void clear(struct prober *prober)
{
  signals_block(ends); /* a second one, which no event takes any more, would kill what is ending well */
  if (prober->marked_at != 0)
    unmark(prober);
  inquiry_free(prober->inquiry);
  servers_free(prober->servers);
  dialer_free(prober->dialer);
  if (prober->base != NULL)
    event_base_free(prober->base);
  config_free(prober->config);
}

int prober_main(const struct prober_start *start)
{
  struct prober prober = {.start = start, .config = start->config, .slot = board_prober(start->board), .reason = ""};
  prober.census.installation = census_installation(start->config->run_dir);
  int status = EXIT_FAILURE;
  (void)signal(SIGHUP, SIG_IGN); /* the master's business */
  if (build(&prober)) {
    signals_unblock();
    probe_begin(&prober.probe, clock_steady());
    act(&prober);
    status = event_base_dispatch(prober.base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
  } else {
    log_line(LOG_LEVEL_ERROR, "the prober cannot start: no memory is left");
  }
  clear(&prober);
  return status;
}
