/* URLs with several hosts: each has its attempt, also behind one that does not answer. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lontar/lontar.h>

#include "base/clock.h"
#include "repo.h"

static struct lontar_failure failure;
static int silent = -1; /* a socket that takes connections and never says a word */
static int silent_port;

static int before(void)
{
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  repo_create_database("hosts_test");
  silent = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(silent, (struct sockaddr *)&address, length) != 0 || listen(silent, 16) != 0 ||
      getsockname(silent, (struct sockaddr *)&address, &length) != 0)
    return 1;
  silent_port = ntohs(address.sin_port);
  return 0;
}

static int after(void)
{
  return close(silent);
}

/* Opens so many places with a time limit, and tells how long that took, in milliseconds. */
static int64_t open_timed(const char *url, int places, int64_t timeout, enum lontar_error expected)
{
  struct lontar_options options = LONTAR_OPTIONS_DEFAULT;
  struct lontar_database *database = NULL;
  options.connect_timeout = timeout;
  options.pool_size = places;
  options.pool_max_overflow = 0;
  int64_t start = clock_steady();
  CU_ASSERT_EQUAL(lontar_open(url, &options, &database, &failure), expected);
  int64_t took = (clock_steady() - start) / CLOCK_MILLISECOND;
  lontar_close(database);
  return took;
}

static void the_next_host_is_tried_when_one_is_silent(void)
{
  char url[REPO_URL_SIZE];
  (void)snprintf(url, sizeof url, "dbname=hosts_test user=postgres host=127.0.0.1,%s port=%d,%s", getenv("PGHOST"),
                 silent_port, getenv("PGPORT"));
  int64_t took = open_timed(url, 10, 1000, LONTAR_OK);
  CU_ASSERT_TRUE(took >= 499 && took < 1000);
}

static void all_hosts_together_have_one_deadline(void)
{
  char url[REPO_URL_SIZE];
  (void)snprintf(url, sizeof url, "dbname=hosts_test host=127.0.0.1,127.0.0.1,127.0.0.1 port=%d", silent_port);
  int64_t took = open_timed(url, 10, 600, LONTAR_UNAVAILABLE);
  CU_ASSERT_TRUE(took >= 599 && took < 1600);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, "\"127.0.0.1\", port "));
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, "no answer in time"));
}

static void open_kind(const char *first, const char *second, const char *kind, enum lontar_error expected)
{
  char url[REPO_URL_SIZE];
  (void)snprintf(url, sizeof url, "dbname=hosts_test user=postgres host=%s,%s port=%s target_session_attrs=%s", first,
                 second, getenv("PGPORT"), kind);
  (void)open_timed(url, 1, 5000, expected); /* an attempt that failed has left before the next one */
}

static void the_server_must_be_of_the_wanted_kind(void)
{
  const char *here = getenv("PGHOST");
  open_kind("/nowhere", here, "primary", LONTAR_OK);
  open_kind("localhost", here, "any", LONTAR_OK); /* a name, whose addresses are looked up */
  open_kind(here, "/nowhere", "prefer-standby", LONTAR_OK);
  open_kind("/nowhere", here, "standby", LONTAR_UNAVAILABLE);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, "not in hot standby"));
}

CASES(hosts, before, after, CASE(the_next_host_is_tried_when_one_is_silent), CASE(all_hosts_together_have_one_deadline),
      CASE(the_server_must_be_of_the_wanted_kind));
