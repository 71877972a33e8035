/* Deletes what very much belongs to: in parts, each of them short, and only if the record may go in the end. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/renewal.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CHATS = 6000, SAVES = 40, ASKED_MAX = 400, POLL_MS = 5 };

/* So many chats of a user in a subject, each NULL where 0. */
static void add_chats(long long user, long long subject, int count)
{
  char texts[3][32];
  (void)snprintf(texts[0], sizeof texts[0], "%lld", user);
  (void)snprintf(texts[1], sizeof texts[1], "%lld", subject);
  (void)snprintf(texts[2], sizeof texts[2], "%d", count);
  (void)sql(
      "INSERT INTO chat_history (user_id, subject_id, question, response, created_at) SELECT nullif($1::integer, 0),"
      " nullif($2::integer, 0), 'q', 'r', now() - n * interval '1 second' FROM generate_series(1, $3::integer) n",
      texts[0], texts[1], texts[2], NULL);
}

static long long chats_of(const char *column, long long id)
{
  return sql_number(*column == 'u' ? "SELECT count(*) FROM chat_history WHERE user_id = $1"
                                   : "SELECT count(*) FROM chat_history WHERE subject_id = $1",
                    id);
}

static void large_users_go(void)
{
  struct person person = world_person("siswa");
  add_chats(person.id, world.subject, CHATS);
  (void)sql_number("INSERT INTO sessions (user_id, token, expires_at) SELECT $1, 'sha256:' || md5(random()::text || n),"
                   " now() + interval '1 day' FROM generate_series(1, 2500) n",
                   person.id);
  TEXT path = document("~/users/%lld", person.id);
  ANSWER answer = erase(path, world.admin.token);
  (void)check_status("DELETE of a user", &answer, 204);
  (void)check_number("its chats", chats_of("user", person.id), 0);
  (void)check_number("its sessions", sql_number("SELECT count(*) FROM sessions WHERE user_id = $1", person.id), 0);
  ANSWER again = erase(path, world.admin.token);
  (void)check_problem("DELETE again", &again, 404, "not_found");
}

static void large_subjects_go(void)
{
  struct person person = world_person("siswa");
  long long subject = world_subject();
  add_chats(person.id, subject, CHATS);
  (void)sql_number("INSERT INTO books (subject_id, title) SELECT $1, 'Buku' FROM generate_series(1, 2500)", subject);
  TEXT path = document("~/subjects/%lld", subject);
  ANSWER answer = erase(path, world.service);
  (void)check_status("DELETE of a subject", &answer, 204);
  (void)check_number("its books", sql_number("SELECT count(*) FROM books WHERE subject_id = $1", subject), 0);
  (void)check_number("its chats", chats_of("subject", subject), 0);
  (void)check_number("of the user still", chats_of("user", person.id), CHATS);
}

static void all_sessions_go(void)
{
  struct person person = world_person("siswa");
  (void)sql_number("INSERT INTO sessions (user_id, token, expires_at) SELECT $1, 'sha256:' || md5(random()::text || n),"
                   " now() + interval '1 day' FROM generate_series(1, 2500) n",
                   person.id);
  ANSWER answer = post("~/auth/logout?all=true", person.token, NULL);
  (void)check_status("logout of all", &answer, 200);
  (void)check_number("deleted", answer_number(&answer, "deleted"), 2501);
  CHECK(answer_member(&answer, "more") == NULL, "there is said to be more: %s", answer.body);
}

/* Both forms of one request, of each size, lose nothing when another table does not let the record go. */
static void referenced_ones_stay(void)
{
  (void)sql("CREATE TABLE penilaian (chat_id bigint REFERENCES chat_history (id))", NULL);
  for (int large = 0; large < 2; large++) {
    struct person person = world_person("siswa");
    int count = large ? CHATS : 3;
    add_chats(person.id, 0, count);
    (void)sql_number("INSERT INTO penilaian SELECT min(id) FROM chat_history WHERE user_id = $1", person.id);
    TEXT path = document("~/users/%lld", person.id);
    ANSWER answer = erase(path, world.admin.token);
    if (large && check_problem("DELETE", &answer, 409, "referenced"))
      CHECK(strstr(answer_text(&answer, "detail"), "penilaian") != NULL, "no table is named: %s", answer.body);
    CHECK(answer.status >= 400 && answer.status < 500, "a referenced user: got %ld", answer.status);
    (void)check_number("its chats", chats_of("user", person.id), count);
    ANSWER token = get("~/auth/session", person.token);
    (void)check_status("its session", &token, 200);
  }
  (void)sql("DROP TABLE penilaian", NULL);
}

/* Two ask at once, while the user's and the subject's chats are saved: both end well, and nobody's save fails for it.
 */
static void others_go_on_meanwhile(void)
{
  struct person person = world_person("siswa");
  long long subject = world_subject();
  struct transfer transfers[2];
  CURLM *multi = curl_multi_init();
  int running = 1;
  int saves = 0;
  need(multi != NULL, "libcurl has no memory");
  add_chats(person.id, subject, 2 * CHATS);
  TEXT path = document("~/subjects/%lld", subject);
  TEXT body = document("{\"user_id\": %lld, \"question\": \"q\", \"response\": \"r\"}", person.id);
  for (int i = 0; i < 2; i++) {
    transfer_prepare(&transfers[i], "DELETE", path, world.service, NULL);
    curl_multi_add_handle(multi, transfers[i].curl);
  }
  while (curl_multi_perform(multi, &running) == CURLM_OK && running > 0) {
    curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
    if (saves++ >= SAVES)
      continue;
    ANSWER saved = post("~/chats", world.service, body);
    (void)check_status("a save meanwhile", &saved, 201);
  }
  for (int i = 0; i < 2; i++) {
    transfer_finish(&transfers[i]);
    CHECK(transfers[i].answer.status == 204 || transfers[i].answer.status == 404, "DELETE at once: got %ld",
          transfers[i].answer.status);
    curl_multi_remove_handle(multi, transfers[i].curl);
    transfer_free(&transfers[i]);
  }
  (void)curl_multi_cleanup(multi);
  (void)check_number("chats of the subject", chats_of("subject", subject), 0);
  CHECK(chats_of("user", person.id) >= 2 * CHATS, "chats of the user are lost");
}

/* When the request's time is over it says so; the record is still there, with less, and asking again goes on. */
static void what_takes_longer_is_asked_for_again(void)
{
  struct person person = world_person("siswa");
  int asked = 0;
  long long left = 20LL * CHATS;
  add_chats(person.id, 0, (int)left);
  (void)sql_number("DELETE FROM sessions WHERE user_id = $1", person.id); /* would count, too */
  stack_set("pool_timeout", "100ms");
  renewal_run(SIGHUP);
  TEXT path = document("~/users/%lld", person.id);
  for (long status = 200; status == 200 && asked < ASKED_MAX; asked++) {
    ANSWER answer = erase(path, world.service);
    status = answer.status;
    CHECK(status == 204 || status == 200, "asked %d times: got %ld %s", asked, status, answer.body);
    if (status != 200)
      break;
    json_object *more = answer_member(&answer, "more");
    CHECK(json_object_get_boolean(more), "200 without more: %s", answer.body);
    ANSWER user = get(path, world.service);
    (void)check_status("the user meanwhile", &user, 200);
    long long now = chats_of("user", person.id);
    (void)check_number("deleted", answer_number(&answer, "deleted"), left - now);
    left = now;
  }
  stack_set("pool_timeout", NULL);
  renewal_run(SIGHUP);
  CHECK(asked > 0, "the first DELETE was done within 0.1 s");
  (void)check_number("chats left", chats_of("user", person.id), 0);
}

CU_TestInfo suite_deletions[] = {{"large users go", large_users_go},
                                 {"large subjects go", large_subjects_go},
                                 {"all sessions go", all_sessions_go},
                                 {"referenced ones stay", referenced_ones_stay},
                                 {"others go on meanwhile", others_go_on_meanwhile},
                                 {"what takes longer is asked for again", what_takes_longer_is_asked_for_again},
                                 CU_TEST_INFO_NULL};
