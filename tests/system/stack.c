/* Reaches the processes behind the address. */
#include "system/stack.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"

enum { PAUSE_NS = 10000000, COMMAND_SIZE = 512, LOG_SIZE = 65536 };

pid_t stack_lontard(void)
{
  return (pid_t)strtol(need_environment("LONTARD_PID"), NULL, 10);
}

void stack_signal(int signal)
{
  need(stack_lontard() > 1 && kill(stack_lontard(), signal) == 0, "lontard cannot be signalled");
}

size_t stack_children_of(pid_t parent, pid_t *out, size_t size)
{
  char path[COMMAND_SIZE];
  (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", parent, parent);
  FILE *file = fopen(path, "re");
  size_t count = 0;
  while (file && count < size && fscanf(file, "%d", &out[count]) == 1)
    count++;
  if (file)
    fclose(file);
  return count;
}

static bool sets(const char *line, const char *option)
{
  const size_t length = strlen(option);
  return strncmp(line, option, length) == 0 && line[length + strspn(line + length, " ")] == '=';
}

void stack_set(const char *option, const char *value)
{
  const char *path = need_environment("LONTAR_CONF");
  char line[COMMAND_SIZE];
  char *text = NULL;
  size_t length = 0;
  FILE *old = fopen(path, "re");
  FILE *new = open_memstream(&text, &length);
  need(old != NULL && new != NULL, "lontard's configuration cannot be read");
  while (fgets(line, sizeof line, old))
    if (!sets(line, option))
      fputs(line, new);
  fclose(old);
  if (value)
    fprintf(new, "%s = %s\n", option, value);
  fclose(new);
  FILE *file = fopen(path, "we");
  need(file != NULL && fwrite(text, 1, length, file) == length && fclose(file) == 0,
       "lontard's configuration cannot be written");
  free(text);
}

double stack_number(const char *name)
{
  ANSWER answer = get("/metrics", NULL);
  const size_t length = strlen(name);
  double sum = 0;
  if (answer.status != 200)
    return -1;
  for (const char *at = answer.body; at != NULL; at = strchr(at, '\n')) {
    at += *at == '\n';
    if (strncmp(at, name, length) == 0 && (at[length] == '{' || at[length] == ' '))
      sum += strtod(strchr(at, ' '), NULL);
  }
  return sum;
}

long long stack_metric(const char *name)
{
  return (long long)stack_number(name);
}

int stack_times(const char *variable, int otherwise)
{
  const char *wanted = getenv(variable);
  return wanted ? (int)strtol(wanted, NULL, 10) : otherwise;
}

size_t stack_children(pid_t *out, size_t size)
{
  need(kill(stack_lontard(), 0) == 0, "lontard is gone");
  return stack_children_of(stack_lontard(), out, size);
}

size_t stack_servers(pid_t *out, size_t size)
{
  char path[COMMAND_SIZE];
  (void)snprintf(path, sizeof path, "%s/postmaster.pid", need_environment("LONTAR_TEST_POSTGRES_DATA"));
  FILE *file = fopen(path, "re");
  need(file != NULL && fscanf(file, "%d", &out[0]) == 1, "PostgreSQL is gone");
  fclose(file);
  return 1 + stack_children_of(out[0], out + 1, size - 1);
}

json_object *stack_status(void)
{
  char path[COMMAND_SIZE];
  (void)snprintf(path, sizeof path, "%s/status.json", need_environment("LONTAR_RUN_DIR"));
  return json_object_from_file(path);
}

bool stack_marked(void)
{
  char path[COMMAND_SIZE];
  (void)snprintf(path, sizeof path, "%s/unavailable", need_environment("LONTAR_RUN_DIR"));
  return access(path, F_OK) == 0;
}

static long status_number(pid_t pid, const char *name)
{
  char path[COMMAND_SIZE];
  char line[COMMAND_SIZE];
  long kilobytes = -1;
  (void)snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "re");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, name, strlen(name)) == 0)
      kilobytes = strtol(line + strlen(name), NULL, 10);
  if (file)
    fclose(file);
  return kilobytes;
}

long stack_memory(pid_t pid)
{
  return status_number(pid, "VmRSS:");
}

long stack_peak(pid_t pid)
{
  return status_number(pid, "VmHWM:");
}

void stack_database(const char *what)
{
  char command[COMMAND_SIZE];
  (void)snprintf(command, sizeof command, "'%s' %s", need_environment("LONTAR_DATABASE_COMMAND"), what);
  need(system(command) == 0, "the database cannot be stopped or started");
}

long stack_log_end(void)
{
  FILE *log = fopen(need_environment("LONTAR_LOG"), "re");
  need(log != NULL && fseek(log, 0, SEEK_END) == 0, "lontard's log cannot be read");
  long end = ftell(log);
  fclose(log);
  return end;
}

const char *stack_log_since(long begin)
{
  static char lines[LOG_SIZE];
  FILE *log = fopen(need_environment("LONTAR_LOG"), "re");
  need(log != NULL && fseek(log, begin, SEEK_SET) == 0, "lontard's log cannot be read");
  lines[fread(lines, 1, sizeof lines - 1, log)] = '\0';
  fclose(log);
  return lines;
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
