/* Ends the daemon while requests wait for a lock: each gets its answer. */
#include <libpq-fe.h>
#include <signal.h>
#include <stdlib.h>

#include "system/check.h"
#include "system/client.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { REQUESTS = 24, LIVE = 20, WAIT_SECONDS = 4, CLOSING_SECONDS = 1, POLL_MS = 10 };

static CURLM *multi;

/* Keeps the transfers moving while it looks whether a statement of the daemon waits for the lock. */
static bool somebody_waits(void)
{
  int running;
  curl_multi_perform(multi, &running);
  return strtol(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'lontard%'"
                    " AND wait_event_type = 'Lock'",
                    NULL),
                NULL, 10) > 0;
}

static bool is_closing(void)
{
  int running;
  curl_multi_perform(multi, &running);
  ANSWER answer = get("/health/live", NULL);
  return answer.status != 200;
}

static void send_all(struct transfer *transfers)
{
  for (int i = 0; i < REQUESTS; i++) {
    if (i % 2 == 0) {
      transfer_prepare(&transfers[i], "GET", "~/subjects", world.siswa.token, NULL);
    } else {
      TEXT body = document("{\"grade\": 10, \"name\": \"Akhir\", \"code\": \"<name>\"}");
      transfer_prepare(&transfers[i], "POST", "~/subjects", world.service, body);
    }
    curl_multi_add_handle(multi, transfers[i].curl);
  }
}

static void finish_all(struct transfer *transfers)
{
  int running = 1;
  while (running > 0 && curl_multi_perform(multi, &running) == CURLM_OK && running > 0)
    curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
  for (int i = 0; i < REQUESTS; i++) {
    transfer_finish(&transfers[i]);
    (void)check_status("a request in flight", &transfers[i].answer, i % 2 == 0 ? 200 : 201);
    curl_multi_remove_handle(multi, transfers[i].curl);
    transfer_free(&transfers[i]);
  }
}

static void requests_in_flight_are_answered(void)
{
  struct transfer transfers[REQUESTS];
  multi = curl_multi_init();
  PGconn *locker = sql_connect();
  PQclear(PQexec(locker, "BEGIN; LOCK TABLE subjects IN ACCESS EXCLUSIVE MODE"));
  send_all(transfers);
  CHECK(stack_wait(somebody_waits, WAIT_SECONDS), "no statement waits for the lock");
  for (int i = 0; i < LIVE; i++) /* each worker has been round its loop, so it has read what was sent */
    CHECK(!is_closing(), "the daemon does not answer before its end");
  stack_signal(SIGTERM);
  (void)stack_wait(is_closing, CLOSING_SECONDS); /* or it still serves kept connections; that is as good */
  PQclear(PQexec(locker, "ROLLBACK"));
  PQfinish(locker);
  finish_all(transfers);
  curl_multi_cleanup(multi);
  (void)check_number("subjects saved, each once",
                     sql_number("SELECT count(*) FROM subjects WHERE name = 'Akhir' AND $1 > 0", 1), REQUESTS / 2);
}

static bool is_gone(void)
{
  ANSWER answer = get("/health/live", NULL);
  return answer.status == 503;
}

static void afterwards_nginx_says_503(void)
{
  CHECK(stack_wait(is_gone, WAIT_SECONDS), "nginx does not answer 503 after the daemon's end");
  ANSWER answer = get("~/subjects", world.siswa.token);
  (void)check_problem("without a daemon", &answer, 503, "unavailable");
  (void)check_text("without a daemon", answer_text(&answer, "title"), "Service temporarily unavailable");
}

CU_TestInfo suite_drain[] = {{"requests in flight are answered", requests_in_flight_are_answered},
                             {"afterwards nginx says 503", afterwards_nginx_says_503},
                             CU_TEST_INFO_NULL};
