/* The table of errors and the words for log levels. */
#include "base/error.h"

#include <stddef.h>
#include <string.h>

#include "base/status.h"

struct error_row {
  const char *code;
  int http_status;
  enum log_level level;
  const char *text;
};

static const struct error_row error_rows[] = {
#define ERROR(suffix, code, status, level, text) [LONTAR_##suffix] = {code, STATUS_##status, LOG_LEVEL_##level, text},
#include "base/errors.def"
#undef ERROR
};

static const struct {
  enum log_level level;
  const char *name;
} level_names[] = {
    {LOG_LEVEL_ERROR, "error"},
    {LOG_LEVEL_WARNING, "warning"},
    {LOG_LEVEL_INFO, "info"},
    {LOG_LEVEL_DEBUG, "debug"},
};

enum { LEVEL_COUNT = sizeof level_names / sizeof *level_names };

/* The library's callers may pass any number. */
static const struct error_row *error_row(enum lontar_error error)
{
  size_t number = (size_t)error;
  return &error_rows[number < sizeof error_rows / sizeof *error_rows ? number : LONTAR_INTERNAL];
}

const char *lontar_error_code(enum lontar_error error)
{
  return error_row(error)->code;
}

const char *lontar_error_text(enum lontar_error error)
{
  return error_row(error)->text;
}

int lontar_error_http_status(enum lontar_error error)
{
  return error_row(error)->http_status;
}

enum log_level error_log_level(enum lontar_error error)
{
  return error_row(error)->level;
}

const char *log_level_name(enum log_level level)
{
  for (size_t i = 0; i < LEVEL_COUNT; i++)
    if (level_names[i].level == level)
      return level_names[i].name;
  return "debug";
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
  for (size_t i = 0; i < LEVEL_COUNT; i++)
    if (strcmp(level_names[i].name, name) == 0) {
      *ret_level = level_names[i].level;
      return true;
    }
  return false;
}
