/* The configuration file. */
#include <stdio.h>

#include "base/error.h"
#include "config/config.h"
#include "unit.h"

static char path[] = "/tmp/lontar-config-XXXXXX";

/* Loads a file with that content. */
static int load(const char *content, struct config **ret_config, struct config_error *ret_error)
{
  memcpy(path + sizeof path - 7, "XXXXXX", 6);
  CLEANUP_CLOSE int file = mkstemp(path);
  CU_ASSERT_FATAL(file >= 0);
  CU_ASSERT_EQUAL(write(file, content, strlen(content)), (ssize_t)strlen(content));
  int loaded = config_load(path, ret_config, ret_error);
  (void)unlink(path);
  return loaded;
}

/* Refused with "FILE" and then `expected`. */
static void refuses(const char *content, const char *expected)
{
  struct config *config = NULL;
  struct config_error error = {""};
  CU_ASSERT_EQUAL(load(content, &config, &error), -1);
  CU_ASSERT_PTR_NULL(config);
  CU_ASSERT(strncmp(error.text, path, strlen(path)) == 0);
  size_t skip = strnlen(path, strlen(error.text));
  UNIT_TEXT(error.text + skip, strlen(error.text + skip), expected);
}

static void defaults_are_those_of_the_table(void)
{
  CLEANUP_CONFIG struct config *config = NULL;
  struct config_error error = {""};
  CU_ASSERT_EQUAL_FATAL(config_load(NULL, &config, &error), 0);
  CU_ASSERT_STRING_EQUAL(config->database_url, "postgresql:///lontar");
  CU_ASSERT_EQUAL(config->listen_mode, 0660);
  CU_ASSERT_EQUAL(config->pool_size, 10);
  CU_ASSERT_EQUAL(config->pool_recycle, INT64_C(3600000000));
  CU_ASSERT_EQUAL(config->max_body, 1048576);
  CU_ASSERT_EQUAL(config->log_level, LOG_LEVEL_INFO);
  CU_ASSERT_EQUAL(config->prepared_statements, 1);
}

static void a_file_changes_what_it_names(void)
{
  CLEANUP_CONFIG struct config *config = NULL;
  struct config_error error = {""};
  CU_ASSERT_EQUAL_FATAL(load("# ours\n; too\n\nworkers = 4\nlisten_mode=0600\npool_timeout = 250ms ; short\n"
                             "statement_timeout = 2 min\nmax_body = 2048\nlisten_group = www-data\nlog_level = debug\n"
                             "prepared_statements = off\n",
                             &config, &error),
                        0);
  CU_ASSERT_EQUAL(config->workers, 4);
  CU_ASSERT_EQUAL(config->listen_mode, 0600);
  CU_ASSERT_EQUAL(config->pool_timeout, 250000);
  CU_ASSERT_EQUAL(config->statement_timeout, 120000000);
  CU_ASSERT_EQUAL(config->max_body, 2048);
  CU_ASSERT_EQUAL(config->prepared_statements, 0);
  CU_ASSERT_STRING_EQUAL(config->listen_group, "www-data");
  CU_ASSERT_EQUAL(config->pool_size, 10);
}

static void mistakes_are_told_with_their_line(void)
{
  refuses("workers = 1\nworker = 2\n", ":2: there is no option worker");
  refuses("workers = 1\n\nworkers = 1\n", ":3: workers is set twice");
  refuses("[pool]\npool_size = 1\n", ":2: section [pool]: options stand without a section");
  refuses("# x\nnonsense\n", ":2: a line must be: name = value");
  refuses("nonsense\nworker = 2\n", ":1: a line must be: name = value");
  refuses("worker = 2\nnonsense\n", ":1: there is no option worker");
}

static void values_are_checked(void)
{
  refuses("workers = 65\n", ":1: workers is out of range (0 to 64)");
  refuses("workers = many\n", ":1: workers must be a whole number (0 to 64)");
  refuses("listen_mode = 0888\n", ":1: listen_mode must be a mode in octal digits (0 to 0777)");
  refuses("pool_timeout = 30\n", ":1: pool_timeout must be a whole number with ms, s, min, h or d (100ms to 10min)");
  refuses("pool_timeout = 99ms\n", ":1: pool_timeout is out of range (100ms to 10min)");
  refuses("pool_timeout = 99999999999999999d\n",
          ":1: pool_timeout must be a whole number with ms, s, min, h or d (100ms to 10min)");
  refuses("max_body = 1G\n", ":1: max_body must be a whole number of bytes, or one with k or M (1k to 16M)");
  refuses("log_level = loud\n", ":1: log_level must be error, warning, info or debug");
  refuses("prepared_statements = yes\n", ":1: prepared_statements must be on or off");
  refuses("run_dir =\n", ":1: run_dir has a length out of range (1 to 256 bytes)");
  refuses("run_dir = \xFF\n", ":1: run_dir is not UTF-8 (1 to 256 bytes)");
}

static void long_lines_are_read_or_refused(void)
{
  static char content[9000];
  struct config_error error = {""};
  CLEANUP_CONFIG struct config *config = NULL;
  int head = snprintf(content, sizeof content, "database_url = ");
  memset(content + head, 'x', 4000);
  content[head + 4000] = '\n';
  CU_ASSERT_EQUAL_FATAL(load(content, &config, &error), 0);
  CU_ASSERT_EQUAL(strlen(config->database_url), 4000);
  memset(content + head, 'x', sizeof content - 1 - (size_t)head);
  refuses(content, ":1: a line is longer than 8190 bytes");
}

static void a_missing_file_is_an_error(void)
{
  struct config *config = NULL;
  struct config_error error = {""};
  CU_ASSERT_EQUAL(config_load("/nonexistent/lontar.conf", &config, &error), -1);
  CU_ASSERT_STRING_EQUAL(error.text, "/nonexistent/lontar.conf: No such file or directory");
  CU_ASSERT_EQUAL(config_load("/tmp", &config, &error), -1);
  CU_ASSERT_STRING_EQUAL(error.text, "/tmp: cannot be read");
}

static void the_environment_overrides_the_url(void)
{
  CLEANUP_CONFIG struct config *config = NULL;
  struct config_error error = {""};
  (void)setenv("LONTAR_DATABASE_URL", "postgresql://db/other", 1);
  int loaded = load("database_url = postgresql:///file\n", &config, &error);
  (void)unsetenv("LONTAR_DATABASE_URL");
  CU_ASSERT_EQUAL_FATAL(loaded, 0);
  CU_ASSERT_STRING_EQUAL(config->database_url, "postgresql://db/other");
}

static void a_reload_names_what_needs_a_start(void)
{
  CLEANUP_CONFIG struct config *old = NULL;
  CLEANUP_CONFIG struct config *reloaded = NULL;
  CLEANUP_CONFIG struct config *restarted = NULL;
  struct config_error error = {""};
  CU_ASSERT_EQUAL_FATAL(config_load(NULL, &old, &error), 0);
  CU_ASSERT_EQUAL_FATAL(load("pool_size = 3\nlog_level = error\n", &reloaded, &error), 0);
  CU_ASSERT_EQUAL_FATAL(load("workers = 3\n", &restarted, &error), 0);
  CU_ASSERT_PTR_NULL(config_changed_at_start(old, reloaded));
  CU_ASSERT_PTR_NOT_NULL_FATAL(config_changed_at_start(old, restarted));
  CU_ASSERT_STRING_EQUAL(config_changed_at_start(old, restarted), "workers");
}

static void a_reload_keeps_what_needs_a_start(void)
{
  CLEANUP_CONFIG struct config *old = NULL;
  CLEANUP_CONFIG struct config *new = NULL;
  struct config_error error = {""};
  CU_ASSERT_EQUAL_FATAL(load("workers = 2\nrun_dir = /old\npool_size = 2\n", &old, &error), 0);
  CU_ASSERT_EQUAL_FATAL(load("workers = 3\nrun_dir = /new\npool_size = 3\n", &new, &error), 0);
  CU_ASSERT_EQUAL(config_keep_start(old, new), 0);
  CU_ASSERT_EQUAL(new->workers, 2);
  CU_ASSERT_STRING_EQUAL(new->run_dir, "/old");
  CU_ASSERT_EQUAL(new->pool_size, 3);
  CU_ASSERT_EQUAL(old->workers, 2);
  CU_ASSERT_STRING_EQUAL(old->run_dir, "/old");
}

UNIT_CASES(config, UNIT_CASE(defaults_are_those_of_the_table), UNIT_CASE(a_file_changes_what_it_names),
           UNIT_CASE(mistakes_are_told_with_their_line), UNIT_CASE(values_are_checked),
           UNIT_CASE(long_lines_are_read_or_refused), UNIT_CASE(a_missing_file_is_an_error),
           UNIT_CASE(the_environment_overrides_the_url), UNIT_CASE(a_reload_names_what_needs_a_start),
           UNIT_CASE(a_reload_keeps_what_needs_a_start));
