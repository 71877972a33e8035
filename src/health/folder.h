/* Files of run_dir and state_dir: each is replaced whole, so that a reader never sees half of one. Thread-safe. */
#ifndef HEALTH_FOLDER_H
#define HEALTH_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct buffer;
struct json_object;

/* The path of a file there; false with errno when it is too long. */
bool folder_path(char out[PATH_MAX], const char *folder, const char *name);

/* Whether that is the file which is open there; one that was removed since is not. */
bool folder_has_open(const char *path, int descriptor);

/* Puts a file in place of the one of that name, if any. What lies there is not followed nor written into: the folder
 * may be another user's. `lasting`: it is on the disk then, for which that is waited. LONTAR_OK, or LONTAR_INTERNAL
 * with errno. */
int folder_replace(const char *folder, const char *name, const struct buffer *text, bool lasting);

/* Its first `most` bytes as text, the caller's to free; NULL when it cannot be read. */
char *folder_read(const char *folder, const char *name, size_t most);

/* The object that a text is; NULL when it is none. */
struct json_object *folder_parse(const char *text, int depth_max);

/* A member that is a text; "" where there is none. */
const char *folder_text(const struct json_object *document, const char *name);

#define CLEANUP_JSON CLEANUP(folder_free_json)
void folder_free_json(struct json_object **object);

#endif
