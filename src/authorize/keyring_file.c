/* The file of service keys as text. */
#include "authorize/keyring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/cleanup.h"
#include "base/message.h"

static int read_all(int descriptor, struct buffer *text)
{
  for (;;) {
    char *place = buffer_reserve(text, 4096);
    if (!place)
      return text->length + 4096 > KEYRING_FILE_MAX ? EFBIG : ENOMEM;
    const ssize_t count = read(descriptor, place, 4096);
    if (count < 0 && errno != EINTR)
      return errno;
    if (count == 0)
      return 0;
    if (count > 0)
      buffer_advance(text, (size_t)count);
  }
}

int keyring_read_file(const char *path, struct buffer *text, struct stat *ret_status, char *message, size_t size)
{
  CLEANUP_CLOSE int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  if (descriptor < 0 && errno == ENOENT) {
    *ret_status = (struct stat){0};
    return LONTAR_OK;
  }
  if (descriptor < 0 || fstat(descriptor, &status) < 0)
    return message_fail(LONTAR_INTERNAL, message, size, "keyring %s cannot be read: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode))
    return message_fail(LONTAR_INTERNAL, message, size, "keyring %s is not a regular file", path);
  if ((status.st_mode & 077) != 0)
    return message_fail(LONTAR_FORBIDDEN, message, size,
                        "keyring %s is open to group or others (mode %04o): run chmod 600 %s", path,
                        (unsigned)(status.st_mode & 07777), path);
  const int error = read_all(descriptor, text);
  if (error)
    return message_fail(LONTAR_INTERNAL, message, size, "keyring %s cannot be read: %s", path, strerror(error));
  *ret_status = status;
  return LONTAR_OK;
}

size_t keyring_word(const char **line, const char *end)
{
  const char *start = *line;
  while (start < end && (*start == ' ' || *start == '\t' || *start == '\r'))
    start++;
  const char *stop = start;
  while (stop < end && *stop != ' ' && *stop != '\t' && *stop != '\r')
    stop++;
  *line = start;
  return (size_t)(stop - start);
}
