/* Writes status.json and the marker. */
#include "health/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "health/board.h"
#include "health/render.h"
#include "json/problem.h"

/* A status document of 64 workers takes less than 64 KiB, a marker 200 bytes. */
enum { STATUS_SIZE_MAX = 256 * 1024, MARKER_SIZE_MAX = 4096 };

static bool join(char out[PATH_MAX], const char *run_dir, const char *name, const char *suffix)
{
  if ((size_t)snprintf(out, PATH_MAX, "%s/%s%s", run_dir, name, suffix) < PATH_MAX)
    return true;
  errno = ENAMETOOLONG;
  return false;
}

/* A short write is an error, too: nothing but a full disk makes one. */
static int write_file(const char *path, const struct buffer *text)
{
  CLEANUP_CLOSE int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor < 0 || fchmod(descriptor, 0644) < 0)
    return LONTAR_INTERNAL;
  errno = ENOSPC;
  return write(descriptor, text->data, text->length) == (ssize_t)text->length ? LONTAR_OK : LONTAR_INTERNAL;
}

static int replace(const char *run_dir, const char *name, const struct buffer *text)
{
  char path[PATH_MAX], new_path[PATH_MAX];
  if (!join(path, run_dir, name, "") || !join(new_path, run_dir, name, ".new"))
    return LONTAR_INTERNAL;
  if (text->failed) {
    errno = ENOMEM;
    return LONTAR_INTERNAL;
  }
  const int error = write_file(new_path, text);
  if (error)
    return error;
  return rename(new_path, path) < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}

int publish_status(const struct board *board, const char *run_dir)
{
  struct board_snapshot snapshot;
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, STATUS_SIZE_MAX);
  board_snapshot(board, &snapshot);
  render_status(&snapshot, &text);
  return replace(run_dir, PUBLISH_FILE, &text);
}

int publish_marker(const char *run_dir, int64_t now)
{
  char expires_at[CLOCK_RFC3339_SIZE] = "";
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, MARKER_SIZE_MAX);
  (void)clock_rfc3339(now + PUBLISH_MARKER_LIFE, expires_at);
  problem_write_kept(&text, LONTAR_UNAVAILABLE, expires_at);
  return replace(run_dir, PUBLISH_MARKER, &text);
}

int publish_unmark(const char *run_dir)
{
  char path[PATH_MAX];
  if (!join(path, run_dir, PUBLISH_MARKER, ""))
    return LONTAR_INTERNAL;
  return unlink(path) < 0 && errno != ENOENT ? LONTAR_INTERNAL : LONTAR_OK;
}
