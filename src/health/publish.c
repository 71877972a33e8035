/* Writes status.json and the marker. */
#include "health/publish.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/board.h"
#include "health/folder.h"
#include "health/render.h"
#include "json/problem.h"
#include "log/log.h"

/* A status document of 64 workers takes less than 64 KiB, a marker 200 bytes. */
enum { STATUS_SIZE_MAX = 256 * 1024, MARKER_SIZE_MAX = 4096 };

/* As nginx looks: a folder of that name is no marker. */
static bool is_marked(const char *run_dir)
{
  char path[PATH_MAX];
  struct stat status;
  return folder_path(path, run_dir, PUBLISH_MARKER) && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

void publish_look(const struct board *board, const char *run_dir, struct board_snapshot *ret_snapshot)
{
  board_snapshot(board, ret_snapshot);
  ret_snapshot->marked = is_marked(run_dir);
}

int publish_status(const struct board *board, const char *run_dir)
{
  struct board_snapshot snapshot;
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, STATUS_SIZE_MAX);
  publish_look(board, run_dir, &snapshot);
  render_status(&snapshot, &text);
  return folder_replace(run_dir, PUBLISH_FILE, &text, false);
}

int publish_marker(const char *run_dir, int64_t now)
{
  char expires_at[CLOCK_RFC3339_SIZE] = "";
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, MARKER_SIZE_MAX);
  (void)clock_rfc3339(now + PUBLISH_MARKER_LIFE, expires_at);
  problem_write_kept(&text, LONTAR_UNAVAILABLE, expires_at);
  return folder_replace(run_dir, PUBLISH_MARKER, &text, false);
}

bool publish_unmark(const char *run_dir, bool *failed)
{
  char path[PATH_MAX];
  const bool gone = folder_path(path, run_dir, PUBLISH_MARKER) && (unlink(path) == 0 || errno == ENOENT);
  if (!gone && !*failed)
    log_line(LOG_LEVEL_ERROR, "the marker in %s cannot be removed: %s; nginx answers 503 until it is", run_dir,
             strerror(errno));
  else if (gone && *failed)
    log_line(LOG_LEVEL_INFO, "the marker in %s is removed now", run_dir);
  *failed = !gone;
  return gone;
}
