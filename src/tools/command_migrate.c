/* lontarctl migrate. */
#include <getopt.h>

#include "tools/connect.h"
#include "tools/migrate.h"

int command_migrate(const struct invocation *invocation, int argc, char **argv)
{
  static const struct option long_options[] = {{"dry-run", no_argument, NULL, 'n'},
                                               {"grant", required_argument, NULL, 'g'},
                                               {"time-zone", required_argument, NULL, 'z'},
                                               {NULL, 0, NULL, 0}};
  struct migrate_options options = {0};
  int letter;
  while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    if (letter == 'n')
      options.dry_run = true;
    else if (letter == 'g')
      options.grant = optarg;
    else if (letter == 'z')
      options.time_zone = optarg;
    else
      return command_misuse("migrate does not take this");
  }
  if (optind < argc)
    return command_misuse("migrate takes no argument %s", argv[optind]);
  CLEANUP_CONNECTION PGconn *connection = connect_database(invocation);
  return connection ? migrate_run(connection, &options) : COMMAND_FAILED;
}
