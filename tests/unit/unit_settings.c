/* Tests of worker/settings: one worker's share of the configuration's numbers. */
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"
#include "worker/settings.h"

static void a_worker_without_a_limit_is_never_weary(void)
{
  const struct config config = {.max_requests = 0};
  CU_ASSERT_EQUAL(worker_request_limit(&config, 0, 0), UINT64_MAX);
  CU_ASSERT_EQUAL(worker_request_limit(&config, 1000, UINT32_MAX), UINT64_MAX);
}

static void the_limit_is_up_to_a_tenth_lower(void)
{
  const struct config config = {.max_requests = 1000};
  uint64_t least = UINT64_MAX, most = 0;
  for (uint32_t random = 0; random < 1000; random++) {
    const uint64_t limit = worker_request_limit(&config, 5000, random);
    least = limit < least ? limit : least;
    most = limit > most ? limit : most;
  }
  CU_ASSERT_EQUAL(least, 5900);
  CU_ASSERT_EQUAL(most, 6000);
  const struct config smallest = {.max_requests = 1};
  CU_ASSERT_EQUAL(worker_request_limit(&smallest, 7, UINT32_MAX), 8);
}

static void dear_reads_have_the_processors_that_the_server_has_too(void)
{
  static const struct {
    const char *url;
    int workers;
    int processors;
    int most;
  } cases[] = {
      {"postgresql://lontar@/lontar?host=/run/postgresql", 2, 2, 1},
      {"postgresql://lontar@/lontar", 2, 2, 1},
      {"postgresql://lontar@localhost/lontar", 4, 2, 1},
      {"postgresql://lontar@127.0.0.1,[::1]/lontar", 1, 2, 2},
      {"postgresql://lontar@127.0.0.1/lontar", 2, 16, 2},
      {"postgresql://lontar@db.example/lontar", 2, 2, 2},
      {"postgresql://lontar@localhost,db.example/lontar", 2, 2, 2},
      {"host=localhost hostaddr=192.0.2.1 dbname=lontar", 2, 2, 2},
  };
  (void)unsetenv("PGHOST");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char url[128];
    struct pool_settings settings;
    (void)snprintf(url, sizeof url, "%s", cases[i].url);
    const struct config config = {.database_url = url, .pool_size = 10};
    worker_pool_settings(&config, 0, cases[i].workers, cases[i].processors, &settings);
    CU_ASSERT_EQUAL(settings.policy.max_dear, cases[i].most);
  }
}

UNIT_CASES(settings, UNIT_CASE(dear_reads_have_the_processors_that_the_server_has_too),
           UNIT_CASE(a_worker_without_a_limit_is_never_weary), UNIT_CASE(the_limit_is_up_to_a_tenth_lower));
