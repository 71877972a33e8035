/* Judges the board, and status.json where the board cannot be read. */
#include "supervise/sight.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lontar/error.h>

#include "base/clock.h"
#include "health/folder.h"
#include "health/health.h"
#include "health/owner.h"
#include "health/publish.h"

/* As publish_status allows. */
enum { STATUS_SIZE_MAX = 256 * 1024, STATUS_DEPTH_MAX = 8 };

static void set_both(enum board_condition wards[BOARD_WARDS], enum board_condition condition)
{
  wards[BOARD_WARD_LONTARD] = condition;
  wards[BOARD_WARD_DATABASE] = condition;
}

/* `well`: lontard moves; `up`: requests are answered; `gone`: the prober finds no server that answers. */
static void judge(bool well, bool up, bool gone, enum board_condition ret_wards[BOARD_WARDS])
{
  set_both(ret_wards, BOARD_CONDITION_UNKNOWN);
  ret_wards[BOARD_WARD_LONTARD] = well ? BOARD_CONDITION_WELL : BOARD_CONDITION_ILL;
  if (well && gone)
    ret_wards[BOARD_WARD_DATABASE] = BOARD_CONDITION_ILL;
  else if (well && up)
    ret_wards[BOARD_WARD_DATABASE] = BOARD_CONDITION_WELL;
}

/* ---- The board ---- */

void sight_of_board(const struct board_snapshot *snapshot, bool there, enum board_condition ret_wards[BOARD_WARDS])
{
  const bool well = board_beats(snapshot, snapshot->layout.head.heartbeat) && health_workers_alive(snapshot) > 0;
  if (there)
    judge(well, health_database(snapshot) == BOARD_DATABASE_UP, health_server_gone(snapshot), ret_wards);
  else
    set_both(ret_wards, BOARD_CONDITION_UNKNOWN);
}

static bool look_at_board(const char *run_dir, pid_t owner, enum board_condition ret_wards[BOARD_WARDS])
{
  char path[PATH_MAX], message[MESSAGE_SIZE];
  CLEANUP_BOARD struct board *board = NULL;
  CLEANUP_FREE struct board_snapshot *snapshot = malloc(sizeof *snapshot);
  (void)snprintf(path, sizeof path, "%s/" BOARD_FILE, run_dir);
  if (snapshot == NULL || board_open(path, false, &board, message, sizeof message) != LONTAR_OK)
    return false;
  board_snapshot(board, snapshot);
  sight_of_board(snapshot, snapshot->layout.head.master_pid == (uint64_t)owner, ret_wards);
  return true;
}

/* ---- status.json ---- */

static int64_t number_of(const json_object *document, const char *name)
{
  json_object *value;
  return json_object_object_get_ex(document, name, &value) ? json_object_get_int64(value) : 0;
}

bool sight_of_status(const char *text, int64_t wall, enum board_condition ret_wards[BOARD_WARDS], int64_t *ret_master)
{
  char now[CLOCK_RFC3339_SIZE], boot_text[CLOCK_BOOT_SIZE];
  json_object *master;
  CLEANUP_JSON json_object *document = folder_parse(text, STATUS_DEPTH_MAX);
  if (document == NULL)
    return false;
  const char *expires = folder_text(document, "expires_at");
  const char *boot = folder_text(document, "boot_id"); /* older versions do not tell */
  if (*boot != '\0' && strcmp(boot, clock_boot_text(boot_text)) != 0)
    return false;
  if (*expires == '\0' || !json_object_object_get_ex(document, "master", &master))
    return false;
  (void)clock_rfc3339(wall, now);
  /* Both are UTC in one form, so they sort as texts; a missing fraction costs less than a second. */
  const bool well = strcmp(expires, now) > 0 && number_of(master, "workers_alive") > 0;
  const bool up = strcmp(folder_text(document, "database"), "up") == 0;
  json_object *prober, *gone;
  const bool is_gone = json_object_object_get_ex(document, "prober", &prober) &&
                       json_object_object_get_ex(prober, "server_gone", &gone) && json_object_get_boolean(gone);
  judge(well, up, is_gone, ret_wards);
  *ret_master = number_of(master, "pid");
  return true;
}

static bool look_at_status(const char *run_dir, pid_t owner, enum board_condition ret_wards[BOARD_WARDS])
{
  int64_t master = 0;
  CLEANUP_FREE char *text = folder_read(run_dir, PUBLISH_FILE, STATUS_SIZE_MAX);
  return text != NULL && sight_of_status(text, clock_wall(), ret_wards, &master) && master == owner;
}

void sight_look(const char *run_dir, enum board_condition ret_wards[BOARD_WARDS])
{
  const pid_t owner = owner_of(run_dir);
  if (owner <= 0 || (!look_at_board(run_dir, owner, ret_wards) && !look_at_status(run_dir, owner, ret_wards)))
    set_both(ret_wards, BOARD_CONDITION_UNKNOWN);
}
