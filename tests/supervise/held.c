/* held PID...: stops the processes as a debugger does, prints "held", and ends when they are dead. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>

static void hold(pid_t pid)
{
  int status;
  if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 ||
      waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) {
    perror("held");
    exit(EXIT_FAILURE);
  }
}

int main(int argc, char **argv)
{
  int status;
  for (int i = 1; i < argc; i++)
    hold((pid_t)strtol(argv[i], NULL, 10));
  (void)puts("held");
  (void)fflush(stdout);
  while (waitpid(-1, &status, __WALL) > 0 || errno == EINTR)
    ; /* a signal to one that is held is told, too, and it stays where it is */
  return EXIT_SUCCESS;
}
