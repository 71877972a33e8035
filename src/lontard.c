/* lontard: reads its options and the configuration, then becomes the master. */
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lontar/error.h>

#include "authorize/keyring.h"
#include "authorize/password.h"
#include "base/message.h"
#include "base/standard.h"
#include "config/config.h"
#include "log/sink.h"
#include "master/master.h"

struct arguments {
  const char *file;
  bool test;
};

static void usage(FILE *stream)
{
  (void)fputs("Usage: lontard [-f FILE] [-t]\n"
              "Serves Lontar's API over FastCGI.\n\n"
              "  -f, --file=FILE  read this configuration instead of " CONFIG_FILE "\n"
              "  -t, --test       test configuration and keyring, then exit\n"
              "  -V, --version    print the version\n"
              "  -h, --help       print this\n",
              stream);
}

/* Gives an exit status, or -1 to go on. */
static int parse_arguments(int argc, char **argv, struct arguments *arguments)
{
  static const struct option options[] = {
      {"file", required_argument, NULL, 'f'},
      {"test", no_argument, NULL, 't'},
      {"version", no_argument, NULL, 'V'},
      {"help", no_argument, NULL, 'h'},
      {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(argc, argv, "f:tVh", options, NULL)) != -1;) {
    if (option == 'f') {
      arguments->file = optarg;
    } else if (option == 't') {
      arguments->test = true;
    } else if (option == 'V') {
      return puts("lontard " PACKAGE_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    } else {
      usage(option == 'h' ? stdout : stderr);
      return option == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
    }
  }
  if (optind == argc)
    return -1;
  (void)fprintf(stderr, "lontard: unexpected argument %s\n", argv[optind]);
  return EXIT_FAILURE;
}

/* Workers read the keyring for themselves; a bad one is told here, before anything has started. */
static int check_keyring(const struct config *config)
{
  char message[MESSAGE_SIZE] = "";
  struct keyring *keyring;
  if (password_init() != LONTAR_OK) {
    (void)fputs("lontard: libsodium cannot be initialised\n", stderr);
    return -1;
  }
  if (keyring_load(config->keyring, &keyring, message, sizeof message) != LONTAR_OK) {
    (void)fprintf(stderr, "lontard: %s\n", message);
    return -1;
  }
  keyring_free(keyring);
  return 0;
}

static int test(const struct arguments *arguments, const struct config *config)
{
  char message[MESSAGE_SIZE] = "";
  if (master_test(config, message, sizeof message) != 0) {
    (void)fprintf(stderr, "lontard: %s\n", message);
    return EXIT_FAILURE;
  }
  if (!master_limits(config, message, sizeof message))
    (void)fprintf(stderr, "lontard: %s\n", message);
  return printf("configuration %s is good\n", arguments->file) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Where the program lies that an upgrade starts: where this one lay, or what a link there leads to by then. */
static const char *program_path(const char *name)
{
  static char path[PATH_MAX];
  if (strchr(name, '/') != NULL)
    return name;
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1); /* it was found through PATH */
  return length > 0 ? path : name;
}

int main(int argc, char **argv)
{
  struct arguments arguments = {.file = CONFIG_FILE};
  struct config_error error;
  CLEANUP_CONFIG struct config *config = NULL;
  if (!standard_open())
    return EXIT_FAILURE;
  const int status = parse_arguments(argc, argv, &arguments);
  if (status >= 0)
    return status;
  if (config_load(arguments.file, &config, &error) < 0) {
    (void)fprintf(stderr, "lontard: %s\n", error.text);
    return EXIT_FAILURE;
  }
  if (check_keyring(config) < 0)
    return EXIT_FAILURE;
  if (arguments.test)
    return test(&arguments, config);
  sink_own();
  const struct master_start start = {program_path(argv[0]), arguments.file, TAKE(config)};
  return master_main(&start);
}
