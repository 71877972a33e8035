/* The record of the primary as a JSON document, whose numbers are texts because they have 64 bits without a sign. */
#include "health/record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "health/publish.h"
#include "json/reader.h"

enum { RECORD_SIZE_MAX = 1024, RECORD_DEPTH_MAX = 2, HEXADECIMAL = 16, DECIMAL = 10 };

static void cleanup_json(json_object **object)
{
  (void)json_object_put(*object);
}

static bool find(char out[PATH_MAX], const char *folder)
{
  return (size_t)snprintf(out, PATH_MAX, "%s/" RECORD_FILE, folder) < PATH_MAX;
}

static json_object *read_document(const char *folder)
{
  char path[PATH_MAX], text[RECORD_SIZE_MAX];
  struct json_fault fault;
  json_object *document;
  if (!find(path, folder))
    return NULL;
  CLEANUP_CLOSE int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  const ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, sizeof text);
  if (length < 0)
    return NULL;
  return json_read_object(text, (size_t)length, RECORD_DEPTH_MAX, &document, &fault) == LONTAR_OK ? document : NULL;
}

/* 0 where there is none. */
static uint64_t number(const json_object *document, const char *name, int base)
{
  json_object *text;
  if (!json_object_object_get_ex(document, name, &text) || !json_object_is_type(text, json_type_string))
    return 0;
  return strtoull(json_object_get_string(text), NULL, base);
}

void record_load(const char *folder, uint64_t servers, struct primary *ret_primary)
{
  CLEANUP(cleanup_json) json_object *document = read_document(folder);
  const bool ours = document != NULL && number(document, "servers", HEXADECIMAL) == servers;
  ret_primary->system = ours ? number(document, "system", DECIMAL) : 0;
  ret_primary->timeline = ours ? number(document, "timeline", DECIMAL) : 0;
}

bool record_save(const char *folder, uint64_t servers, const struct primary *primary)
{
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, RECORD_SIZE_MAX);
  buffer_append_format(
      &text, "{\"servers\": \"%016" PRIx64 "\", \"system\": \"%" PRIu64 "\", \"timeline\": \"%" PRIu64 "\"}\n", servers,
      primary->system, primary->timeline);
  return publish_replace(folder, RECORD_FILE, &text, true) == LONTAR_OK;
}

bool record_is_gone(const char *folder)
{
  char path[PATH_MAX];
  return find(path, folder) && access(path, F_OK) != 0 && errno == ENOENT;
}
