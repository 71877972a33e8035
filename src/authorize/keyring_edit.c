/* Adding and revoking service keys: the file is replaced whole, so a reader sees the old one or the new one. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lontar/error.h>

#include "authorize/keyring.h"
#include "authorize/keyring_file.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/message.h"

/* An edit under way: the folder is locked until it is closed. */
struct edit {
  int folder;
  struct buffer text;
  struct stat status;
  struct keyring *keyring;
};

static void edit_done(struct edit *edit)
{
  if (edit->folder >= 0)
    (void)close(edit->folder);
  buffer_free(&edit->text);
  keyring_free(edit->keyring);
}

static int lock_folder(const char *path, int *ret_folder)
{
  char copy[PATH_MAX];
  if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
    return ENAMETOOLONG;
  CLEANUP_CLOSE int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return errno;
  while (flock(folder, LOCK_EX) < 0)
    if (errno != EINTR)
      return errno;
  *ret_folder = folder;
  folder = -1;
  return 0;
}

static int edit_begin(const char *path, struct edit *edit, char *message, size_t size)
{
  *edit = (struct edit){.folder = -1};
  buffer_init(&edit->text, KEYRING_FILE_MAX);
  const int failed = lock_folder(path, &edit->folder);
  if (failed)
    return message_fail(LONTAR_INTERNAL, message, size, "the folder of keyring %s cannot be used: %s", path,
                        strerror(failed));
  const int error = keyring_read_file(path, &edit->text, &edit->status, message, size);
  if (error)
    return error;
  return keyring_parse(path, edit->text.data, edit->text.length, &edit->keyring, message, size);
}

static int write_all(int descriptor, const struct buffer *text)
{
  size_t written = 0;
  while (written < text->length) {
    const ssize_t count = write(descriptor, text->data + written, text->length - written);
    if (count < 0 && errno != EINTR)
      return errno;
    if (count > 0)
      written += (size_t)count;
  }
  return fsync(descriptor) < 0 ? errno : 0;
}

/* A file that exists keeps its owner, so that root may edit the daemon's keyring. */
static int write_new(const char *path, const struct stat *status, const struct buffer *text)
{
  (void)unlink(path);
  CLEANUP_CLOSE int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0)
    return errno;
  const bool existed = status->st_mode != 0;
  const bool foreign = existed && (status->st_uid != geteuid() || status->st_gid != getegid());
  if (foreign && fchown(descriptor, status->st_uid, status->st_gid) < 0)
    return errno;
  if (fchmod(descriptor, existed ? status->st_mode & 0700 : 0600) < 0)
    return errno;
  return write_all(descriptor, text);
}

static int edit_commit(const char *path, const struct edit *edit, const struct buffer *text, char *message, size_t size)
{
  char new_path[PATH_MAX];
  if (text->failed || (size_t)snprintf(new_path, sizeof new_path, "%s.new", path) >= sizeof new_path)
    return message_fail(LONTAR_INTERNAL, message, size, "keyring %s: too long", path);
  int failed = write_new(new_path, &edit->status, text);
  if (!failed && rename(new_path, path) < 0)
    failed = errno;
  if (failed) {
    (void)unlink(new_path);
    return message_fail(LONTAR_INTERNAL, message, size, "keyring %s cannot be replaced: %s", path, strerror(failed));
  }
  (void)fsync(edit->folder);
  return LONTAR_OK;
}

static void make_key(char out[KEYRING_KEY_SIZE])
{
  const size_t prefix = sizeof KEYRING_KEY_PREFIX - 1;
  memcpy(out, KEYRING_KEY_PREFIX, prefix);
  token_make(out + prefix);
}

static void append_entry(struct buffer *text, const char *name, const char *key)
{
  char hash[TOKEN_HASH_SIZE];
  char created[CLOCK_RFC3339_SIZE];
  token_hash(key, strlen(key), hash);
  (void)clock_rfc3339(clock_wall() / CLOCK_SECOND * CLOCK_SECOND, created);
  if (text->length > 0 && text->data[text->length - 1] != '\n')
    buffer_append_text(text, "\n");
  buffer_append_format(text, "%s %s %s\n", name, hash, created);
}

int keyring_add(const char *path, const char *name, char ret_key[KEYRING_KEY_SIZE], char *message, size_t size)
{
  CLEANUP(edit_done) struct edit edit;
  char key[KEYRING_KEY_SIZE];
  int error = edit_begin(path, &edit, message, size);
  if (error)
    return error;
  if (!keyring_name_is_valid(name, strlen(name)))
    return message_fail(LONTAR_INVALID, message, size, "the name must be 1 to 64 of a-z 0-9 . _ -");
  if (keyring_has(edit.keyring, name))
    return message_fail(LONTAR_CONFLICT, message, size, "there is a service key with the name %s already", name);
  make_key(key);
  append_entry(&edit.text, name, key);
  error = edit_commit(path, &edit, &edit.text, message, size);
  if (!error)
    memcpy(ret_key, key, sizeof key);
  return error;
}

/* The line's first word is the name; a comment's never is, because a name has no #. */
static bool line_is_of(const char *line, const char *stop, const char *name)
{
  const size_t length = keyring_word(&line, stop);
  return length == strlen(name) && memcmp(line, name, length) == 0;
}

static void copy_without(const struct buffer *from, const char *name, struct buffer *to)
{
  const char *end = from->data + from->length;
  for (const char *line = from->data; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    const char *next = stop ? stop + 1 : end;
    if (!line_is_of(line, stop ? stop : end, name))
      buffer_append(to, line, (size_t)(next - line));
    line = next;
  }
}

int keyring_revoke(const char *path, const char *name, char *message, size_t size)
{
  CLEANUP(edit_done) struct edit edit;
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, KEYRING_FILE_MAX);
  const int error = edit_begin(path, &edit, message, size);
  if (error)
    return error;
  if (!keyring_has(edit.keyring, name))
    return message_fail(LONTAR_NOT_FOUND, message, size, "there is no service key with the name %s", name);
  copy_without(&edit.text, name, &text);
  return edit_commit(path, &edit, &text, message, size);
}
