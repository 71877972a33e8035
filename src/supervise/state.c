/* The state as a JSON document with a row of the table for each field. */
#include "supervise/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "health/board.h"
#include "json/reader.h"

/* Raised when the meaning of a field changes. */
enum { STATE_VERSION = 1, STATE_SIZE_MAX = 4096, STATE_DEPTH_MAX = 4 };

#define RESET_FILE "supervise.reset"

static const struct ward_field {
  const char *name;
  size_t offset;
} fields[] = {
#define FIELD(name)                                                                                                    \
  {                                                                                                                    \
#name, offsetof(struct board_ward, name)                                                                           \
  }
    FIELD(condition), FIELD(since),   FIELD(seen), FIELD(attempts),  FIELD(attempted),
    FIELD(ended),     FIELD(restart), FIELD(due),  FIELD(escalated),
#undef FIELD
};

enum { WARD_FIELD_COUNT = sizeof fields / sizeof fields[0] };

_Static_assert(sizeof(struct board_ward) == WARD_FIELD_COUNT * sizeof(uint64_t), "every field of a ward is kept");

static const char *const ward_names[BOARD_WARDS] = {
    [BOARD_WARD_LONTARD] = "lontard", [BOARD_WARD_DATABASE] = "database"};

static void cleanup_json(json_object **object)
{
  (void)json_object_put(*object);
}

static bool join(char out[PATH_MAX], const char *run_dir, const char *name)
{
  return (size_t)snprintf(out, PATH_MAX, "%s/%s", run_dir, name) < PATH_MAX;
}

/* ---- Reading ---- */

static bool read_number(const json_object *object, const char *name, uint64_t *ret)
{
  json_object *number;
  if (!json_object_object_get_ex(object, name, &number) || !json_object_is_type(number, json_type_int) ||
      json_object_get_int64(number) < 0)
    return false;
  *ret = (uint64_t)json_object_get_int64(number);
  return true;
}

static bool read_ward(const json_object *document, const char *name, struct board_ward *ward)
{
  json_object *object;
  if (!json_object_object_get_ex(document, name, &object))
    return false;
  for (int i = 0; i < WARD_FIELD_COUNT; i++)
    if (!read_number(object, fields[i].name, (uint64_t *)(void *)((char *)ward + fields[i].offset)))
      return false;
  return true;
}

static bool is_of_this_boot(const json_object *document)
{
  char id[CLOCK_BOOT_SIZE];
  json_object *text;
  uint64_t version;
  return read_number(document, "version", &version) && version == STATE_VERSION &&
         json_object_object_get_ex(document, "boot_id", &text) && json_object_is_type(text, json_type_string) &&
         strcmp(json_object_get_string(text), clock_boot_text(id)) == 0;
}

static json_object *read_document(const char *run_dir)
{
  char path[PATH_MAX], text[STATE_SIZE_MAX];
  if (!join(path, run_dir, STATE_FILE))
    return NULL;
  CLEANUP_CLOSE int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  const ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, sizeof text);
  if (length < 0)
    return NULL;
  struct json_fault fault;
  json_object *document;
  return json_read_object(text, (size_t)length, STATE_DEPTH_MAX, &document, &fault) == LONTAR_OK ? document : NULL;
}

bool state_load(const char *run_dir, struct board_supervisor *ret)
{
  struct board_supervisor read = {0};
  CLEANUP(cleanup_json) json_object *document = read_document(run_dir);
  if (document == NULL || !is_of_this_boot(document) || !read_number(document, "pid", &read.pid) ||
      !read_number(document, "heartbeat", &read.heartbeat))
    return false;
  for (int i = 0; i < BOARD_WARDS; i++)
    if (!read_ward(document, ward_names[i], &read.wards[i]))
      return false;
  *ret = read;
  return true;
}

/* ---- Writing ---- */

static void write_ward(struct buffer *text, const struct board_ward *ward, const char *name)
{
  buffer_append_format(text, ",\n \"%s\": {", name);
  for (int i = 0; i < WARD_FIELD_COUNT; i++)
    buffer_append_format(text, "%s\"%s\": %" PRIu64, i > 0 ? ", " : "", fields[i].name,
                         *(const uint64_t *)(const void *)((const char *)ward + fields[i].offset));
  buffer_append_text(text, "}");
}

/* The folder may belong to lontard's user while we are root, so nothing that lies there is followed or written into. */
static int write_new(const char *path, const struct buffer *text)
{
  if (unlink(path) < 0 && errno != ENOENT)
    return LONTAR_INTERNAL;
  CLEANUP_CLOSE int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0)
    return LONTAR_INTERNAL;
  errno = ENOSPC; /* what a short write means */
  return write(descriptor, text->data, text->length) == (ssize_t)text->length ? LONTAR_OK : LONTAR_INTERNAL;
}

int state_save(const char *run_dir, const struct board_supervisor *supervisor)
{
  char path[PATH_MAX], new_path[PATH_MAX], id[CLOCK_BOOT_SIZE];
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, STATE_SIZE_MAX - 1);
  buffer_append_format(&text, "{\"version\": %d, \"boot_id\": \"%s\", \"pid\": %" PRIu64 ", \"heartbeat\": %" PRIu64,
                       STATE_VERSION, clock_boot_text(id), supervisor->pid, supervisor->heartbeat);
  for (int i = 0; i < BOARD_WARDS; i++)
    write_ward(&text, &supervisor->wards[i], ward_names[i]);
  buffer_append_text(&text, "}\n");
  errno = ENAMETOOLONG;
  if (text.failed || !join(path, run_dir, STATE_FILE) || !join(new_path, run_dir, STATE_FILE ".new"))
    return LONTAR_INTERNAL;
  const int error = write_new(new_path, &text);
  if (error)
    return error;
  return rename(new_path, path) < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}

/* ---- Forgetting ---- */

int state_request_reset(const char *run_dir)
{
  char path[PATH_MAX];
  errno = ENAMETOOLONG;
  if (!join(path, run_dir, RESET_FILE))
    return LONTAR_INTERNAL;
  CLEANUP_CLOSE int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  return descriptor < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}

bool state_take_reset(const char *run_dir)
{
  char path[PATH_MAX];
  return join(path, run_dir, RESET_FILE) && unlink(path) == 0;
}
