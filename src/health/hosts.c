/* Watches every server but the one in use: connect, ask, ask again. */
#include "health/hosts.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "config/config.h"
#include "health/inquiry.h"
#include "health/primary.h"
#include "pool/dial.h"

/* Four times a second a question of microseconds, so that the newer primary is found well within a second. */
#define ASK_EVERY (250 * CLOCK_MILLISECOND)
#define RETRY_AFTER (500 * CLOCK_MILLISECOND)
#define DEADLINE CLOCK_SECOND

struct host {
  struct hosts *hosts;
  struct dialer *dialer;
  struct inquiry *inquiry; /* NULL while it pauses or is spared */
  struct event *timer;
  bool asked; /* and the answer is due when the timer fires */
  struct sighting sighting;
};

struct hosts {
  struct hosts_settings settings;
  int spared;
  int count;
  struct host items[];
};

static void set_timer(struct host *host, int64_t wait)
{
  const struct timeval time = {wait / CLOCK_SECOND, wait % CLOCK_SECOND};
  (void)event_add(host->timer, &time);
}

static void see(struct host *host, const struct sighting *sighting)
{
  const struct hosts_settings *settings = &host->hosts->settings;
  const struct sighting *before = &host->sighting;
  if (before->takes_writes == sighting->takes_writes && before->system == sighting->system &&
      before->timeline == sighting->timeline)
    return;
  host->sighting = *sighting;
  settings->changed(settings->owner);
}

static void hang_up(struct host *host)
{
  static const struct sighting nothing;
  inquiry_free(host->inquiry);
  host->inquiry = NULL;
  host->asked = false;
  set_timer(host, RETRY_AFTER);
  see(host, &nothing);
}

static void on_changed(void *argument)
{
  struct host *host = argument;
  const enum inquiry_state state = inquiry_state(host->inquiry);
  if (state == INQUIRY_FAILED) {
    hang_up(host);
  } else if (state == INQUIRY_ANSWERED && host->asked) {
    host->asked = false;
    set_timer(host, ASK_EVERY);
    see(host, inquiry_sighting(host->inquiry));
  }
}

static void open_one(struct host *host)
{
  const struct hosts_settings *settings = &host->hosts->settings;
  const struct inquiry_settings inquiry = {.base = settings->base,
                                           .dialer = host->dialer,
                                           .timeout = DEADLINE,
                                           .watches = true,
                                           .pooled = settings->config->prepared_statements == 0,
                                           .census = settings->census,
                                           .changed = on_changed,
                                           .owner = host};
  host->asked = true;
  set_timer(host, DEADLINE);
  host->inquiry = inquiry_open(&inquiry);
  if (host->inquiry == NULL || inquiry_state(host->inquiry) == INQUIRY_FAILED)
    hang_up(host);
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
  struct host *host = argument;
  (void)fd;
  (void)what;
  if (host->inquiry == NULL) {
    open_one(host);
  } else if (host->asked) {
    hang_up(host);
  } else {
    host->asked = true;
    set_timer(host, DEADLINE);
    inquiry_ask(host->inquiry);
  }
}

static bool prepare(struct hosts *hosts, int index)
{
  struct host *host = &hosts->items[index];
  host->hosts = hosts;
  host->timer = evtimer_new(hosts->settings.base, on_timer, host);
  host->dialer = dialer_new(hosts->settings.base, hosts->settings.config->database_url);
  if (host->timer == NULL || host->dialer == NULL)
    return false;
  dialer_aim(host->dialer, index, true);
  set_timer(host, 0);
  return true;
}

struct hosts *hosts_new(const struct hosts_settings *settings, int count)
{
  struct hosts *hosts = calloc(1, sizeof *hosts + (size_t)count * sizeof *hosts->items);
  if (hosts == NULL)
    return NULL;
  hosts->settings = *settings;
  hosts->spared = PRIMARY_NONE;
  hosts->count = count;
  for (int i = 0; i < count; i++)
    if (!prepare(hosts, i)) {
      hosts_free(hosts);
      return NULL;
    }
  return hosts;
}

void hosts_free(struct hosts *hosts)
{
  for (int i = 0; hosts != NULL && i < hosts->count; i++) {
    inquiry_free(hosts->items[i].inquiry);
    dialer_free(hosts->items[i].dialer);
    if (hosts->items[i].timer != NULL)
      event_free(hosts->items[i].timer);
  }
  free(hosts);
}

void hosts_spare(struct hosts *hosts, int server)
{
  if (server == hosts->spared)
    return;
  if (hosts->spared != PRIMARY_NONE)
    set_timer(&hosts->items[hosts->spared], 0);
  hosts->spared = server;
  if (server == PRIMARY_NONE)
    return;
  struct host *host = &hosts->items[server];
  inquiry_free(host->inquiry);
  host->inquiry = NULL;
  host->asked = false;
  host->sighting = (struct sighting){0};
  (void)event_del(host->timer);
}

struct sighting hosts_sighting(const struct hosts *hosts, int server)
{
  return hosts->items[server].sighting;
}
