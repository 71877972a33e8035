/*
 * The limit behind nginx: the workers' own front, answering every request at once with a body of so many bytes.
 * echo SOCKET WORKERS PATTERN=LENGTH…
 */
#include <event2/event.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "front/front.h"

enum { BACKLOG = 4096, BODY_MAX = 1 << 20, USAGE = 2 };

/* The arguments PATTERN=LENGTH: the first that the request's path fits says how long the body is. */
struct lengths {
  char **of;
  int count;
};

static size_t length_for(const struct lengths *lengths, const char *path)
{
  for (int i = 0; i < lengths->count; i++) {
    char pattern[256];
    size_t length;
    if (sscanf(lengths->of[i], "%255[^=]=%zu", pattern, &length) == 2 && fnmatch(pattern, path, 0) == 0)
      return length;
  }
  return 0;
}

static void answer(void *owner, struct front_request *request)
{
  static const char body[BODY_MAX];
  size_t length = length_for(owner, request->path);
  struct response response;
  response_init(&response);
  response.status = request->method == METHOD_POST ? 201 : 200;
  response.content_type = "application/json";
  buffer_append(&response.body, body, length < BODY_MAX ? length : BODY_MAX);
  front_respond(request, &response);
}

static void ignore(void *owner, struct front_request *request)
{
  (void)owner;
  (void)request;
}

static int listen_on(const char *path)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path)
    return -1;
  memcpy(address.sun_path, path, strlen(path));
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || chmod(path, 0666) != 0 ||
      listen(fd, BACKLOG) != 0)
    return -1;
  return fd;
}

/* libfcgi lets a SIGTERM pass without effect. */
static int serve(int fd, struct lengths *lengths)
{
  const struct front_handler handler = {.request = answer, .gone = ignore, .owner = lengths};
  struct event_base *base = event_base_new();
  const struct front_sockets sockets = {.listener = fd, .inbox = -1, .outbox = -1};
  struct front *front = base == NULL ? NULL : front_new(base, &sockets, BODY_MAX, &handler);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || front == NULL || !front_serve(front))
    return EXIT_FAILURE;
  return event_base_dispatch(base) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
  if (argc < 3)
    return USAGE;
  struct lengths lengths = {.of = argv + 3, .count = argc - 3};
  int fd = listen_on(argv[1]);
  if (fd < 0) {
    perror(argv[1]);
    return EXIT_FAILURE;
  }
  for (long left = strtol(argv[2], NULL, 10); left > 0; left--)
    if (fork() == 0)
      return serve(fd, &lengths);
  int status;
  return wait(&status) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
