/*
 * The log: one line to standard error with one write(2), `TIME LEVEL WHO MESSAGE`, e.g.
 *
 *   2026-01-02T03:04:05.000006Z warning worker/0 statement=chat_create cancelled after_ms=5000
 *
 * Control characters of the message are escaped (\n, \x1b), bytes that are no UTF-8 too, and a line longer than
 * LOG_LINE_MAX ends in "...". Thread-safe, except log_init, which a process calls before it makes threads. Until then
 * lines are at level info and from "lontard". No line waits for whoever reads them: those that find no room are
 * counted, and the next that finds some is "N log lines were lost". errno is left alone.
 */
#ifndef LOG_LOG_H
#define LOG_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h" /* enum log_level, log_level_parse, log_level_name */

enum { LOG_LINE_MAX = 2048 };

/* `who` ("master", "worker/0") is copied, at most 31 bytes of it. Called again by a child after the fork. */
void log_init(enum log_level level, const char *who);

/* What log_init was told last. */
const char *log_name(void);

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

/* Tells how many lines were lost, if any were and there is room again: for processes that may have nothing else to
 * tell. To be called each second or so. */
void log_tell_lost(void);

/*
 * Writes what came from outside into `out` as a quoted word, with quotes, backslashes, control characters and broken
 * UTF-8 escaped, cut with "..." where `size` (at least 8) is too small. Returns `out`, for use among log_line's
 * arguments.
 */
const char *log_quote(char *out, size_t size, const char *text, size_t length);

#endif
