/* Reads /proc: names of folders, stat, and where exe points. */
#include "base/process.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/text.h"

enum { STAT_SIZE = 512, LINK_SIZE = 64 };

pid_t process_next(DIR *proc)
{
  const struct dirent *entry;
  int64_t pid;
  while (proc != NULL && (entry = readdir(proc)) != NULL)
    if (text_to_integer(entry->d_name, strlen(entry->d_name), &pid) && pid > 0 && pid <= INT_MAX)
      return (pid_t)pid;
  return 0;
}

bool process_follow(pid_t parent, int number)
{
  return prctl(PR_SET_PDEATHSIG, number) == 0 && getppid() == parent;
}

/* The name in parentheses may hold anything, so what follows is looked for from the end. */
bool process_look(pid_t pid, pid_t *ret_parent, char *ret_state)
{
  char path[LINK_SIZE], text[STAT_SIZE];
  (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
  CLEANUP_CLOSE int descriptor = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t length = descriptor < 0 ? -1 : read(descriptor, text, sizeof text - 1);
  if (length <= 0)
    return false;
  text[length] = '\0';
  const char *behind = strrchr(text, ')');
  if (behind == NULL || strncmp(behind, ") ", 2) != 0 || behind[2] == '\0')
    return false;
  *ret_state = behind[2];
  *ret_parent = (pid_t)strtol(behind + 3, NULL, 10);
  return true;
}

const char *process_program(pid_t pid, char out[PROCESS_NAME_SIZE])
{
  static const char deleted[] = " (deleted)";
  char path[LINK_SIZE], program[PATH_MAX + sizeof deleted];
  (void)snprintf(path, sizeof path, "/proc/%ld/exe", (long)pid);
  ssize_t length = readlink(path, program, sizeof program - 1);
  out[0] = '\0';
  if (length < 0)
    return out;
  const size_t tail = sizeof deleted - 1;
  if ((size_t)length > tail && memcmp(program + length - tail, deleted, tail) == 0)
    length -= (ssize_t)tail;
  program[length] = '\0';
  const char *slash = strrchr(program, '/');
  const char *name = slash != NULL ? slash + 1 : program;
  if (strlen(name) < PROCESS_NAME_SIZE)
    memcpy(out, name, strlen(name) + 1);
  return out;
}
