/* The one sentence that a failing step of the start hands to its caller. */
#include "master/message.h"

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
