/* Catches the signals of faults and writes the stack they met. */
#include "log/trace.h"

#ifdef HAVE_UNWIND

#define UNW_LOCAL_ONLY
#include <dlfcn.h>
#include <libunwind.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "log/log.h"
#include "log/sink.h"

/* FRAMES_MAX ends the trace of an endless recursion. */
enum { FRAMES_MAX = 64, NAME_SIZE = 128, STACK_SIZE = 64 << 10 };

static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* What overflowed its own stack has none left for a handler. */
static char stack[STACK_SIZE];

/* ---- Lines, without snprintf, which no standard allows in a handler ---- */

struct line {
  char text[LOG_LINE_MAX];
  size_t length;
};

/* Room for the line's end is always left. */
static void put(struct line *line, const char *text)
{
  for (; *text != '\0' && line->length < sizeof line->text - 1; text++)
    line->text[line->length++] = *text;
}

static void put_number(struct line *line, unsigned long number, unsigned base)
{
  char digits[sizeof number * 8 + 1];
  size_t at = sizeof digits - 1;
  digits[at] = '\0';
  do
    digits[--at] = "0123456789abcdef"[number % base];
  while ((number /= base) > 0);
  put(line, digits + at);
}

static void put_hex(struct line *line, const char *before, unsigned long number)
{
  put(line, before);
  put(line, "0x");
  put_number(line, number, 16);
}

static void begin(struct line *line)
{
  char time[CLOCK_RFC3339_SIZE];
  (void)clock_rfc3339(clock_wall(), time);
  line->length = 0;
  put(line, time);
  put(line, " error ");
  put(line, log_name());
  put(line, " (pid ");
  put_number(line, (unsigned long)getpid(), 10);
  put(line, ") trace: ");
}

static void end(struct line *line)
{
  line->text[line->length++] = '\n';
  (void)sink_write(LOG_LEVEL_ERROR, line->text, line->length); /* who dies cannot tell later */
}

/* ---- What is told ---- */

static void tell_signal(struct line *line, const siginfo_t *info)
{
  const int code = info->si_code;
  begin(line);
  put(line, "signal=");
  put_number(line, (unsigned long)info->si_signo, 10);
  put(line, code < 0 ? " code=-" : " code=");
  put_number(line, (unsigned long)(code < 0 ? -code : code), 10);
  if (code > 0) /* else somebody sent it */
    put_hex(line, " address=", (unsigned long)info->si_addr);
  end(line);
}

static void tell_frame(struct line *line, unw_cursor_t *cursor, unsigned number)
{
  char name[NAME_SIZE];
  unw_word_t at = 0, offset;
  Dl_info module;
  (void)unw_get_reg(cursor, UNW_REG_IP, &at);
  begin(line);
  put(line, "#");
  put_number(line, number, 10);
  put(line, " ");
  if (unw_get_proc_name(cursor, name, sizeof name, &offset) == 0) {
    put(line, name);
    put_hex(line, "+", offset);
    put(line, " ");
  }
  if (dladdr((const void *)at, &module) != 0 && module.dli_fname != NULL) {
    put(line, module.dli_fname);
    put_hex(line, "+", at - (unw_word_t)module.dli_fbase);
  } else {
    put_hex(line, "", at);
  }
  end(line);
}

static void on_fault(int number, siginfo_t *info, void *context)
{
  struct line line;
  unw_cursor_t cursor;
  tell_signal(&line, info);
  if (unw_init_local2(&cursor, context, UNW_INIT_SIGNAL_FRAME) == 0)
    for (unsigned i = 0; i < FRAMES_MAX; i++) {
      tell_frame(&line, &cursor, i);
      if (unw_step(&cursor) <= 0)
        break;
    }
  (void)raise(number); /* delivered when this returns, to the action that was there before */
}

void trace_init(void)
{
  const stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND};
  (void)sigemptyset(&action.sa_mask);
  (void)sigaltstack(&own, NULL);
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
    (void)sigaction(faults[i], &action, NULL);
}

#else

void trace_init(void)
{
}

#endif
