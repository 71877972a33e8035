/* The record of the primary as a JSON document, whose numbers are texts because they have 64 bits without a sign. */
#include "health/record.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/buffer.h"
#include "health/folder.h"

enum { RECORD_SIZE_MAX = 1024, RECORD_DEPTH_MAX = 2, HEXADECIMAL = 16, DECIMAL = 10 };

void record_load(const char *folder, uint64_t servers, struct primary *ret_primary)
{
  CLEANUP_FREE char *text = folder_read(folder, RECORD_FILE, RECORD_SIZE_MAX);
  CLEANUP_JSON json_object *document = text != NULL ? folder_parse(text, RECORD_DEPTH_MAX) : NULL;
  const bool ours = document != NULL && strtoull(folder_text(document, "servers"), NULL, HEXADECIMAL) == servers;
  ret_primary->system = ours ? strtoull(folder_text(document, "system"), NULL, DECIMAL) : 0;
  ret_primary->timeline = ours ? strtoull(folder_text(document, "timeline"), NULL, DECIMAL) : 0;
}

bool record_save(const char *folder, uint64_t servers, const struct primary *primary)
{
  CLEANUP(buffer_free) struct buffer text;
  buffer_init(&text, RECORD_SIZE_MAX);
  buffer_append_format(
      &text, "{\"servers\": \"%016" PRIx64 "\", \"system\": \"%" PRIu64 "\", \"timeline\": \"%" PRIu64 "\"}\n", servers,
      primary->system, primary->timeline);
  return folder_replace(folder, RECORD_FILE, &text, true) == LONTAR_OK;
}

bool record_is_gone(const char *folder)
{
  char path[PATH_MAX];
  return folder_path(path, folder, RECORD_FILE) && access(path, F_OK) != 0 && errno == ENOENT;
}
