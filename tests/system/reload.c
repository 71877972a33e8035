/* Reloads the daemon again and again while requests run. */
#include <signal.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CONNECTIONS = 32, REQUESTS = 4000, EVERY = 400 };

static int reloads;

static void reload_now_and_then(size_t completed)
{
  if (completed % EVERY != 0)
    return;
  stack_signal(SIGHUP);
  reloads++;
}

static void no_request_fails(void)
{
  long long before = sql_number("SELECT count(*) FROM chat_history WHERE user_id = $1", world.siswa.id);
  struct crowd crowd = {.connections = CONNECTIONS, .requests = REQUESTS, .after = reload_now_and_then};
  crowd_run(&crowd);
  crowd_check("under reloads", &crowd);
  (void)check_number("reloads", reloads, REQUESTS / EVERY);
  (void)check_number("chats saved, each once",
                     sql_number("SELECT count(*) FROM chat_history WHERE user_id = $1", world.siswa.id) - before,
                     (long long)crowd.writes);
}

static void it_still_answers(void)
{
  ANSWER answer = get("~/auth/session", world.siswa.token);
  (void)check_status("after the reloads", &answer, 200);
  ANSWER key = get("~/users", world.service);
  (void)check_status("with a service key, after the reloads", &key, 200);
}

CU_TestInfo suite_reload[] = {
    {"no request fails", no_request_fails}, {"it still answers", it_still_answers}, CU_TEST_INFO_NULL};
