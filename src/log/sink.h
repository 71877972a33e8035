/*
 * The way of a log line to standard error, which never waits for whoever reads there: a line that finds no room is not
 * written. Thread-safe and for signal handlers, except sink_own.
 */
#ifndef LOG_SINK_H
#define LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* A daemon's, before it makes threads or children: makes standard error an open file of its own where that can be, and
 * finds out whether it is systemd's journal. */
void sink_own(void);

/* Writes one line, at most PIPE_BUF bytes. False when it was not written, or not all of it. errno may change. The
 * journal is told the level besides. */
bool sink_write(enum log_level level, const char *line, size_t length);

#endif
