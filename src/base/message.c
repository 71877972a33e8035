/* The one sentence with which a failing step tells its caller why. */
#include "base/message.h"

#include <stdarg.h>
#include <stdio.h>

int message_fail(int error, char *message, size_t size, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(message, size, format, arguments);
  va_end(arguments);
  return error;
}
