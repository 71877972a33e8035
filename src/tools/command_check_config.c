/* lontarctl check-config: the file was read before any command runs, so what is left is to say so. */
#include <stdio.h>

#include "config/config.h"
#include "tools/command.h"

int command_check_config(const struct invocation *invocation, int argc, char **argv)
{
  if (argc > 1)
    return command_misuse("check-config takes no argument %s", argv[1]);
  if (invocation->file)
    printf("%s is good\n", invocation->file);
  else
    puts("there is no configuration file; the defaults are used");
  return COMMAND_DONE;
}
