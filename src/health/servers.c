/* Puts together what is seen of the servers, and tells what follows from it. */
#include "health/servers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "config/config.h"
#include "health/inquiry.h"
#include "health/primary.h"
#include "health/record.h"
#include "log/log.h"
#include "pool/dial.h"

enum { SENTENCE_MAX = 512 };

struct servers {
  struct servers_settings settings;
  int count;
  uint64_t hash;
  struct primary primary;
  struct hosts *hosts;    /* NULL where there is only one server */
  bool kept;              /* the record is on disk as it is here */
  bool keeping_failed;    /* and that was told */
  int64_t kept_at;        /* when that was looked at */
  enum board_alarm alarm; /* that was told */
};

static const char *folder(const struct servers *servers)
{
  const struct config *config = servers->settings.hosts.config;
  return *config->state_dir != '\0' ? config->state_dir : config->run_dir;
}

static void aim(struct servers *servers)
{
  if (servers->hosts == NULL)
    return;
  dialer_aim(servers->settings.dialer, servers->primary.server == PRIMARY_NONE ? DIALER_ANY : servers->primary.server,
             false);
  hosts_spare(servers->hosts, servers->primary.server);
}

/* ---- Telling ---- */

/* The server comes before the time of the move, by which workers notice. */
static void write_board(const struct servers *servers, bool moved, int64_t now)
{
  struct board_prober *slot = servers->settings.slot;
  const struct primary *primary = &servers->primary;
  board_set(&slot->servers, servers->hash);
  board_set(&slot->chosen, (uint64_t)primary->server + 1);
  board_set(&slot->system, primary->system);
  board_set(&slot->timeline, primary->timeline);
  board_set(&slot->alarm_system, primary->other.system);
  board_set(&slot->alarm_timeline, primary->other.timeline);
  board_set(&slot->alarm, (uint64_t)primary->alarm);
  if (moved)
    __atomic_store_n(&slot->moved, (uint64_t)now, __ATOMIC_RELEASE);
}

static void tell_alarm(struct servers *servers)
{
  CLEANUP(buffer_free) struct buffer sentence;
  buffer_init(&sentence, SENTENCE_MAX);
  primary_sentence(servers->settings.slot, &sentence);
  if (sentence.length > 0)
    log_line(LOG_LEVEL_ERROR, "%.*s", (int)sentence.length - 1, sentence.data + 1);
  else
    log_line(LOG_LEVEL_INFO, "no other server of database_url takes writes any more");
  servers->alarm = servers->primary.alarm;
}

static void tell_move(const struct servers *servers, bool first)
{
  const struct primary *primary = &servers->primary;
  if (servers->hosts != NULL)
    log_line(first ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING, "the primary is server %d of database_url timeline=%" PRIu64,
             primary->server + 1, primary->timeline);
  else
    log_line(LOG_LEVEL_WARNING, "the primary is at another timeline than before timeline=%" PRIu64, primary->timeline);
}

/* ---- The record ---- */

static void keep(struct servers *servers)
{
  servers->kept = record_save(folder(servers), servers->hash, &servers->primary);
  if (!servers->kept && !servers->keeping_failed)
    log_line(LOG_LEVEL_WARNING,
             "%s/" RECORD_FILE " cannot be written: %s; after a restart an older primary would not be noticed",
             folder(servers), strerror(errno));
  servers->keeping_failed = !servers->kept;
}

/* Somebody who has removed the record wants that what is there now is used. */
static void forget(struct servers *servers)
{
  log_line(LOG_LEVEL_WARNING, RECORD_FILE " was removed: the primary that is seen now is used, whatever it is");
  servers->primary = (struct primary){.server = servers->hosts != NULL ? PRIMARY_NONE : servers->primary.server};
  servers->kept = false;
}

static void look_at_record(struct servers *servers, int64_t now)
{
  if (now - servers->kept_at < CLOCK_SECOND)
    return;
  servers->kept_at = now;
  if (servers->kept && record_is_gone(folder(servers)))
    forget(servers);
  else if (!servers->kept && servers->primary.system != 0)
    keep(servers);
}

/* ---- Looking ---- */

static bool has_answered(const struct inquiry *inquiry)
{
  return inquiry != NULL && inquiry_state(inquiry) != INQUIRY_FAILED && inquiry_sighting(inquiry)->system != 0;
}

/* As long as the one in use does not count as away it is what it was. */
static void gather(const struct servers *servers, const struct inquiry *inquiry, bool away,
                   struct sighting sightings[PRIMARY_SERVERS_MAX])
{
  const struct primary *primary = &servers->primary;
  for (int i = 0; servers->hosts != NULL && i < servers->count; i++)
    sightings[i] = hosts_sighting(servers->hosts, i);
  if (has_answered(inquiry) && inquiry_server(inquiry) < servers->count)
    sightings[inquiry_server(inquiry)] = *inquiry_sighting(inquiry);
  else if (servers->hosts != NULL && primary->server != PRIMARY_NONE && !away)
    sightings[primary->server] =
        (struct sighting){.takes_writes = true, .system = primary->system, .timeline = primary->timeline};
}

bool servers_look(struct servers *servers, const struct inquiry *inquiry, bool away, int64_t now)
{
  struct sighting sightings[PRIMARY_SERVERS_MAX] = {0};
  look_at_record(servers, now);
  gather(servers, inquiry, away, sightings);
  const struct primary before = servers->primary;
  const bool moved = primary_look(&servers->primary, sightings, servers->count);
  write_board(servers, moved, now);
  if (servers->primary.alarm != servers->alarm)
    tell_alarm(servers);
  if (before.system != servers->primary.system || before.timeline != servers->primary.timeline)
    keep(servers);
  if (!moved)
    return false;
  tell_move(servers, before.server == PRIMARY_NONE);
  aim(servers);
  return inquiry == NULL || !has_answered(inquiry) || inquiry_server(inquiry) != servers->primary.server;
}

bool servers_refuse(const struct servers *servers, const struct inquiry *inquiry)
{
  return servers->hosts != NULL && primary_outdates(&servers->primary, inquiry_sighting(inquiry));
}

/* ---- Beginning and end ---- */

static void recall(struct servers *servers)
{
  const struct board_prober *slot = servers->settings.slot;
  struct primary *primary = &servers->primary;
  *primary = (struct primary){.server = servers->count > 1 ? PRIMARY_NONE : 0};
  if (board_get(&slot->servers) != servers->hash) {
    record_load(folder(servers), servers->hash, primary);
  } else {
    primary->system = board_get(&slot->system);
    primary->timeline = board_get(&slot->timeline);
    primary->server = (int)board_get(&slot->chosen) - 1;
    primary->alarm = (enum board_alarm)board_get(&slot->alarm);
    primary->other.system = board_get(&slot->alarm_system);
    primary->other.timeline = board_get(&slot->alarm_timeline);
  }
  servers->alarm = primary->alarm;
  servers->kept = primary->system != 0;
}

struct servers *servers_new(const struct servers_settings *settings)
{
  struct servers *servers = calloc(1, sizeof *servers);
  if (servers == NULL)
    return NULL;
  const int count = dialer_server_count(settings->dialer);
  servers->settings = *settings;
  servers->count = count < PRIMARY_SERVERS_MAX ? count : PRIMARY_SERVERS_MAX;
  servers->hash = dialer_servers(settings->dialer);
  recall(servers);
  servers->hosts = servers->count > 1 ? hosts_new(&settings->hosts, servers->count) : NULL;
  if (servers->count > 1 && servers->hosts == NULL) {
    servers_free(servers);
    return NULL;
  }
  aim(servers);
  write_board(servers, false, 0);
  return servers;
}

void servers_free(struct servers *servers)
{
  if (servers == NULL)
    return;
  hosts_free(servers->hosts);
  free(servers);
}
