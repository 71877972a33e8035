/* Reads and replaces files. */
#include "health/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "json/reader.h"

bool folder_path(char out[PATH_MAX], const char *folder, const char *name)
{
  if ((size_t)snprintf(out, PATH_MAX, "%s/%s", folder, name) < PATH_MAX)
    return true;
  errno = ENAMETOOLONG;
  return false;
}

bool folder_has_open(const char *path, int descriptor)
{
  struct stat opened, named;
  return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

/* A short write is an error, too: nothing but a full disk makes one. */
static int write_new(const char *path, const struct buffer *text, bool lasting)
{
  if (unlink(path) < 0 && errno != ENOENT)
    return LONTAR_INTERNAL;
  CLEANUP_CLOSE int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0 || fchmod(descriptor, 0644) < 0)
    return LONTAR_INTERNAL;
  errno = ENOSPC;
  if (write(descriptor, text->data, text->length) != (ssize_t)text->length)
    return LONTAR_INTERNAL;
  return lasting && fsync(descriptor) < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}

static int settle(const char *folder)
{
  CLEANUP_CLOSE int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return descriptor < 0 || fsync(descriptor) < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}

int folder_replace(const char *folder, const char *name, const struct buffer *text, bool lasting)
{
  char path[PATH_MAX], new_name[NAME_MAX], new_path[PATH_MAX];
  (void)snprintf(new_name, sizeof new_name, "%s.new", name);
  if (!folder_path(path, folder, name) || !folder_path(new_path, folder, new_name))
    return LONTAR_INTERNAL;
  if (text->failed) {
    errno = ENOMEM;
    return LONTAR_INTERNAL;
  }
  const int error = write_new(new_path, text, lasting);
  if (error)
    return error;
  if (rename(new_path, path) < 0)
    return LONTAR_INTERNAL;
  return lasting ? settle(folder) : LONTAR_OK;
}

char *folder_read(const char *folder, const char *name, size_t most)
{
  char path[PATH_MAX];
  if (!folder_path(path, folder, name))
    return NULL;
  CLEANUP_CLOSE int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  CLEANUP_FREE char *text = malloc(most + 1);
  const ssize_t length = descriptor < 0 || text == NULL ? -1 : read(descriptor, text, most);
  if (length < 0)
    return NULL;
  text[length] = '\0';
  return TAKE(text);
}

struct json_object *folder_parse(const char *text, int depth_max)
{
  struct json_fault fault;
  json_object *document;
  return json_read_object(text, strlen(text), depth_max, &document, &fault) == LONTAR_OK ? document : NULL;
}

const char *folder_text(const struct json_object *document, const char *name)
{
  json_object *value;
  return json_object_object_get_ex(document, name, &value) && json_object_is_type(value, json_type_string)
             ? json_object_get_string(value)
             : "";
}

void folder_free_json(struct json_object **object)
{
  (void)json_object_put(*object);
}
