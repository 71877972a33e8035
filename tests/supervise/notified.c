/* notified COMMAND...: runs it as systemd would, and prints what it tells by $NOTIFY_SOCKET, a line for each message.
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MESSAGE_MAX = 4096, LOOK = 200 * 1000 };

/* An abstract name, so that nothing is left behind. */
static int open_socket(void)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const struct timeval look = {.tv_usec = LOOK};
  char name[64];
  const int length = snprintf(name, sizeof name, "@lontar-notified-%ld", (long)getpid());
  const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  (void)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "%s", name + 1);
  const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length);
  if (descriptor < 0 || bind(descriptor, (struct sockaddr *)&address, size) < 0 ||
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &look, sizeof look) < 0 || setenv("NOTIFY_SOCKET", name, 1) < 0) {
    perror("notified");
    exit(EXIT_FAILURE);
  }
  return descriptor;
}

static void print_messages(int descriptor)
{
  char message[MESSAGE_MAX];
  ssize_t length;
  while ((length = recv(descriptor, message, sizeof message, 0)) >= 0)
    printf("%.*s\n", (int)length, message);
  (void)fflush(stdout);
}

int main(int argc, char **argv)
{
  int status = 0;
  const int descriptor = open_socket();
  const pid_t pid = argc > 1 ? fork() : -1;
  if (pid == 0) {
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    (void)execv(argv[1], argv + 1);
  }
  if (pid <= 0) {
    perror("notified");
    return EXIT_FAILURE;
  }
  do
    print_messages(descriptor);
  while (waitpid(pid, &status, WNOHANG) == 0);
  print_messages(descriptor);
  return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
