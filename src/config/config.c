/* Reads the configuration by the table of options. */
#include "config/config.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

enum { LINE_LENGTH_MAX = 8192 };

#define DATABASE_URL_VARIABLE "LONTAR_DATABASE_URL"

enum config_type {
  CONFIG_TEXT,
  CONFIG_LEVEL,
  CONFIG_SWITCH,
  CONFIG_INTEGER,
  CONFIG_MODE,
  CONFIG_DURATION,
  CONFIG_SIZE
};

enum config_when { CONFIG_RELOAD, CONFIG_START };

enum config_option_number {
#define OPTION(name, ...) CONFIG_OPTION_##name,
#include "config/options.def"
#undef OPTION
  CONFIG_OPTION_COUNT
};

/* Default, least and most are written as in a file. */
static const struct config_option {
  const char *name;
  enum config_type type;
  const char *initial;
  const char *least;
  const char *most;
  enum config_when when;
  size_t offset; /* of the member */
} config_option_rows[CONFIG_OPTION_COUNT] = {
#define OPTION(name, type, initial, least, most, when, ...)                                                            \
  [CONFIG_OPTION_##name] = {#name, CONFIG_##type, initial, least, most, CONFIG_##when, offsetof(struct config, name)},
#include "config/options.def"
#undef OPTION
};

struct unit {
  const char *name;
  int64_t factor;
};

static const struct unit duration_units[] = {
    {"ms", 1000},
    {"s", 1000000},
    {"min", 60 * INT64_C(1000000)},
    {"h", 3600 * INT64_C(1000000)},
    {"d", 86400 * INT64_C(1000000)},
    {NULL, 0},
};
static const struct unit size_units[] = {{"", 1}, {"k", 1024}, {"M", 1048576}, {NULL, 0}};

/* One reading of a file. */
struct reading {
  FILE *file;
  struct config *config;
  bool seen[CONFIG_OPTION_COUNT];
  int line;
  int failed_line;   /* of the first error, 0 while there is none */
  char message[384]; /* the first error's, without file and line */
};

static bool is_text(enum config_option_number option)
{
  return config_option_rows[option].type == CONFIG_TEXT;
}

static char **text_member(const struct config *config, enum config_option_number option)
{
  return (char **)(void *)((char *)(uintptr_t)config + config_option_rows[option].offset);
}

static int64_t *number_member(const struct config *config, enum config_option_number option)
{
  return (int64_t *)(void *)((char *)(uintptr_t)config + config_option_rows[option].offset);
}

static bool parse_switch(const char *text, int64_t *ret_number)
{
  *ret_number = strcmp(text, "on") == 0;
  return *ret_number || strcmp(text, "off") == 0;
}

static bool parse_level(const char *text, int64_t *ret_number)
{
  enum log_level level;
  if (!log_level_parse(text, &level))
    return false;
  *ret_number = level;
  return true;
}

static bool parse_octal(const char *text, int64_t *ret_number)
{
  size_t length = strlen(text);
  if (length == 0 || length > 6 || strspn(text, "01234567") != length)
    return false;
  *ret_number = strtol(text, NULL, 8);
  return true;
}

static bool parse_units(const char *text, const struct unit *unit, int64_t *ret_number)
{
  size_t digits = strspn(text, "0123456789");
  int64_t number;
  if (!text_to_integer(text, digits, &number))
    return false;
  const char *name = text + digits + strspn(text + digits, " ");
  while (unit->name != NULL && strcmp(unit->name, name) != 0)
    unit++;
  return unit->name != NULL && !__builtin_mul_overflow(number, unit->factor, ret_number);
}

/* Reads a number by the option's type; false when it is not written as one. */
static bool parse_number(enum config_type type, const char *text, int64_t *ret_number)
{
  switch (type) {
  case CONFIG_LEVEL:
    return parse_level(text, ret_number);
  case CONFIG_SWITCH:
    return parse_switch(text, ret_number);
  case CONFIG_MODE:
    return parse_octal(text, ret_number);
  case CONFIG_DURATION:
    return parse_units(text, duration_units, ret_number);
  case CONFIG_SIZE:
    return parse_units(text, size_units, ret_number);
  case CONFIG_TEXT:
  case CONFIG_INTEGER:
    break;
  }
  return text_to_integer(text, strlen(text), ret_number);
}

/* Bounds come from the table, which is right: the tests read every row. */
static bool in_range(const struct config_option *row, int64_t number)
{
  int64_t least = 0;
  int64_t most = 0;
  (void)parse_number(row->type, row->least, &least);
  (void)parse_number(row->type, row->most, &most);
  return number >= least && number <= most;
}

static const char *set_text(struct config *config, enum config_option_number option, const char *text)
{
  const struct config_option *row = &config_option_rows[option];
  if (!in_range(row, (int64_t)strlen(text)))
    return "has a length out of range";
  if (!text_is_utf8(text, strlen(text)))
    return "is not UTF-8";
  char *copy = strdup(text);
  if (copy == NULL)
    return "does not fit into memory";
  char **member = text_member(config, option);
  free(*member);
  *member = copy;
  return NULL;
}

static const char *set_number(struct config *config, enum config_option_number option, const char *text)
{
  static const char *const forms[] = {
      [CONFIG_LEVEL] = "must be error, warning, info or debug",
      [CONFIG_SWITCH] = "must be on or off",
      [CONFIG_INTEGER] = "must be a whole number",
      [CONFIG_MODE] = "must be a mode in octal digits",
      [CONFIG_DURATION] = "must be a whole number with ms, s, min, h or d",
      [CONFIG_SIZE] = "must be a whole number of bytes, or one with k or M",
  };
  const struct config_option *row = &config_option_rows[option];
  int64_t number;
  if (!parse_number(row->type, text, &number))
    return forms[row->type];
  if (!in_range(row, number))
    return "is out of range";
  *number_member(config, option) = number;
  return NULL;
}

/* Returns NULL, or what is wrong with the value. */
static const char *set_option(struct config *config, enum config_option_number option, const char *text)
{
  return is_text(option) ? set_text(config, option, text) : set_number(config, option, text);
}

__attribute__((format(printf, 2, 3))) static int fail(struct reading *reading, const char *format, ...)
{
  if (reading->failed_line == 0) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(reading->message, sizeof reading->message, format, arguments);
    va_end(arguments);
    reading->failed_line = reading->line;
  }
  return 0;
}

/* Tells the bounds as the table has them, with units; words have none. */
static int fail_value(struct reading *reading, enum config_option_number option, const char *wrong)
{
  const struct config_option *row = &config_option_rows[option];
  if (row->type == CONFIG_SWITCH || row->type == CONFIG_LEVEL)
    return fail(reading, "%s %s", row->name, wrong);
  return fail(reading, "%s %s (%s to %s%s)", row->name, wrong, row->least, row->most, is_text(option) ? " bytes" : "");
}

static int find_option(const char *name)
{
  int option = 0;
  while (option < CONFIG_OPTION_COUNT && strcmp(config_option_rows[option].name, name) != 0)
    option++;
  return option;
}

/* Called by inih for every name; 0 is an error and makes it remember the line. */
static int take_line(void *user, const char *section, const char *name, const char *value)
{
  struct reading *reading = user;
  int option = find_option(name);
  if (*section != '\0')
    return fail(reading, "section [%s]: options stand without a section", section);
  if (option == CONFIG_OPTION_COUNT)
    return fail(reading, "there is no option %s", name);
  if (reading->seen[option])
    return fail(reading, "%s is set twice", name);
  reading->seen[option] = true;
  const char *wrong = set_option(reading->config, (enum config_option_number)option, value);
  return wrong == NULL ? 1 : fail_value(reading, (enum config_option_number)option, wrong);
}

/* inih cuts longer lines in silence, so they are refused here. */
static char *read_line(char *line, int size, void *user)
{
  struct reading *reading = user;
  char *got = fgets(line, size, reading->file);
  reading->line += got != NULL;
  if (got != NULL && strlen(line) + 1 == (size_t)size && line[size - 2] != '\n') {
    (void)fail(reading, "a line is longer than %d bytes", size - 2);
    return NULL;
  }
  return got;
}

static int read_file(struct config *config, const char *file, struct config_error *ret_error)
{
  struct reading reading = {.config = config, .file = fopen(file, "re")};
  if (reading.file == NULL) {
    (void)snprintf(ret_error->text, sizeof ret_error->text, "%s: %m", file);
    return -1;
  }
  ini_max_line = LINE_LENGTH_MAX; /* its 200 bytes are too few for a URL with several hosts */
  int bad_line = ini_parse_stream(read_line, &reading, take_line, &reading);
  bool broken = ferror(reading.file) != 0;
  (void)fclose(reading.file);
  if (broken)
    (void)snprintf(ret_error->text, sizeof ret_error->text, "%s: cannot be read", file);
  else if (reading.failed_line > 0 && (bad_line == 0 || reading.failed_line <= bad_line))
    (void)snprintf(ret_error->text, sizeof ret_error->text, "%s:%d: %s", file, reading.failed_line, reading.message);
  else if (bad_line < 0)
    (void)snprintf(ret_error->text, sizeof ret_error->text, "%s: no memory is left to read it", file);
  else if (bad_line != 0) /* inih refuses some lines by itself */
    (void)snprintf(ret_error->text, sizeof ret_error->text, "%s:%d: a line must be: name = value", file, bad_line);
  else
    return 0;
  return -1;
}

static int read_environment(struct config *config, struct config_error *ret_error)
{
  const char *url = getenv(DATABASE_URL_VARIABLE);
  const char *wrong = url == NULL || *url == '\0' ? NULL : set_text(config, CONFIG_OPTION_database_url, url);
  if (wrong == NULL)
    return 0;
  (void)snprintf(ret_error->text, sizeof ret_error->text, "%s %s", DATABASE_URL_VARIABLE, wrong);
  return -1;
}

static int set_defaults(struct config *config, struct config_error *ret_error)
{
  for (int option = 0; option < CONFIG_OPTION_COUNT; option++) {
    const struct config_option *row = &config_option_rows[option];
    const char *wrong = set_option(config, (enum config_option_number)option, row->initial);
    if (wrong != NULL) {
      (void)snprintf(ret_error->text, sizeof ret_error->text, "default of %s %s", row->name, wrong);
      return -1;
    }
  }
  return 0;
}

static int fill(struct config *config, const char *file, struct config_error *ret_error)
{
  if (set_defaults(config, ret_error) < 0)
    return -1;
  if (file != NULL && read_file(config, file, ret_error) < 0)
    return -1;
  return read_environment(config, ret_error);
}

int config_load(const char *file, struct config **ret_config, struct config_error *ret_error)
{
  struct config *config = calloc(1, sizeof *config);
  if (config == NULL) {
    (void)snprintf(ret_error->text, sizeof ret_error->text, "%s", strerror(ENOMEM));
    return -1;
  }
  if (fill(config, file, ret_error) < 0) {
    config_free(config);
    return -1;
  }
  *ret_config = config;
  return 0;
}

void config_free(struct config *config)
{
  if (config == NULL)
    return;
  for (int option = 0; option < CONFIG_OPTION_COUNT; option++)
    if (is_text((enum config_option_number)option))
      free(*text_member(config, (enum config_option_number)option));
  free(config);
}

static bool is_same(const struct config *old, const struct config *new, enum config_option_number option)
{
  if (is_text(option))
    return strcmp(*text_member(old, option), *text_member(new, option)) == 0;
  return *number_member(old, option) == *number_member(new, option);
}

const char *config_changed_at_start(const struct config *old, const struct config *new)
{
  for (int option = 0; option < CONFIG_OPTION_COUNT; option++)
    if (config_option_rows[option].when == CONFIG_START && !is_same(old, new, (enum config_option_number)option))
      return config_option_rows[option].name;
  return NULL;
}

static int copy(const struct config *from, struct config *to, enum config_option_number option)
{
  if (!is_text(option)) {
    *number_member(to, option) = *number_member(from, option);
    return 0;
  }
  char *text = strdup(*text_member(from, option));
  if (text == NULL)
    return -1;
  free(*text_member(to, option));
  *text_member(to, option) = text;
  return 0;
}

int config_keep_start(const struct config *old, struct config *new)
{
  for (int option = 0; option < CONFIG_OPTION_COUNT; option++)
    if (config_option_rows[option].when == CONFIG_START && copy(old, new, (enum config_option_number)option) < 0)
      return -1;
  return 0;
}
