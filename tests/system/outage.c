/* Takes the database away in several ways, and gives it back. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum {
  HEADER_SIZE = 128,
  BACK_SECONDS = 10,
  NOTICE_SECONDS = 3,
  DEADLINE_SECONDS = 15,
  READS = 60,
  AWAY_REQUESTS = 40
};

static void locked_tables_end_in_a_deadline(void)
{
  PGconn *locker = sql_connect();
  PQclear(PQexec(locker, "BEGIN; LOCK TABLE subjects IN ACCESS EXCLUSIVE MODE"));
  double begin = stack_clock();
  ANSWER answer = get("~/subjects", world.siswa.token);
  double took = stack_clock() - begin;
  (void)check_problem("a statement that waits too long", &answer, 504, "deadline");
  CHECK(took < DEADLINE_SECONDS, "it took %.1f s", took);
  ANSWER other = get("~/books", world.siswa.token);
  (void)check_status("another table meanwhile", &other, 200);
  PQclear(PQexec(locker, "ROLLBACK"));
  PQfinish(locker);
  ANSWER after = get("~/subjects", world.siswa.token);
  (void)check_status("afterwards", &after, 200);
}

/* A read that dies with its connection is sent again, so nobody notices. */
static void a_lost_connection_fails_no_read(void)
{
  for (int i = 0; i < READS; i++) {
    if (i % 10 == 0)
      (void)sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'lontard%'"
                " ORDER BY random() LIMIT 1",
                NULL);
    ANSWER answer = get("~/subjects", world.siswa.token);
    (void)check_status("a read after a connection was cut", &answer, 200);
  }
}

/* From a worker in the first moment, then from nginx. */
static void check_away(const char *label, const struct answer *answer)
{
  char after[HEADER_SIZE];
  (void)check_status(label, answer, 503);
  (void)check_text(label, answer_text(answer, "code"), "unavailable");
  (void)check_text(label, answer_text(answer, "title"), "Database temporarily unavailable");
  answer_header(answer, "Retry-After", after, sizeof after);
  CHECK(strspn(after, "0123456789") == strlen(after) && strtol(after, NULL, 10) >= 1,
        "%s: got Retry-After \"%s\", want seconds", label, after);
}

static void without_a_database_503_comes_at_once(void)
{
  stack_database("stop");
  TEXT login = document("{\"username\": \"<siswa.name>\", \"password\": \"" WORLD_PASSWORD "\"}");
  TEXT chat = document("{\"user_id\": <siswa>, \"question\": \"Apa?\", \"response\": \"Itu.\"}");
  double begin = stack_clock();
  for (int i = 0; i < AWAY_REQUESTS; i += 4) {
    ANSWER read = get("~/subjects", world.siswa.token);
    check_away("a read", &read);
    ANSWER key = get("~/users", world.service);
    check_away("a read with a service key", &key);
    ANSWER write = post("~/chats", world.service, chat);
    check_away("a write", &write);
    ANSWER in = post("~/auth/login", NULL, login);
    check_away("a login", &in);
  }
  CHECK(stack_clock() - begin < AWAY_REQUESTS, "%d requests took %.1f s", AWAY_REQUESTS, stack_clock() - begin);
}

static bool is_ready(void)
{
  ANSWER answer = get("/health/ready", NULL);
  return answer.status == 200;
}

static bool is_not_ready(void)
{
  return !is_ready();
}

static void what_needs_no_database_goes_on(void)
{
  ANSWER live = get("/health/live", NULL);
  (void)check_status("live", &live, 200);
  CHECK(stack_wait(is_not_ready, NOTICE_SECONDS), "it calls itself ready without a database");
  ANSWER absent = get("/nothing", NULL);
  (void)check_problem("an unknown path", &absent, 404, "not_found");
}

static bool is_back(void)
{
  ANSWER answer = get("~/subjects", world.siswa.token);
  return answer.status == 200;
}

static void with_the_database_back_it_answers(void)
{
  stack_database("start");
  CHECK(stack_wait(is_back, BACK_SECONDS), "no read was answered %d seconds after the database was back", BACK_SECONDS);
  CHECK(stack_wait(is_ready, BACK_SECONDS), "it was not ready %d seconds after the database was back", BACK_SECONDS);
  struct crowd crowd = {.connections = 8, .requests = 400};
  crowd_run(&crowd);
  crowd_check("with the database back", &crowd);
}

CU_TestInfo suite_outage[] = {{"locked tables end in a deadline", locked_tables_end_in_a_deadline},
                              {"a lost connection fails no read", a_lost_connection_fails_no_read},
                              {"without a database 503 comes at once", without_a_database_503_comes_at_once},
                              {"what needs no database goes on", what_needs_no_database_goes_on},
                              {"with the database back it answers", with_the_database_back_it_answers},
                              CU_TEST_INFO_NULL};
