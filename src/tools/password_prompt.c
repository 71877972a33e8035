/* Asks the operator for a password. */
#include "tools/password_prompt.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "repo/fields.h"
#include "tools/command.h"

/* One line without its end, NULs and all; false at the end of input or when it does not fit. */
static bool line_read(char *line, size_t size, size_t *ret_length)
{
  size_t length = 0;
  int byte;
  while ((byte = getchar()) != EOF && byte != '\n') {
    if (length == size)
      return false;
    line[length++] = (char)byte;
  }
  *ret_length = length;
  return byte != EOF || length > 0;
}

static bool line_ask(const char *question, char *line, size_t *ret_length)
{
  struct termios before;
  if (tcgetattr(STDIN_FILENO, &before) != 0)
    return false;
  struct termios silent = before;
  silent.c_lflag &= ~(tcflag_t)ECHO;
  if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) != 0)
    return false;
  fprintf(stderr, "%s: ", question);
  bool read = line_read(line, PASSWORD_LINE_SIZE, ret_length);
  (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  fputs("\n", stderr);
  return read;
}

/* Asks for the password a second time, because nobody sees a slip. */
static int line_confirm(const char *line, size_t length)
{
  char again[PASSWORD_LINE_SIZE];
  size_t again_length;
  bool same = line_ask("Again", again, &again_length) && again_length == length && memcmp(line, again, length) == 0;
  sodium_memzero(again, sizeof again);
  return same ? COMMAND_DONE : command_fail("Nothing was changed; try again.", "the two passwords differ");
}

int password_prompt(char line[PASSWORD_LINE_SIZE], size_t *ret_length)
{
  bool terminal = isatty(STDIN_FILENO);
  size_t length;
  bool read = terminal ? line_ask("Password", line, &length) : line_read(line, PASSWORD_LINE_SIZE, &length);
  if (!read)
    return command_fail("Give it as one line on standard input, or run this on a terminal.",
                        "there is no password to read");
  if (!text_is_utf8(line, length))
    return command_fail(NULL, "the password is not valid UTF-8");
  if (length > 0 && line[length - 1] == '\r')
    return command_fail("Give lines that end with a line feed alone.",
                        "the password's line ends with a carriage return");
  struct value value;
  value_set_text(&value, line, length);
  const char *wrong = field_check(FIELD_password, &value);
  if (wrong)
    return command_fail(NULL, "the password %s", wrong);
  if (terminal && line_confirm(line, length) != COMMAND_DONE)
    return COMMAND_FAILED;
  *ret_length = length;
  return COMMAND_DONE;
}
