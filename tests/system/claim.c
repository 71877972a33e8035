/* Asks /health while the load runs. */
#include "system/claim.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/ledger.h"
#include "system/stack.h"

/* Everybody looks and tells once a second, so twice that is enough to notice. */
#define LATELY 2.0
#define PASS "{\"status\":\"pass\","

enum { PAUSE_US = 250000, LIMIT_MS = 1000, ENOUGH = 8, IN_A_ROW = 2, KINDS_MAX = 64, ANSWER_SIZE = 256 };

struct refusal {
  double begun;
  double ended;
};

/* A fault, and how often claims were hollow in it. */
struct wrong {
  const char *during;
  size_t times;
  double longest; /* seconds that they lasted */
  char answer[ANSWER_SIZE];
};

static struct {
  pthread_mutex_t lock;
  const char *during;
  double saved;                   /* when the last chat was */
  struct refusal refused[ENOUGH]; /* the last ones, in a ring */
  size_t refusals;
  double passing; /* since when it says pass, 0: it does not */
  size_t looks;
  struct wrong wrongs[KINDS_MAX];
  size_t wrong_count;
} claims = {.lock = PTHREAD_MUTEX_INITIALIZER};

void claim_watch(const struct ledger_event *event)
{
  if (!event->writes || event->status == 0)
    return;
  pthread_mutex_lock(&claims.lock);
  if (event->success)
    claims.saved = event->ended;
  else
    claims.refused[claims.refusals++ % ENOUGH] = (struct refusal){event->begun, event->ended};
  pthread_mutex_unlock(&claims.lock);
}

void claim_during(const char *name)
{
  pthread_mutex_lock(&claims.lock);
  claims.during = name;
  pthread_mutex_unlock(&claims.lock);
}

static struct wrong *wrong_during(const char *name)
{
  for (size_t i = 0; i < claims.wrong_count; i++)
    if (claims.wrongs[i].during == name)
      return &claims.wrongs[i];
  need(claims.wrong_count < KINDS_MAX, "too many kinds of faults");
  claims.wrongs[claims.wrong_count].during = name;
  return &claims.wrongs[claims.wrong_count++];
}

/* Whether the last ENOUGH chats were refused, all of them lately, and none was saved. One that began before it said
 * pass is no proof against that: the database may have come back meanwhile. */
static bool only_refused(double now)
{
  const struct refusal *first = &claims.refused[claims.refusals % ENOUGH];
  return claims.refusals >= ENOUGH && claims.saved < now - LATELY && first->ended >= now - LATELY &&
         first->begun >= claims.passing;
}

/* `asked` is when the answer was not made yet. */
static void compare(double asked, const char *answer)
{
  static size_t in_a_row;
  static double since;
  pthread_mutex_lock(&claims.lock);
  const bool passes = strncmp(answer, PASS, strlen(PASS)) == 0;
  const bool hollow = passes && only_refused(asked);
  if (!passes || claims.passing == 0)
    claims.passing = passes ? stack_clock() : 0;
  claims.looks++;
  if (hollow && in_a_row == 0)
    since = asked;
  in_a_row = hollow ? in_a_row + 1 : 0;
  if (in_a_row >= IN_A_ROW) {
    struct wrong *wrong = wrong_during(claims.during);
    wrong->times += in_a_row == IN_A_ROW;
    if (asked - since > wrong->longest)
      wrong->longest = asked - since;
    (void)snprintf(wrong->answer, sizeof wrong->answer, "%s", answer);
  }
  pthread_mutex_unlock(&claims.lock);
}

/* What does not fit is left out; the rest is zero. */
static size_t take(char *bytes, size_t size, size_t count, void *user)
{
  char *answer = user;
  const size_t had = strlen(answer), room = ANSWER_SIZE - 1 - had, length = size * count;
  memcpy(answer + had, bytes, length < room ? length : room);
  return length;
}

static void *watch(void *user)
{
  CURL *curl = user;
  for (;; (void)usleep(PAUSE_US)) {
    char answer[ANSWER_SIZE] = "";
    const double asked = stack_clock();
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    const bool answered = curl_easy_perform(curl) == CURLE_OK;
    compare(asked, answered ? answer : "");
  }
  return NULL;
}

void claim_start(void)
{
  pthread_t thread;
  CURL *curl = curl_easy_init();
  char *url = client_url("/health");
  need(curl != NULL && url != NULL, "no memory");
  curl_easy_setopt(curl, CURLOPT_URL, url);
  free(url);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)LIMIT_MS);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
  need(pthread_create(&thread, NULL, watch, curl) == 0 && pthread_detach(thread) == 0, "no thread");
}

void claim_report(void)
{
  pthread_mutex_lock(&claims.lock);
  printf("\n    /health was asked %zu times\n", claims.looks);
  for (size_t i = 0; i < claims.wrong_count; i++) {
    const struct wrong *wrong = &claims.wrongs[i];
    const char *during = wrong->during ? wrong->during : "between faults";
    CHECK(false, "%s: it said pass %zu times, up to %.1f s long, while chats were only refused: %s", during,
          wrong->times, wrong->longest, wrong->answer);
  }
  CHECK(claims.looks > 0, "nobody asked /health");
  pthread_mutex_unlock(&claims.lock);
}
