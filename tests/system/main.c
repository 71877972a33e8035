/*
 * The system tests: `system` runs the suites that only ask, `system SUITE...` those that are named (suites.def),
 * `system
 * --wait` waits until the service is ready, `system --port` prints a free port. Ends with "N passed, N failed".
 */
#include <CUnit/Basic.h>
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "system/check.h"
#include "system/client.h"
#include "system/system.h"
#include "system/world.h"

enum when { ALWAYS, NAMED };

static const struct {
  const char *name;
  enum when when;
  const char *shows;
  CU_TestInfo *tests;
} suites[] = {
#define SUITE(name, when, shows) {#name, when, shows, suite_##name},
#include "system/suites.def"
#undef SUITE
};

enum { SUITE_COUNT = sizeof suites / sizeof suites[0], WAIT_SECONDS = 60 };

static int wait_until_ready(void)
{
  time_t end = time(NULL) + WAIT_SECONDS;
  client_init();
  do {
    ANSWER answer = get("/health/ready", NULL);
    if (answer.status == 200)
      return 0;
    (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  } while (time(NULL) < end);
  fprintf(stderr, "system: the service was not ready after %d seconds\n", WAIT_SECONDS);
  return 1;
}

static int print_free_port(void)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  need(fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0, "no free port");
  need(getsockname(fd, (struct sockaddr *)&address, &length) == 0, "no free port");
  return printf("%d\n", ntohs(address.sin_port)) > 0 ? 0 : 1;
}

static bool wanted(int suite, int argc, char **argv)
{
  bool named = false;
  for (int i = 1; i < argc; i++)
    named |= strcmp(argv[i], suites[suite].name) == 0;
  return argc > 1 ? named : suites[suite].when == ALWAYS;
}

static void add_suites(int argc, char **argv)
{
  int count = 0;
  for (int i = 0; i < SUITE_COUNT; i++) {
    if (!wanted(i, argc, argv))
      continue;
    CU_SuiteInfo info[] = {{.pName = suites[i].shows, .pTests = suites[i].tests}, CU_SUITE_INFO_NULL};
    need(CU_register_suites(info) == CUE_SUCCESS, CU_get_error_msg());
    count++;
  }
  need(count >= (argc > 1 ? argc - 1 : 1), "there is no such suite; see suites.def");
}

int main(int argc, char **argv)
{
  setvbuf(stdout, NULL, _IOLBF, 0);
  if (argc == 2 && strcmp(argv[1], "--wait") == 0)
    return wait_until_ready();
  if (argc == 2 && strcmp(argv[1], "--port") == 0)
    return print_free_port();
  client_init();
  world_init();
  need(CU_initialize_registry() == CUE_SUCCESS, "CUnit cannot be initialised");
  add_suites(argc, argv);
  CU_basic_set_mode(CU_BRM_VERBOSE);
  (void)CU_basic_run_tests();
  unsigned failed = CU_get_number_of_tests_failed();
  unsigned passed = CU_get_number_of_tests_run() - failed;
  CU_cleanup_registry();
  world_done();
  client_done();
  printf("%u passed, %u failed\n", passed, failed);
  return failed > 0;
}
