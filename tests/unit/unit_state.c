/* Tests of supervise/state: what lontar-supervise has tried outlives it, and nothing else does. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "health/board.h"
#include "supervise/state.h"
#include "unit.h"

struct place {
  char folder[32];
  char file[64];
};

static struct place place_make(void)
{
  struct place place = {.folder = "/tmp/unit-state-XXXXXX"};
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place.folder));
  (void)snprintf(place.file, sizeof place.file, "%s/" STATE_FILE, place.folder);
  return place;
}

static void place_remove(const struct place *place)
{
  (void)unlink(place->file);
  CU_ASSERT_EQUAL(rmdir(place->folder), 0);
}

static const struct board_supervisor kept = {
    .pid = 4711,
    .heartbeat = 99,
    .wards = {{.condition = BOARD_CONDITION_ILL, .since = 1, .seen = 2, .attempts = 3, .attempted = 4},
              {.ended = 5, .restart = BOARD_RESTART_OVERDUE, .due = 6, .escalated = INT64_MAX}},
};

static void what_is_saved_is_loaded(void)
{
  struct place place = place_make();
  struct board_supervisor loaded = {0};
  CU_ASSERT_FALSE(state_load(place.folder, &loaded));
  CU_ASSERT_EQUAL(state_save(place.folder, &kept), 0);
  CU_ASSERT_EQUAL(state_save(place.folder, &kept), 0);
  CU_ASSERT_TRUE(state_load(place.folder, &loaded));
  CU_ASSERT_EQUAL(memcmp(&loaded, &kept, sizeof kept), 0);
  place_remove(&place);
}

/* Puts `text` where `old` is in the file. */
static void damage(const struct place *place, const char *old, const char *text)
{
  char content[4096];
  FILE *file = fopen(place->file, "re");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  content[fread(content, 1, sizeof content - 1, file)] = '\0';
  (void)fclose(file);
  const char *at = strstr(content, old);
  CU_ASSERT_PTR_NOT_NULL_FATAL(at);
  file = fopen(place->file, "we");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  (void)fprintf(file, "%.*s%s%s", (int)(at - content), content, text, at + strlen(old));
  (void)fclose(file);
}

static void what_is_damaged_or_old_is_not_loaded(void)
{
  static const char *const damages[][2] = {
      {"\"version\": 1", "\"version\": 2"},
      {"\"boot_id\": \"", "\"boot_id\": \"0"},
      {"\"boot_id\": \"", "\"boot_id\": null, \"x\": \""},
      {"\"attempts\": 3", "\"attempts\": -3"},
      {"\"attempts\": 3", "\"attempts\": \"3\""},
      {"\"attempts\": 3", "\"attempt\": 3"},
      {"\"database\": {", "\"database\": 1, \"x\": {"},
      {"}}", "}"},
      {"{\"version", "[\"version"},
  };
  struct place place = place_make();
  struct board_supervisor loaded = {.pid = 7};
  for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
    CU_ASSERT_EQUAL(state_save(place.folder, &kept), 0);
    damage(&place, damages[i][0], damages[i][1]);
    CU_ASSERT_FALSE(state_load(place.folder, &loaded));
  }
  CU_ASSERT_EQUAL(truncate(place.file, 0), 0);
  CU_ASSERT_FALSE(state_load(place.folder, &loaded));
  CU_ASSERT_EQUAL(loaded.pid, 7);
  place_remove(&place);
}

static void a_link_is_not_written_through(void)
{
  struct place place = place_make();
  char new_file[80], target[80];
  (void)snprintf(new_file, sizeof new_file, "%s.new", place.file);
  (void)snprintf(target, sizeof target, "%s/target", place.folder);
  CU_ASSERT_EQUAL(symlink(target, new_file), 0);
  CU_ASSERT_EQUAL(state_save(place.folder, &kept), 0);
  CU_ASSERT_NOT_EQUAL(access(target, F_OK), 0);
  place_remove(&place);
}

static void a_reset_is_taken_once(void)
{
  struct place place = place_make();
  CU_ASSERT_FALSE(state_take_reset(place.folder));
  CU_ASSERT_EQUAL(state_request_reset(place.folder), 0);
  CU_ASSERT_EQUAL(state_request_reset(place.folder), 0);
  CU_ASSERT_TRUE(state_take_reset(place.folder));
  CU_ASSERT_FALSE(state_take_reset(place.folder));
  place_remove(&place);
  CU_ASSERT_NOT_EQUAL(state_request_reset(place.folder), 0);
  CU_ASSERT_NOT_EQUAL(state_save(place.folder, &kept), 0);
}

UNIT_CASES(state, UNIT_CASE(what_is_saved_is_loaded), UNIT_CASE(what_is_damaged_or_old_is_not_loaded),
           UNIT_CASE(a_link_is_not_written_through), UNIT_CASE(a_reset_is_taken_once));
