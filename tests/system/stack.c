/* Reaches the processes behind the address. */
#include "system/stack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "system/check.h"

enum { PAUSE_NS = 10000000, COMMAND_SIZE = 512 };

pid_t stack_lontard(void)
{
  return (pid_t)strtol(need_environment("LONTARD_PID"), NULL, 10);
}

void stack_signal(int signal)
{
  need(stack_lontard() > 1 && kill(stack_lontard(), signal) == 0, "lontard cannot be signalled");
}

size_t stack_children(pid_t *out, size_t size)
{
  char path[COMMAND_SIZE];
  (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", stack_lontard(), stack_lontard());
  FILE *file = fopen(path, "re");
  size_t count = 0;
  need(file != NULL, "lontard is gone");
  while (count < size && fscanf(file, "%d", &out[count]) == 1)
    count++;
  fclose(file);
  return count;
}

long stack_memory(pid_t pid)
{
  char path[COMMAND_SIZE];
  char line[COMMAND_SIZE];
  long kilobytes = -1;
  (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "re");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, "VmRSS:", 6) == 0)
      kilobytes = strtol(line + 6, NULL, 10);
  if (file)
    fclose(file);
  return kilobytes;
}

void stack_database(const char *what)
{
  char command[COMMAND_SIZE];
  (void)snprintf(command, sizeof command, "'%s' %s", need_environment("LONTAR_DATABASE_COMMAND"), what);
  need(system(command) == 0, "the database cannot be stopped or started");
}

double stack_clock(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

bool stack_wait(bool (*condition)(void), double seconds)
{
  double end = stack_clock() + seconds;
  while (!condition()) {
    if (stack_clock() >= end)
      return false;
    (void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
  }
  return true;
}
