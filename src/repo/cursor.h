/*
 * The place of a record in a list, as text that a client hands back: `<id>` in lists by id, `<microseconds>_<id>` in
 * lists by time (since 1970 UTC, perhaps negative; "-inf" and "inf" for the infinities). Any id that PostgreSQL holds
 * may stand in one: adopted databases have others than ours. Times are those of a TIME value (repo/fields.h), which
 * holds each that PostgreSQL does, and so does the text: nothing is rounded. Pure, thread-safe.
 */
#ifndef REPO_CURSOR_H
#define REPO_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CURSOR_SIZE = 48 };

/* False when the text is not a cursor of that kind. `ret_time` may be NULL without time. */
bool cursor_parse(const char *text, size_t length, bool with_time, int64_t *ret_time, int64_t *ret_id);

/* Writes into `out` (CURSOR_SIZE bytes, with a closing NUL) and returns the length; `time` is ignored without time. */
size_t cursor_format(char *out, bool with_time, int64_t time, int64_t id);

/* Before the first record of a list in its own order: chats go down from the newest, all others up from the least id.
 */
void cursor_begin(bool with_time, int64_t *ret_time, int64_t *ret_id);

#endif
