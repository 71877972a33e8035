/* Tests of master/lookout: what a prober leaves behind is removed, if not at once, then later. */
#include <sys/stat.h>

#include "config/config.h"
#include "health/publish.h"
#include "log/log.h"
#include "master/lookout.h"
#include "place.h"
#include "unit.h"

enum { PROBER = 4711 };

static int ends[2];
static int kept;

static void capture(void)
{
  CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
  kept = dup(STDERR_FILENO);
  (void)dup2(ends[1], STDERR_FILENO);
  (void)close(ends[1]);
}

/* How often `words` stand in what was logged. */
static int captured(const char *words)
{
  char text[4096];
  int count = 0;
  (void)dup2(kept, STDERR_FILENO);
  (void)close(kept);
  const ssize_t length = read(ends[0], text, sizeof text - 1);
  (void)close(ends[0]);
  text[length > 0 ? length : 0] = '\0';
  for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
    count++;
  return count;
}

/* A folder in its place cannot be removed as a file can, not even by root. */
static void a_marker_is_tried_until_it_is_gone(void)
{
  struct place place;
  char path[64];
  place_make(&place);
  struct config config = {.run_dir = place.folder};
  struct lookout lookout = {.board = place.board, .config = &config, .pid = PROBER};
  (void)snprintf(path, sizeof path, "%s/" PUBLISH_MARKER, place.folder);
  CU_ASSERT_EQUAL_FATAL(mkdir(path, 0755), 0);
  log_init(LOG_LEVEL_INFO, "master");
  capture();
  CU_ASSERT_TRUE(lookout_bury(&lookout, PROBER, 0));
  lookout_check(&lookout);
  lookout_check(&lookout);
  CU_ASSERT_EQUAL(captured("cannot be removed"), 1);
  CU_ASSERT_EQUAL(rmdir(path), 0);
  CU_ASSERT_EQUAL(publish_marker(place.folder, 0), LONTAR_OK);
  capture();
  lookout_check(&lookout);
  CU_ASSERT_EQUAL(captured("is removed now"), 1);
  CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
  place_remove(&place);
}

/* It may be one that a living prober needs. */
static void a_marker_of_the_living_is_left_alone(void)
{
  struct place place;
  place_make(&place);
  struct config config = {.run_dir = place.folder};
  struct lookout lookout = {.board = place.board, .config = &config};
  bool failed = false;
  CU_ASSERT_EQUAL(publish_marker(place.folder, 0), LONTAR_OK);
  lookout_check(&lookout);
  publish_look(place.board, place.folder, &place.snapshot);
  CU_ASSERT_TRUE(place.snapshot.marked);
  CU_ASSERT_TRUE(publish_unmark(place.folder, &failed));
  place_remove(&place);
}

UNIT_CASES(lookout, UNIT_CASE(a_marker_is_tried_until_it_is_gone), UNIT_CASE(a_marker_of_the_living_is_left_alone));
