/* The rows of errors.def as the daemon uses them; the public face is <lontar/error.h>. Pure, thread-safe. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

#include <lontar/error.h>

/* Severity, most severe first, with syslog's numbers. */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

/* At which level an answer with this error is worth a log line. */
enum log_level error_log_level(enum lontar_error error);

/* "error", "warning", "info", "debug" and back; false for any other word. */
const char *log_level_name(enum log_level level);
bool log_level_parse(const char *name, enum log_level *ret_level);

#endif
