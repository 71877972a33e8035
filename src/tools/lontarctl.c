/* The operator's tool: reads the configuration, then runs one command of its table. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "authorize/password.h"
#include "base/standard.h"
#include "config/config.h"
#include "tools/command.h"

static const struct command commands[] = {
    {"migrate", "[--dry-run] [--grant ROLE] [--time-zone ZONE]\n", "bring the database's tables up to date",
     "Creates the tables, or adopts those of an existing NexusAI database without losing a row. Each step is one\n"
     "transaction; running it again is harmless.\n\n"
     "  --dry-run         print what would be done, change nothing\n"
     "  --grant ROLE      give lontard's database role the rights it needs, and no more\n"
     "  --time-zone ZONE  the zone of the times to adopt, where it is not the server's own\n",
     command_migrate},
    {"user",
     "add USERNAME --role siswa|guru|admin [--full-name NAME]\n"
     "passwd USERNAME\n"
     "list [--json]\n",
     "make users, set their passwords, list them",
     "The password is asked for on a terminal, else read as one line of standard input.\n", command_user},
    {"service-key",
     "add NAME\n"
     "list\n"
     "revoke NAME\n",
     "make and revoke the keys of programs such as NexusAI's back end",
     "A key is shown once, when it is made; only its hash is kept. A running lontard takes changes over at once.\n"
     "A name is made of a-z, 0-9, '.', '_' and '-'.\n",
     command_service_key},
    {"status", "[--json]\n", "say in one sentence how lontard is, then its workers and what is supervised",
     "Exits with 0 when requests are answered, with 1 when not.\n", command_status},
    {"supervise", "reset\n", "let lontar-supervise begin again",
     "After what was escalated has been repaired: restarts are counted from zero. Without it that happens when all "
     "has\n"
     "been well for supervise_reset.\n",
     command_supervise},
    {"check", "\n", "examine the database: encoding, tables, sequences, rights, settings",
     "Asks as the user of database_url and changes nothing. Each fault is a sentence with its remedy, on standard\n"
     "error; what is only worth knowing is a note. Exits with 1 when something must be mended.\n",
     command_check},
    {"check-config", "\n", "test the configuration file",
     "Prints the first error with file and line, or that all is well.\n", command_check_config},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct command *command_find(const char *name)
{
  for (int i = 0; i < COMMAND_COUNT; i++) {
    if (strcmp(commands[i].name, name) == 0)
      return &commands[i];
  }
  return NULL;
}

static void print_forms(FILE *out, const struct command *command)
{
  const char *form = command->usage;
  while (*form) {
    const size_t length = strcspn(form, "\n");
    fprintf(out, "  lontarctl [-f FILE] %s %.*s\n", command->name, (int)length, form);
    form += length + (form[length] == '\n');
  }
}

static void print_usage(FILE *out)
{
  fputs("usage: lontarctl [-f FILE] COMMAND …\n\n", out);
  for (int i = 0; i < COMMAND_COUNT; i++)
    fprintf(out, "  %-14s%s\n", commands[i].name, commands[i].summary);
  fputs("  help [COMMAND]\n\n"
        "  -f FILE        the configuration, " CONFIG_FILE " by default\n"
        "  --help, --version\n",
        out);
}

static int print_help(int argc, char **argv)
{
  const struct command *command = argc > 1 ? command_find(argv[1]) : NULL;
  if (argc > 1 && !command)
    return command_misuse("there is no command %s", argv[1]);
  if (!command) {
    print_usage(stdout);
    return COMMAND_DONE;
  }
  printf("lontarctl %s: %s\n\n", command->name, command->summary);
  print_forms(stdout, command);
  printf("\n%s", command->help);
  return COMMAND_DONE;
}

/* Only the file that was named must be there; one that cannot be seen is not absent. */
static const char *configuration_file(const char *named)
{
  if (named)
    return named;
  return access(CONFIG_FILE, F_OK) != 0 && errno == ENOENT ? NULL : CONFIG_FILE;
}

static int command_run(const struct command *command, const char *file, int argc, char **argv)
{
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0)
      return print_help(2, (char *[]){argv[0], argv[0]});
  }
  struct invocation invocation = {.file = configuration_file(file)};
  CLEANUP_CONFIG struct config *config = NULL;
  struct config_error error;
  if (config_load(invocation.file, &config, &error) != 0)
    return command_fail("lontarctl check-config tests the file after it was corrected.", "%s", error.text);
  if (password_init() != 0)
    return command_fail(NULL, "the cryptographic library cannot be started");
  invocation.config = config;
  optind = 0; /* GNU getopt begins anew */
  return command->run(&invocation, argc, argv);
}

int main(int argc, char **argv)
{
  static const struct option long_options[] = {
      {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {NULL, 0, NULL, 0}};
  const char *file = NULL;
  int letter;
  if (!standard_open())
    return COMMAND_FAILED;
  while ((letter = getopt_long(argc, argv, "+f:hV", long_options, NULL)) != -1) {
    switch (letter) {
    case 'f':
      file = optarg;
      break;
    case 'h':
      print_usage(stdout);
      return COMMAND_DONE;
    case 'V':
      puts("lontarctl " PACKAGE_VERSION);
      return COMMAND_DONE;
    default:
      print_usage(stderr);
      return COMMAND_USAGE;
    }
  }
  argc -= optind;
  argv += optind;
  if (argc > 0 && strcmp(argv[0], "help") == 0)
    return print_help(argc, argv);
  const struct command *command = argc > 0 ? command_find(argv[0]) : NULL;
  if (command)
    return command_run(command, file, argc, argv);
  if (argc > 0)
    fprintf(stderr, "lontarctl: there is no command %s\n\n", argv[0]);
  print_usage(stderr);
  return COMMAND_USAGE;
}
