/* Writes run_dir/status.json. */
#include "health/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "health/board.h"
#include "health/render.h"

/* A status document of 64 workers takes less than 64 KiB. */
enum { STATUS_SIZE_MAX = 256 * 1024 };

/* A short write is an error, too: nothing but a full disk makes one. */
static int write_file(const char *path, const struct buffer *text)
{
  CLEANUP_CLOSE int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (descriptor < 0 || fchmod(descriptor, 0644) < 0)
    return LONTAR_INTERNAL;
  errno = ENOSPC;
  return write(descriptor, text->data, text->length) == (ssize_t)text->length ? LONTAR_OK : LONTAR_INTERNAL;
}

int publish_status(const struct board *board, const char *run_dir)
{
  char path[PATH_MAX], new_path[PATH_MAX];
  struct board_snapshot snapshot;
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, STATUS_SIZE_MAX);
  if ((size_t)snprintf(path, sizeof path, "%s/" PUBLISH_FILE, run_dir) >= sizeof path ||
      (size_t)snprintf(new_path, sizeof new_path, "%s/" PUBLISH_FILE ".new", run_dir) >= sizeof new_path) {
    errno = ENAMETOOLONG;
    return LONTAR_INTERNAL;
  }
  board_snapshot(board, &snapshot);
  render_status(&snapshot, &text);
  if (text.failed) {
    errno = ENOMEM;
    return LONTAR_INTERNAL;
  }
  const int error = write_file(new_path, &text);
  if (error)
    return error;
  return rename(new_path, path) < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}
