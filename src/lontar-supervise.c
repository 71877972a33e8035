/* lontar-supervise: reads its options and the configuration, then looks after lontard and its database. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/standard.h"
#include "base/text.h"
#include "config/config.h"
#include "log/sink.h"
#include "supervise/supervise.h"
#include "supervise/trust.h"

/* Seconds; remedy.h does not trust looks further apart than a minute. */
enum { EVERY_DEFAULT = 5, EVERY_MOST = 30 };

static void usage(FILE *stream)
{
  (void)fputs("Usage: lontar-supervise [-f FILE] [-n SECONDS] [-l]\n"
              "Restarts lontard or PostgreSQL when they are ill, by the configured commands.\n\n"
              "  -f, --file=FILE      read this configuration instead of " CONFIG_FILE "\n"
              "  -n, --every=SECONDS  time from look to look, 1 to 30; 5 when it is not said\n"
              "  -l, --listener       be an event listener of supervisord\n"
              "  -V, --version        print the version\n"
              "  -h, --help           print this\n",
              stream);
}

static bool parse_every(const char *text, int64_t *ret_every)
{
  int64_t seconds;
  if (!text_to_integer(text, strlen(text), &seconds) || seconds < 1 || seconds > EVERY_MOST) {
    (void)fputs("lontar-supervise: --every takes 1 to 30 seconds\n", stderr);
    return false;
  }
  *ret_every = seconds * CLOCK_SECOND;
  return true;
}

/* Gives an exit status, or -1 to go on. */
static int parse_arguments(int argc, char **argv, struct supervise_start *start)
{
  static const struct option options[] = {
      {"file", required_argument, NULL, 'f'}, {"every", required_argument, NULL, 'n'},
      {"listener", no_argument, NULL, 'l'},   {"version", no_argument, NULL, 'V'},
      {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0},
  };
  for (int option; (option = getopt_long(argc, argv, "f:n:lVh", options, NULL)) != -1;) {
    if (option == 'f') {
      start->config_file = optarg;
    } else if (option == 'n') {
      if (!parse_every(optarg, &start->every))
        return EXIT_FAILURE;
    } else if (option == 'l') {
      start->listening = true;
    } else if (option == 'V') {
      return puts("lontar-supervise " PACKAGE_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    } else {
      usage(option == 'h' ? stdout : stderr);
      return option == 'h' ? EXIT_SUCCESS : EXIT_FAILURE;
    }
  }
  if (optind == argc)
    return -1;
  (void)fprintf(stderr, "lontar-supervise: unexpected argument %s\n", argv[optind]);
  return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
  struct supervise_start start = {.config_file = CONFIG_FILE, .every = EVERY_DEFAULT * CLOCK_SECOND};
  struct config_error error;
  struct config *config;
  if (!standard_open())
    return EXIT_FAILURE;
  const int status = parse_arguments(argc, argv, &start);
  if (status >= 0)
    return status;
  if (!trust_file(start.config_file, error.text, sizeof error.text) ||
      config_load(start.config_file, &config, &error) < 0) {
    (void)fprintf(stderr, "lontar-supervise: %s\n", error.text);
    return EXIT_FAILURE;
  }
  sink_own();
  return supervise_main(&start, config);
}
