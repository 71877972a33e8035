/* Reads the clocks and writes RFC 3339 without the C library's calendar, which takes a lock for the time zone. */
#include "base/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/digits.h"

enum { DAY_SECONDS = 86400, ERA_DAYS = 146097 };

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z in seconds since 1970. */
#define YEAR_FIRST INT64_C(-62135596800)
#define YEAR_LAST INT64_C(253402300799)

static int64_t read_clock(clockid_t id)
{
  struct timespec now;
  (void)clock_gettime(id, &now); /* cannot fail for these two clocks */
  return (int64_t)now.tv_sec * CLOCK_SECOND + (int64_t)now.tv_nsec / 1000;
}

int64_t clock_steady(void)
{
  return read_clock(CLOCK_MONOTONIC);
}

const char *clock_boot_text(char out[CLOCK_BOOT_SIZE])
{
  uint64_t id[2];
  clock_boot_id(id);
  (void)snprintf(out, CLOCK_BOOT_SIZE, "%016" PRIx64 "%016" PRIx64, id[0], id[1]);
  return out;
}

int64_t clock_wall(void)
{
  return read_clock(CLOCK_REALTIME);
}

void clock_boot_id(uint64_t ret_id[2])
{
  CLEANUP_CLOSE int descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  char text[64] = "";
  ret_id[0] = ret_id[1] = 0;
  if (descriptor < 0 || read(descriptor, text, sizeof text - 1) < 0)
    return;
  int digits = 0;
  for (const char *at = text; *at && digits < 32; at++) {
    if (!strchr("0123456789abcdef", *at))
      continue;
    const unsigned digit = *at <= '9' ? (unsigned)(*at - '0') : (unsigned)(*at - 'a') + 10;
    ret_id[digits / 16] = ret_id[digits / 16] << 4 | digit;
    digits++;
  }
}

/* Years begin in March here, so that the leap day is the last of its year; an era is 400 years. `days` since 1970. */
static char *write_date(char *out, int64_t days)
{
  int64_t shifted = days + 719468; /* from 0000-03-01 */
  unsigned era = (unsigned)(shifted / ERA_DAYS);
  unsigned day_of_era = (unsigned)(shifted % ERA_DAYS);
  unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned month = (5 * day_of_year + 2) / 153; /* 0 is March */
  unsigned day = day_of_year - (153 * month + 2) / 5 + 1;
  unsigned year = era * 400 + year_of_era + (month >= 10);
  out = digits_two(digits_two(out, year / 100), year % 100);
  *out++ = '-';
  out = digits_two(out, month < 10 ? month + 3 : month - 9);
  *out++ = '-';
  return digits_two(out, day);
}

static char *write_time(char *out, unsigned second_of_day)
{
  *out++ = 'T';
  out = digits_two(out, second_of_day / 3600);
  *out++ = ':';
  out = digits_two(out, second_of_day / 60 % 60);
  *out++ = ':';
  return digits_two(out, second_of_day % 60);
}

size_t clock_rfc3339(int64_t wall, char *out)
{
  int64_t seconds = wall / CLOCK_SECOND - (wall % CLOCK_SECOND < 0);
  unsigned micros = (unsigned)((wall % CLOCK_SECOND + CLOCK_SECOND) % CLOCK_SECOND);
  if (seconds < YEAR_FIRST || seconds > YEAR_LAST) {
    *out = '\0';
    return 0;
  }
  int64_t days = seconds / DAY_SECONDS - (seconds % DAY_SECONDS < 0);
  char *end = write_date(out, days);
  end = write_time(end, (unsigned)(seconds - days * DAY_SECONDS));
  if (micros != 0) {
    *end++ = '.';
    end = digits_two(digits_two(digits_two(end, micros / 10000), micros / 100 % 100), micros % 100);
  }
  *end++ = 'Z';
  *end = '\0';
  return (size_t)(end - out);
}
