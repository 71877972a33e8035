/* Log lines: what reaches standard error. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "log/log.h"
#include "unit.h"

enum { TIME_LENGTH_MAX = 27 };

static int pipe_ends[2];
static int real_stderr;

static void capture(void)
{
  CU_ASSERT_EQUAL_FATAL(pipe(pipe_ends), 0);
  real_stderr = dup(STDERR_FILENO);
  (void)dup2(pipe_ends[1], STDERR_FILENO);
  (void)close(pipe_ends[1]);
}

/* Gives standard error back; the length of what was captured. */
static size_t captured(char *out, size_t size)
{
  (void)dup2(real_stderr, STDERR_FILENO);
  (void)close(real_stderr);
  ssize_t length = read(pipe_ends[0], out, size);
  (void)close(pipe_ends[0]);
  return length > 0 ? (size_t)length : 0;
}

/* One captured line behind its time is `expected`. */
static void check_line(const char *expected)
{
  char line[2 * LOG_LINE_MAX];
  size_t length = captured(line, sizeof line);
  const char *blank = memchr(line, ' ', length);
  CU_ASSERT_PTR_NOT_NULL_FATAL(blank);
  size_t time = (size_t)(blank - line);
  CU_ASSERT(time <= TIME_LENGTH_MAX && line[time - 1] == 'Z');
  UNIT_TEXT(blank + 1, length - time - 1, expected);
}

static void a_line_tells_level_and_who(void)
{
  log_init(LOG_LEVEL_INFO, "worker/0");
  capture();
  log_line(LOG_LEVEL_WARNING, "slow=%d", 5);
  check_line("warning worker/0 slow=5\n");
}

static void lower_levels_are_silent(void)
{
  char line[LOG_LINE_MAX];
  log_init(LOG_LEVEL_WARNING, "master");
  capture();
  log_line(LOG_LEVEL_INFO, "nothing");
  CU_ASSERT_EQUAL(captured(line, sizeof line), 0);
  log_init(LOG_LEVEL_DEBUG, "master");
  capture();
  log_line(LOG_LEVEL_DEBUG, "something");
  check_line("debug master something\n");
}

static void control_characters_are_escaped(void)
{
  log_init(LOG_LEVEL_INFO, "master");
  capture();
  log_line(LOG_LEVEL_INFO, "%s", "a\nb\r\t\x1b[1m\x7f \xC2\x9B \xFF \xC3\xA9 \"q\" \\");
  check_line("info master a\\nb\\r\\t\\x1b[1m\\x7f \\xc2\\x9b \\xff \xC3\xA9 \"q\" \\\n");
}

static void long_lines_end_in_dots(void)
{
  char text[3 * LOG_LINE_MAX];
  char line[2 * LOG_LINE_MAX];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  log_init(LOG_LEVEL_INFO, "master");
  capture();
  log_line(LOG_LEVEL_INFO, "%s", text);
  size_t length = captured(line, sizeof line);
  CU_ASSERT_EQUAL(length, LOG_LINE_MAX);
  UNIT_TEXT(line + length - 5, 5, "x...\n");
}

static void errno_is_told_and_kept(void)
{
  log_init(LOG_LEVEL_INFO, "master");
  capture();
  errno = ENOENT;
  log_line(LOG_LEVEL_ERROR, "open: %m");
  CU_ASSERT_EQUAL(errno, ENOENT);
  check_line("error master open: No such file or directory\n");
}

static int count_lines(const char *text, size_t length)
{
  int lines = 0;
  for (size_t i = 0; i < length; i++)
    lines += text[i] == '\n';
  return lines;
}

/* Reads what waits in the pipe, and gives its last line without its time. */
static int read_lines(char *text, size_t size, const char **ret_last)
{
  const ssize_t length = read(pipe_ends[0], text, size - 1);
  CU_ASSERT_FATAL(length > 0);
  text[length - 1] = '\0';
  *ret_last = strrchr(text, '\n');
  *ret_last = strchr(*ret_last != NULL ? *ret_last : text, ' ') + 1;
  text[length - 1] = '\n';
  text[length] = '\0';
  return count_lines(text, (size_t)length);
}

static void lines_that_find_no_room_are_counted(void)
{
  enum { LINES = 3000 };
  static char text[LINES * 100];
  char expected[100];
  const char *last;
  log_init(LOG_LEVEL_INFO, "worker/1");
  capture();
  for (int i = 0; i < LINES; i++)
    log_line(LOG_LEVEL_INFO, "a line of some length, so that a pipe is soon full of such lines");
  const int written = read_lines(text, sizeof text, &last);
  CU_ASSERT(written < LINES);
  log_tell_lost();
  log_tell_lost(); /* has nothing to add */
  (void)snprintf(expected, sizeof expected, "warning worker/1 %d log lines were lost: there was no room for them\n",
                 LINES - written);
  CU_ASSERT_EQUAL(read_lines(text, sizeof text, &last), 1);
  CU_ASSERT_STRING_EQUAL(last, expected);
  log_line(LOG_LEVEL_INFO, "room");
  check_line("info worker/1 room\n");
}

static void who_follows_does_not_tell_of_lost_lines(void)
{
  log_init(LOG_LEVEL_INFO, "master");
  capture();
  (void)close(STDERR_FILENO);
  log_line(LOG_LEVEL_INFO, "lost");
  (void)captured(&(char){0}, 0);
  log_init(LOG_LEVEL_INFO, "worker/0");
  capture();
  log_line(LOG_LEVEL_INFO, "found");
  check_line("info worker/0 found\n");
}

static void quotes_what_came_from_outside(void)
{
  char out[64];
  CU_ASSERT_STRING_EQUAL(log_quote(out, sizeof out, "a\"b\\c\n", 6), "\"a\\\"b\\\\c\\n\"");
  CU_ASSERT_STRING_EQUAL(log_quote(out, sizeof out, "", 0), "\"\"");
  CU_ASSERT_STRING_EQUAL(log_quote(out, sizeof out, "\0", 1), "\"\\x00\"");
  CU_ASSERT_STRING_EQUAL(log_quote(out, 8, "abcde", 5), "\"abcde\"");
  CU_ASSERT_STRING_EQUAL(log_quote(out, 8, "abcdef", 6), "\"ab...\"");
  CU_ASSERT_STRING_EQUAL(log_quote(out, 8, "a\xC3\xA9\xC3\xA9g", 6), "\"a...\"");
}

UNIT_CASES(log, UNIT_CASE(a_line_tells_level_and_who), UNIT_CASE(lower_levels_are_silent),
           UNIT_CASE(control_characters_are_escaped), UNIT_CASE(long_lines_end_in_dots),
           UNIT_CASE(errno_is_told_and_kept), UNIT_CASE(lines_that_find_no_room_are_counted),
           UNIT_CASE(who_follows_does_not_tell_of_lost_lines), UNIT_CASE(quotes_what_came_from_outside));
