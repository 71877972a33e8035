/*
 * The daemon's program is replaced, as a package would do it, and the daemon becomes the new one under load.
 * LONTAR_UPGRADES says how often (default 3).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/renewal.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CONNECTIONS = 32, LIMIT_SECONDS = 600, REFUSED_SECONDS = 2, COMMAND_SIZE = 1024 };

static struct crowd crowd;
static int left;

/* `command` writes the new program to "$NEW". */
static void replace_program(const char *command)
{
  char line[COMMAND_SIZE];
  (void)need_environment("LONTARD_PROGRAM");
  (void)snprintf(line, sizeof line, "NEW=\"$LONTARD_PROGRAM.new\"; %s && mv -f \"$NEW\" \"$LONTARD_PROGRAM\"", command);
  need(system(line) == 0, "the program cannot be replaced");
}

static void renew_program(void)
{
  replace_program("cp \"$LONTARD_PROGRAM\" \"$NEW\"");
}

/* Whether the daemon's process runs the file that has the program's name now. */
static bool is_new_program(void)
{
  char path[COMMAND_SIZE];
  struct stat running, named;
  (void)snprintf(path, sizeof path, "/proc/%d/exe", stack_lontard());
  return stat(path, &running) == 0 && stat(need_environment("LONTARD_PROGRAM"), &named) == 0 &&
         running.st_ino == named.st_ino;
}

static void upgrade_again(void)
{
  if (crowd.enough || !renewal_has_ended())
    return;
  CHECK(is_new_program(), "the daemon runs the old program");
  crowd.enough = left == 0;
  if (left-- == 0)
    return;
  renew_program();
  CHECK(!is_new_program(), "the daemon runs the new program without an upgrade");
  renewal_begin(SIGUSR2);
}

static void upgrades_fail_no_request(void)
{
  const int upgrades = left = stack_times("LONTAR_UPGRADES", 3);
  const long long before = crowd_newest();
  crowd = (struct crowd){.connections = CONNECTIONS, .seconds = LIMIT_SECONDS, .turn = upgrade_again};
  crowd_run(&crowd);
  CHECK(crowd.enough, "not all upgrades were done in %d seconds", LIMIT_SECONDS);
  crowd_check("under upgrades", &crowd);
  crowd_check_ledger("under upgrades", &crowd, before);
  printf("%zu requests, slowest %.0f ms for %d upgrades ", crowd.answered, crowd.slowest * 1000, upgrades);
}

static void a_program_that_fails_its_test_is_refused(void)
{
  static const char *const programs[] = {"printf '#!/bin/sh\\nexit 3\\n' >\"$NEW\" && chmod 755 \"$NEW\"",
                                         "echo nonsense >\"$NEW\" && chmod 755 \"$NEW\"", "echo closed >\"$NEW\""};
  const double started = renewal_started();
  replace_program("ln -f \"$LONTARD_PROGRAM\" \"$LONTARD_PROGRAM.kept\" && cp \"$LONTARD_PROGRAM\" \"$NEW\"");
  for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++) {
    replace_program(programs[i]);
    stack_signal(SIGUSR2);
    crowd = (struct crowd){.connections = CONNECTIONS, .seconds = REFUSED_SECONDS / 2.0};
    crowd_run(&crowd);
    crowd_check("while an upgrade is refused", &crowd);
    CHECK(renewal_started() <= started, "the daemon has become program %zu", i);
  }
  replace_program("mv \"$LONTARD_PROGRAM.kept\" \"$NEW\"");
  renewal_run(SIGUSR2);
  CHECK(is_new_program(), "the daemon has not become the good program");
}

CU_TestInfo suite_upgrade[] = {{"upgrades fail no request", upgrades_fail_no_request},
                               {"a program that fails its test is refused", a_program_that_fails_its_test_is_refused},
                               CU_TEST_INFO_NULL};
