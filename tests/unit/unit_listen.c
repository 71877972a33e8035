/* Tests of master/listen: which sockets are replaced, by who has them open. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lontar/error.h>

#include "base/message.h"
#include "config/config.h"
#include "master/listen.h"
#include "unit.h"

static char folder[] = "/tmp/lontar-unit-listen.XXXXXX", path[64], nobody[] = "";

static int try(bool orphans)
{
  struct config config = {.listen = path, .listen_group = nobody, .listen_mode = 0600};
  char message[MESSAGE_SIZE] = "";
  int descriptor = -1;
  const int error = listen_open(&config, orphans, &descriptor, message, sizeof message);
  if (!error)
    (void)close(descriptor);
  return error;
}

static void begin_to_listen(int backlog)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  (void)unlink(path);
  CU_ASSERT_EQUAL_FATAL(bind(descriptor, (const struct sockaddr *)&address, sizeof address), 0);
  CU_ASSERT_EQUAL_FATAL(listen(descriptor, backlog), 0);
}

static void fill_backlog(void)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  while (connect(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), (const struct sockaddr *)&address, sizeof address) ==
         0)
    continue;
}

static _Noreturn void wait_for_ever(void)
{
  for (;;)
    (void)pause();
}

/* Starts one that listens, and has it fork a worker, which is all that is left when it has `died`. Returns who is to be
 * ended by `end`. */
static pid_t start_master(bool died, bool full)
{
  int ready[2];
  pid_t worker = 0;
  CU_ASSERT_EQUAL_FATAL(pipe(ready), 0);
  const pid_t master = fork();
  if (master == 0) {
    begin_to_listen(full ? 0 : 16);
    if (full)
      fill_backlog();
    worker = died ? fork() : getpid();
    if (worker > 0 && write(ready[1], &worker, sizeof worker) == (ssize_t)sizeof worker && died)
      _exit(EXIT_SUCCESS);
    wait_for_ever();
  }
  CU_ASSERT_EQUAL_FATAL(read(ready[0], &worker, sizeof worker), (ssize_t)sizeof worker);
  if (died)
    CU_ASSERT_EQUAL(waitpid(master, NULL, 0), master);
  (void)close(ready[0]);
  (void)close(ready[1]);
  return worker;
}

/* An orphan is ours by then. */
static void end(pid_t pid)
{
  (void)kill(pid, SIGKILL);
  CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

static void set_up(void)
{
  (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
  (void)snprintf(path, sizeof path, "%s/socket", folder);
}

static void tear_down(void)
{
  (void)unlink(path);
  (void)rmdir(folder);
  memset(folder + sizeof folder - 7, 'X', 6);
  (void)prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static void one_that_listens_is_left_alone(void)
{
  if (unit_is_under_valgrind())
    return;
  set_up();
  const pid_t master = start_master(false, false);
  CU_ASSERT_EQUAL(try(false), LONTAR_CONFLICT);
  CU_ASSERT_EQUAL(try(true), LONTAR_CONFLICT);
  end(master);
  CU_ASSERT_EQUAL(try(false), LONTAR_OK);
  tear_down();
}

static void what_only_a_dead_ones_worker_has_open_is_replaced(void)
{
  set_up();
  const pid_t worker = start_master(true, false);
  CU_ASSERT_EQUAL(try(false), LONTAR_OK);
  CU_ASSERT_EQUAL(kill(worker, 0), 0);
  end(worker);
  tear_down();
}

static void a_full_one_is_replaced_where_a_master_has_left_somebody(void)
{
  set_up();
  const pid_t worker = start_master(true, true);
  CU_ASSERT_EQUAL(try(false), LONTAR_CONFLICT);
  CU_ASSERT_EQUAL(try(true), LONTAR_OK);
  end(worker);
  tear_down();
}

UNIT_CASES(listen, UNIT_CASE(one_that_listens_is_left_alone),
           UNIT_CASE(what_only_a_dead_ones_worker_has_open_is_replaced),
           UNIT_CASE(a_full_one_is_replaced_where_a_master_has_left_somebody));
