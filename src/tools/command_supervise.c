/* lontarctl supervise: tells lontar-supervise to forget its restarts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "supervise/state.h"
#include "tools/command.h"

int command_supervise(const struct invocation *invocation, int argc, char **argv)
{
  if (argc != 2 || strcmp(argv[1], "reset") != 0)
    return command_misuse("supervise takes reset");
  if (state_request_reset(invocation->config->run_dir) != 0)
    return command_fail("Run this as lontard's user or root.", "%s cannot be written into: %s",
                        invocation->config->run_dir, strerror(errno));
  puts("lontar-supervise counts its restarts from zero at its next look");
  return COMMAND_DONE;
}
