/* Health and figures: told to anyone, or to this machine. */
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/system.h"
#include "system/world.h"

static const char *const paths[] = {"/health", "/health/live", "/health/ready"};

enum { PATH_COUNT = sizeof paths / sizeof paths[0] };

static void told_without_a_credential(void)
{
  for (size_t i = 0; i < PATH_COUNT; i++) {
    char type[128];
    ANSWER answer = get(paths[i], NULL);
    (void)check_status(paths[i], &answer, 200);
    CHECK(json_object_is_type(answer.json, json_type_object), "%s: want a JSON object: %s", paths[i], answer.body);
    CHECK(strncmp(answer_header(&answer, "Content-Type", type, sizeof type), "application/", 12) == 0 &&
              strstr(type, "json"),
          "%s: got content type %s", paths[i], type);
    CHECK(*answer_header(&answer, "X-Request-Id", type, sizeof type) != '\0', "%s: there is no X-Request-Id", paths[i]);
  }
}

static void told_with_any_credential(void)
{
  for (size_t i = 0; i < PATH_COUNT; i++) {
    ANSWER answer = get(paths[i], "a-token-that-is-wrong");
    (void)check_status(paths[i], &answer, 200);
  }
}

static void nothing_secret_is_told(void)
{
  static const char *const words[] = {"postgres", "password", "host=", "SELECT", "/tmp"};
  for (size_t i = 0; i < PATH_COUNT; i++)
    for (size_t word = 0; word < sizeof words / sizeof words[0]; word++) {
      ANSWER answer = get(paths[i], NULL);
      CHECK(strcasestr(answer.body, words[word]) == NULL, "%s tells %s: %s", paths[i], words[word], answer.body);
    }
}

static void figures_are_told(void)
{
  ANSWER first = get("/metrics", NULL);
  (void)check_status("/metrics", &first, 200);
  CHECK(strstr(first.body, "lontar_") != NULL, "/metrics: no figure of lontar: %.300s", first.body);
  CHECK(strstr(first.body, "# TYPE") != NULL, "/metrics: no types: %.300s", first.body);
}

static void other_paths_are_not_there(void)
{
  static const char *const absent[] = {"/health/", "/health/dead", "/healthy", "/metrics/", "/metricsx"};
  for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
    ANSWER answer = get(absent[i], world.admin.token);
    (void)check_problem(absent[i], &answer, 404, "not_found");
  }
}

static void heads_have_no_body(void)
{
  for (size_t i = 0; i < PATH_COUNT; i++) {
    ANSWER answer = request("HEAD", paths[i], NULL, NULL);
    (void)check_status(paths[i], &answer, 200);
    (void)check_number(paths[i], (long long)answer.length, 0);
  }
}

CU_TestInfo suite_health[] = {{"told without a credential", told_without_a_credential},
                              {"told with any credential", told_with_any_credential},
                              {"nothing secret is told", nothing_secret_is_told},
                              {"figures are told", figures_are_told},
                              {"other paths are not there", other_paths_are_not_there},
                              {"HEAD has no body", heads_have_no_body},
                              CU_TEST_INFO_NULL};
