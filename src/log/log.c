/* Writes log lines. */
#include "log/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "log/sink.h"

static atomic_int log_level = LOG_LEVEL_INFO;
static char log_who[32] = "lontard";
static atomic_ulong lost; /* lines of this process that found no room, and of which no line has told yet */

/* Where escaped text goes: at most `limit` bytes, of which the last three are kept for "...". */
struct escaper {
  char *out;
  size_t length;
  size_t limit;
  bool quote; /* escapes quotes and backslashes too */
};

enum { DOTS = 3, ESCAPE_MAX = 4 };

void log_init(enum log_level level, const char *who)
{
  atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
  if (strcmp(log_who, who) != 0)
    atomic_store(&lost, 0); /* what the parent lost is told by the parent */
  (void)snprintf(log_who, sizeof log_who, "%s", who);
}

const char *log_name(void)
{
  return log_who;
}

/* Bytes of the UTF-8 character at the beginning of the text, 0 when there is none. */
static size_t character_length(const char *text, size_t length)
{
  for (size_t size = 1; size <= 4 && size <= length; size++)
    if (text_is_utf8(text, size))
      return size;
  return 0;
}

/* C1 controls (U+0080 to U+009F) steer terminals as well. */
static bool is_control(const char *text, size_t length)
{
  unsigned char first = (unsigned char)text[0];
  return first < 0x20 || first == 0x7F || (length == 2 && first == 0xC2 && (unsigned char)text[1] < 0xA0);
}

/* Writes one character or its escape into `out` (at least ESCAPE_MAX bytes) and tells how many bytes it took. */
static size_t escape(bool quote, const char *text, size_t length, char *out, size_t *ret_taken)
{
  size_t taken = character_length(text, length);
  *ret_taken = taken > 0 ? taken : 1;
  if (taken == 0 || is_control(text, taken)) {
    const char *letter = taken == 0 || *text == '\0' ? NULL : strchr("\nn\rr\tt", *text);
    *ret_taken = 1; /* the rest of a C1 control is then broken UTF-8, escaped next */
    if (letter == NULL || taken > 1)
      return (size_t)snprintf(out, ESCAPE_MAX + 1, "\\x%02x", (unsigned)(unsigned char)*text);
    out[0] = '\\';
    out[1] = letter[1];
    return 2;
  }
  size_t written = 0;
  if (quote && (*text == '"' || *text == '\\'))
    out[written++] = '\\';
  memcpy(out + written, text, taken);
  return written + taken;
}

/* Cuts at a character when the text is too long. */
static void escape_all(struct escaper *escaper, const char *text, size_t length)
{
  char piece[ESCAPE_MAX + 1];
  size_t safe = escaper->length; /* where the dots still fit */
  for (size_t at = 0; at < length;) {
    size_t taken;
    size_t size = escape(escaper->quote, text + at, length - at, piece, &taken);
    if (escaper->length + size > escaper->limit) {
      memcpy(escaper->out + safe, "...", DOTS);
      escaper->length = safe + DOTS;
      return;
    }
    memcpy(escaper->out + escaper->length, piece, size);
    escaper->length += size;
    at += taken;
    if (escaper->length + DOTS <= escaper->limit)
      safe = escaper->length;
  }
}

static bool put(enum log_level level, const char *message, size_t length)
{
  char line[LOG_LINE_MAX];
  char time[CLOCK_RFC3339_SIZE];
  clock_rfc3339(clock_wall(), time);
  int head = snprintf(line, sizeof line, "%s %s %s ", time, log_level_name(level), log_who);
  struct escaper escaper = {.out = line, .length = (size_t)head, .limit = sizeof line - 1};
  escape_all(&escaper, message, length);
  line[escaper.length++] = '\n';
  return sink_write(level, line, escaper.length);
}

/* False while there is still no room. */
static bool tell_lost(void)
{
  char message[64];
  const unsigned long count = atomic_exchange(&lost, 0);
  if (count == 0)
    return true;
  int length = snprintf(message, sizeof message, "%lu log lines were lost: there was no room for them", count);
  const bool told = put(LOG_LEVEL_WARNING, message, (size_t)length);
  if (!told)
    atomic_fetch_add(&lost, count);
  return told;
}

void log_tell_lost(void)
{
  int saved_errno = errno;
  if (atomic_load_explicit(&lost, memory_order_relaxed) != 0)
    (void)tell_lost();
  errno = saved_errno;
}

void log_line(enum log_level level, const char *format, ...)
{
  if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
    return;
  int saved_errno = errno;
  char message[LOG_LINE_MAX]; /* cut, it is still longer than what the line has left, so that ends in dots */
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (!tell_lost() || !put(level, message, length < 0 ? 0 : strnlen(message, sizeof message)))
    atomic_fetch_add(&lost, 1);
  errno = saved_errno;
}

const char *log_quote(char *out, size_t size, const char *text, size_t length)
{
  out[0] = '"';
  struct escaper escaper = {.out = out, .length = 1, .limit = size - 2, .quote = true};
  escape_all(&escaper, text, length);
  out[escaper.length++] = '"';
  out[escaper.length] = '\0';
  return out;
}
