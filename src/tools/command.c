/* How the commands of lontarctl say what is wrong. */
#include "tools/command.h"

#include <stdarg.h>
#include <stdio.h>

int command_fail(const char *hint, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  fputs("lontarctl: ", stderr);
  (void)vfprintf(stderr, format, arguments);
  fputs("\n", stderr);
  va_end(arguments);
  if (hint)
    fprintf(stderr, "  %s\n", hint);
  return COMMAND_FAILED;
}

int command_misuse(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  fputs("lontarctl: ", stderr);
  (void)vfprintf(stderr, format, arguments);
  fputs("\n  lontarctl help shows how it is used.\n", stderr);
  va_end(arguments);
  return COMMAND_USAGE;
}
