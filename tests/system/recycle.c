/*
 * Workers followed by others under load: after max_requests and after a reload.
 * LONTAR_RECYCLES and LONTAR_RELOADS say how many (default 40 and 10).
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/fastcgi.h"
#include "system/renewal.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CONNECTIONS = 32, PARKED = 1000, LIMIT_SECONDS = 600, HALF_PAUSE_US = 30000 };

static struct crowd crowd;
static long long target;
static int left;

/* Runs the crowd until `turn` has enough; nothing may fail. */
static void run(const char *label, void (*turn)(void))
{
  const long long before = crowd_newest();
  const double begun = stack_clock();
  crowd = (struct crowd){.connections = CONNECTIONS, .seconds = LIMIT_SECONDS, .turn = turn};
  crowd_run(&crowd);
  CHECK(crowd.enough, "%s: not reached in %d seconds", label, LIMIT_SECONDS);
  crowd_check(label, &crowd);
  crowd_check_ledger(label, &crowd, before);
  printf("%zu requests in %.1f s, slowest %.0f ms ", crowd.answered, stack_clock() - begun, crowd.slowest * 1000);
}

static void until_target(void)
{
  crowd.enough = stack_metric(RENEWAL_RECYCLES) >= target;
}

static void weary_workers_are_followed(void)
{
  const int recycles = stack_times("LONTAR_RECYCLES", 40);
  stack_set("max_requests", "50");
  renewal_run(SIGHUP);
  target = stack_metric(RENEWAL_RECYCLES) + recycles;
  run("while workers grow weary", until_target);
  printf("for %d recycles ", recycles);
  stack_set("max_requests", NULL);
  renewal_run(SIGHUP);
}

static void reload_again(void)
{
  if (crowd.enough || !renewal_has_ended())
    return;
  crowd.enough = left == 0;
  if (left-- > 0)
    renewal_begin(SIGHUP);
}

static void reloads_fail_no_request(void)
{
  const int reloads = left = stack_times("LONTAR_RELOADS", 10);
  run("under reloads", reload_again);
  printf("for %d reloads ", reloads);
}

static void it_still_answers(void)
{
  ANSWER answer = get("~/auth/session", world.siswa.token);
  (void)check_status("after the reloads", &answer, 200);
  ANSWER key = get("~/users", world.service);
  (void)check_status("with a service key, after the reloads", &key, 200);
}

/* ---- Single connections ---- */

static int parked[PARKED];
static unsigned char question[FASTCGI_REQUEST_MAX];
static size_t question_length;

static void ask_all(const char *label)
{
  int answered = 0;
  for (int i = 0; i < PARKED; i++)
    (void)fastcgi_send(parked[i], question, question_length);
  for (int i = 0; i < PARKED; i++)
    answered += fastcgi_status(parked[i]) == 200;
  (void)check_number(label, answered, PARKED);
}

static void open_all(void)
{
  question_length = fastcgi_request("/health/live", NULL, question);
  for (int i = 0; i < PARKED; i++)
    parked[i] = fastcgi_connect();
}

static void close_all(void)
{
  for (int i = 0; i < PARKED; i++)
    close(parked[i]);
}

static void parked_connections_pass_on(void)
{
  crowd_allow_files(PARKED);
  open_all();
  ask_all("before a reload");
  for (int i = 0; i < 3; i++) {
    renewal_begin(SIGHUP); /* the questions come while connections change hands */
    ask_all("during a reload");
    renewal_wait();
    ask_all("after a reload");
  }
  close_all();
}

static void half_a_request_is_waited_for(void)
{
  question_length = fastcgi_request("/health/live", NULL, question);
  for (size_t half = 1; half < question_length; half += 17) {
    const int fd = fastcgi_connect();
    CHECK(fastcgi_send(fd, question, half), "half a request cannot be sent");
    renewal_begin(SIGHUP);
    (void)usleep(HALF_PAUSE_US);
    CHECK(fastcgi_send(fd, question + half, question_length - half), "the other half cannot be sent");
    (void)check_number("half a request, then the rest", fastcgi_status(fd), 200);
    renewal_wait();
    CHECK(fastcgi_send(fd, question, question_length), "the connection was closed");
    (void)check_number("on the same connection", fastcgi_status(fd), 200);
    close(fd);
  }
}

CU_TestInfo suite_recycle[] = {{"weary workers are followed", weary_workers_are_followed},
                               {"reloads fail no request", reloads_fail_no_request},
                               {"it still answers", it_still_answers},
                               {"parked connections pass on", parked_connections_pass_on},
                               {"half a request is waited for", half_a_request_is_waited_for},
                               CU_TEST_INFO_NULL};
