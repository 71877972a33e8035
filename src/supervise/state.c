/* The state as a JSON document with a row of the table for each field. */
#include "supervise/state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "health/board.h"
#include "health/folder.h"
#include "health/supervision.h"

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
  uint64_t version;
  return read_number(document, "version", &version) && version == STATE_VERSION &&
         strcmp(folder_text(document, "boot_id"), clock_boot_text(id)) == 0;
}

bool state_load(const char *run_dir, struct board_supervisor *ret)
{
  struct board_supervisor read = {0};
  CLEANUP_FREE char *text = folder_read(run_dir, STATE_FILE, STATE_SIZE_MAX);
  CLEANUP_JSON json_object *document = text != NULL ? folder_parse(text, STATE_DEPTH_MAX) : NULL;
  if (document == NULL || !is_of_this_boot(document) || !read_number(document, "pid", &read.pid) ||
      !read_number(document, "heartbeat", &read.heartbeat))
    return false;
  for (int i = 0; i < BOARD_WARDS; i++)
    if (!read_ward(document, supervision_word((enum board_ward_index)i), &read.wards[i]))
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

int state_save(const char *run_dir, const struct board_supervisor *supervisor)
{
  char id[CLOCK_BOOT_SIZE];
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, STATE_SIZE_MAX - 1);
  buffer_append_format(&text, "{\"version\": %d, \"boot_id\": \"%s\", \"pid\": %" PRIu64 ", \"heartbeat\": %" PRIu64,
                       STATE_VERSION, clock_boot_text(id), supervisor->pid, supervisor->heartbeat);
  for (int i = 0; i < BOARD_WARDS; i++)
    write_ward(&text, &supervisor->wards[i], supervision_word((enum board_ward_index)i));
  buffer_append_text(&text, "}\n");
  return folder_replace(run_dir, STATE_FILE, &text, false);
}

/* ---- Forgetting ---- */

int state_request_reset(const char *run_dir)
{
  char path[PATH_MAX];
  if (!folder_path(path, run_dir, RESET_FILE))
    return LONTAR_INTERNAL;
  CLEANUP_CLOSE int descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  return descriptor < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}

bool state_take_reset(const char *run_dir)
{
  char path[PATH_MAX];
  return folder_path(path, run_dir, RESET_FILE) && unlink(path) == 0;
}
