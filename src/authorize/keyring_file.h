/* The keyring's file as text, for keyring.c, which understands it, and keyring_edit.c, which replaces it. Thread-safe.
 */
#ifndef AUTHORIZE_KEYRING_FILE_H
#define AUTHORIZE_KEYRING_FILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/buffer.h"

/* More than any school has keys. */
enum { KEYRING_FILE_MAX = 1024 * 1024 };

/* Appends the file's text, at most KEYRING_FILE_MAX bytes, and tells owner and mode. A missing file is empty and has
 * st_mode 0. Errors as keyring_load. */
int keyring_read_file(const char *path, struct buffer *text, struct stat *ret_status, char *message, size_t size);

/* The first word of a line, without the blanks before it; its length is 0 on an empty line. */
size_t keyring_word(const char **line, const char *end);

#endif
