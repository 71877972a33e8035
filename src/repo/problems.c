/* Collects what is wrong with an input. */
#include "repo/problems.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The longest beginning that fits and does not cut a character: a byte 10xxxxxx continues one. */
static size_t whole_characters(const char *text, size_t length, size_t most)
{
  if (length <= most)
    return length;
  while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
    most--;
  return most;
}

void problems_init(struct problems *problems)
{
  problems->detail[0] = '\0';
  problems->count = 0;
}

void problems_tell(struct problems *problems, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(problems->detail, sizeof problems->detail, format, arguments);
  va_end(arguments);
}

void problems_add(struct problems *problems, const char *field, size_t length, const char *message)
{
  if (problems->count == PROBLEMS_MAX)
    return;
  struct problem *problem = &problems->of[problems->count++];
  size_t size = whole_characters(field, length, sizeof problem->field - 1);
  memcpy(problem->field, field, size);
  problem->field[size] = '\0';
  (void)snprintf(problem->message, sizeof problem->message, "%s", message);
}

void problems_add_field(struct problems *problems, enum field field, const char *message)
{
  problems_add(problems, field_rows[field].name, strlen(field_rows[field].name), message);
}

bool problems_have(const struct problems *problems, enum field field)
{
  int at = 0;
  while (at < problems->count && strcmp(problems->of[at].field, field_rows[field].name) != 0)
    at++;
  return at < problems->count;
}
