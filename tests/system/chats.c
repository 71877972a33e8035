/* Chats: saved by pupils and the service, read by their owner and the staff. */
#include <stdio.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/refusal.h"
#include "system/system.h"
#include "system/world.h"

enum { LONG_CHARACTERS = 150000 };

static void a_user_s_token_saves_its_own(void)
{
  const struct {
    enum caller caller;
    long long id;
  } cases[] = {{CALLER_SISWA, world.siswa.id}, {CALLER_GURU, world.guru.id}, {CALLER_ADMIN, world.admin.id}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    TEXT body = document("{\"subject_id\": <subject>, \"question\": \" Apa? \", \"response\": \"\\tItu.\\n\","
                         " \"confidence\": 0.75}");
    ANSWER answer = post("~/chats", caller_token(cases[i].caller), body);
    const char *label = caller_name(cases[i].caller);
    if (!check_status(label, &answer, 201) || !check_members(label, answer.json, MEMBERS_CHAT))
      continue;
    (void)check_number(label, answer_number(&answer, "user_id"), cases[i].id);
    (void)check_number(label, answer_number(&answer, "subject_id"), world.subject);
    (void)check_text(label, answer_text(&answer, "question"), " Apa? ");
    (void)check_text(label, answer_text(&answer, "response"), "\tItu.\n");
    (void)check_time(label, answer.json, "created_at");
    double confidence = json_object_get_double(answer_member(&answer, "confidence"));
    CHECK(confidence > 0.7499999 && confidence < 0.7500001, "%s: confidence is %f, want 0.75", label, confidence);
    char location[WORLD_NAME_SIZE];
    CHECK(*answer_header(&answer, "Location", location, sizeof location) != '\0', "%s: there is no Location", label);
  }
}

static void the_service_saves_for_a_user(void)
{
  TEXT body = document("{\"user_id\": <siswa>, \"question\": \"Apa?\", \"response\": \"Itu.\"}");
  ANSWER answer = post("~/chats", world.service, body);
  (void)check_status("by the service", &answer, 201);
  (void)check_number("user_id", answer_number(&answer, "user_id"), world.siswa.id);
  CHECK(!answer_member(&answer, "subject_id") && !answer_member(&answer, "confidence"), "want null in both: %s",
        answer.body);
  ANSWER own = post("~/chats", world.siswa.token, body);
  (void)check_status("a pupil that names itself", &own, 201);
}

static void saving_refuses(void)
{
  static const struct refusal cases[] = {
      {"the service without a user", CALLER_SERVICE, "POST", "~/chats",
       "{\"question\": \"Apa?\", \"response\": \"Itu.\"}", 422, "invalid", "user_id"},
      {"the service for an absent user", CALLER_SERVICE, "POST", "~/chats",
       "{\"user_id\": <absent>, \"question\": \"Apa?\", \"response\": \"Itu.\"}", 422, "bad_reference", "user_id"},
      {"an absent subject", CALLER_SISWA, "POST", "~/chats",
       "{\"subject_id\": <absent>, \"question\": \"Apa?\", \"response\": \"Itu.\"}", 422, "bad_reference",
       "subject_id"},
      {"a pupil for another", CALLER_SISWA, "POST", "~/chats",
       "{\"user_id\": <other>, \"question\": \"Apa?\", \"response\": \"Itu.\"}", 403, "forbidden", NULL},
      {"a pupil for an absent one", CALLER_SISWA, "POST", "~/chats",
       "{\"user_id\": <absent>, \"question\": \"Apa?\", \"response\": \"Itu.\"}", 403, "forbidden", NULL},
      {"a teacher for a pupil", CALLER_GURU, "POST", "~/chats",
       "{\"user_id\": <siswa>, \"question\": \"Apa?\", \"response\": \"Itu.\"}", 403, "forbidden", NULL},
      {"no question", CALLER_SISWA, "POST", "~/chats", "{\"response\": \"Itu.\"}", 422, "invalid", "question"},
      {"no response", CALLER_SISWA, "POST", "~/chats", "{\"question\": \"Apa?\"}", 422, "invalid", "response"},
      {"another field", CALLER_SISWA, "POST", "~/chats",
       "{\"question\": \"Apa?\", \"response\": \"Itu.\", \"topic\": \"x\"}", 422, "invalid", "topic"},
      {"a date", CALLER_SISWA, "POST", "~/chats",
       "{\"question\": \"Apa?\", \"response\": \"Itu.\", \"created_at\": \"2020-01-01T00:00:00Z\"}", 422, "invalid",
       "created_at"},
  };
  REFUSE(cases);
  refuse_strangers("POST", "~/chats", "{\"question\": \"Apa?\", \"response\": \"Itu.\"}");
  ANSWER half = post("~/chats", world.siswa.token, "{\"question\": \"a \\ud800 b\", \"response\": \"b\"}");
  (void)check_problem("half a surrogate in a question", &half, 400, "malformed");
  refuse_bodies("POST", "~/chats");
}

static void refused_saves_leave_nothing(void)
{
  long long before = sql_number("SELECT count(*) FROM chat_history WHERE $1 > 0", 1);
  saving_refuses();
  (void)check_number("chats", sql_number("SELECT count(*) FROM chat_history WHERE $1 > 0", 1), before);
}

static void values_at_the_edge(void)
{
  static const struct edge confidences[] = {{"0", "0", 201},         {"1", "1", 201},           {"0.5", "0.5", 201},
                                            {"null", "null", 201},   {"-0.001", "-0.001", 422}, {"1.001", "1.001", 422},
                                            {"1e400", "1e400", 422}, {"text", "\"0.5\"", 422},  {"true", "true", 422}};
  EDGES("POST", "~/chats", "{\"user_id\": <siswa>, \"question\": \"a\", \"response\": \"b\", \"confidence\": %s}",
        "confidence", confidences);
  static const char *const numbers[] = {"00.5", "00", "01", "00e1", "-.5", ".5",  "1.",       "0.",
                                        "+1",   "-",  "1e", "1e+",  "0x1", "NaN", "Infinity", "-00.5"};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    TEXT body = document("{\"question\": \"a\", \"response\": \"b\", \"confidence\": %s}", numbers[i]);
    ANSWER answer = post("~/chats", world.siswa.token, body);
    (void)check_problem(numbers[i], &answer, 400, "malformed");
    CHECK(strstr(answer_text(&answer, "detail"), ", in confidence: ") != NULL, "%s: %.300s", numbers[i], answer.body);
  }
  static const struct edge texts[] = {{"empty", "\"\"", 422},       {"blanks", "\" \\t\\n\"", 422},
                                      {"one letter", "\"é\"", 201}, {"a NUL", "\"a\\u0000b\"", 422},
                                      {"null", "null", 422},        {"number", "7", 422},
                                      {"object", "{}", 422},        {"many", "\"<u20000>\"", 201}};
  EDGES("POST", "~/chats", "{\"user_id\": <siswa>, \"question\": %s, \"response\": \"b\"}", "question", texts);
  EDGES("POST", "~/chats", "{\"user_id\": <siswa>, \"question\": \"a\", \"response\": %s}", "response", texts);
  static const struct edge subjects[] = {{"null", "null", 201}, {"0", "0", 422}, {"text", "\"1\"", 422}};
  EDGES("POST", "~/chats", "{\"user_id\": <siswa>, \"question\": \"a\", \"response\": \"b\", \"subject_id\": %s}",
        "subject_id", subjects);
}

static void texts_come_back_as_they_went(void)
{
  static const struct {
    const char *json;
    const char *text;
  } cases[] = {{"\\\"kutip\\\" dan \\\\", "\"kutip\" dan \\"},
               {"a\\nb\\tc\\rd", "a\nb\tc\rd"},
               {"\\u0001\\u001f\\u007f", "\x01\x1f\x7f"},
               {"\\u00e9 \\ud83d\\ude00 😀", "é 😀 😀"},
               {"</script> & ' ; -- DROP TABLE users", "</script> & ' ; -- DROP TABLE users"},
               {"%s %(name)s $1 %", "%s %(name)s $1 %"},
               {"\\u2028\\u2029\\ufeffx\\uffff", "\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbfx\xef\xbf\xbf"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    TEXT body = document("{\"question\": \"x%sx\", \"response\": \"b\"}", cases[i].json);
    TEXT want = document("x%sx", cases[i].text);
    ANSWER answer = post("~/chats", world.siswa.token, body);
    (void)check_status(cases[i].json, &answer, 201);
    (void)check_text(cases[i].json, answer_text(&answer, "question"), want);
  }
}

static void a_long_text_is_kept_whole(void)
{
  struct person person = world_person("siswa");
  TEXT body = document("{\"question\": \"panjang\", \"response\": \"<e%d>\"}", LONG_CHARACTERS);
  ANSWER answer = post("~/chats", person.token, body);
  (void)check_status("a long answer", &answer, 201);
  (void)check_number("bytes kept", (long long)strlen(answer_text(&answer, "response")), 4LL * LONG_CHARACTERS);
  (void)check_number(
      "characters in the database",
      sql_number("SELECT length(response) FROM chat_history WHERE id = $1", answer_number(&answer, "id")),
      LONG_CHARACTERS);
  TEXT path = document("~/users/%lld/chats", person.id);
  for (int i = 0; i < 4; i++) {
    ANSWER more = post("~/chats", person.token, body);
    (void)check_status("another long answer", &more, 201);
  }
  ANSWER list = get(path, person.token);
  (void)check_number("a page of 3 megabytes", (long long)answer_items(&list), 5);
}

static void read_by_owner_and_staff(void)
{
  static const struct {
    const char *path;
    unsigned callers;
  } cases[] = {
      {"~/users/<siswa>/chats", 1u << CALLER_SISWA | 1u << CALLER_GURU | 1u << CALLER_ADMIN | 1u << CALLER_SERVICE},
      {"~/users/<other>/chats", 1u << CALLER_GURU | 1u << CALLER_ADMIN | 1u << CALLER_SERVICE},
      {"~/subjects/<subject>/chats", 1u << CALLER_GURU | 1u << CALLER_ADMIN | 1u << CALLER_SERVICE},
      {"~/chats/recent", 1u << CALLER_GURU | 1u << CALLER_ADMIN | 1u << CALLER_SERVICE},
  };
  (void)world_chat(world.other.id, world.subject);
  for (size_t i = 0; i < 4 * sizeof cases / sizeof cases[0]; i++) {
    enum caller caller = (enum caller)(i % 4);
    TEXT path = expand(cases[i / 4].path);
    ANSWER answer = get(path, caller_token(caller));
    if (!(cases[i / 4].callers & 1u << caller)) {
      (void)check_problem(path, &answer, 403, "forbidden");
      continue;
    }
    (void)check_status(path, &answer, 200);
    (void)check_members(path, answer.json, "items next");
    CHECK(answer_items(&answer) > 0, "%s: no chat in %.300s", path, answer.body);
    (void)check_members(path, answer_item(&answer, 0), MEMBERS_CHAT);
  }
}

static void reading_refuses(void)
{
  static const char *const paths[] = {"~/users/<siswa>/chats", "~/users/<siswa>/chats/count",
                                      "~/subjects/<subject>/chats", "~/subjects/<subject>/chats/count",
                                      "~/chats/recent"};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    refuse_strangers("GET", paths[i], NULL);
  refuse_callers(1u << CALLER_SISWA, "GET", "~/users/<other>/chats/count", NULL);
  refuse_callers(1u << CALLER_SISWA, "GET", "~/subjects/<subject>/chats/count", NULL);
  TEXT by_user = expand("~/users/<siswa>/chats");
  TEXT by_subject = expand("~/subjects/<subject>/chats");
  refuse_pages(by_user);
  refuse_pages(by_subject);
  refuse_pages("~/chats/recent");
}

static void counted(void)
{
  struct person person = world_person("siswa");
  long long subject = world_subject();
  TEXT by_user = document("~/users/%lld/chats/count", person.id);
  TEXT by_subject = document("~/subjects/%lld/chats/count", subject);
  for (long long count = 0; count < 3; count++) {
    ANSWER own = get(by_user, person.token);
    (void)check_status("count", &own, 200);
    (void)check_members("count", own.json, "count");
    (void)check_number("of a user", answer_number(&own, "count"), count);
    ANSWER staff = get(by_subject, world.guru.token);
    (void)check_number("of a subject", answer_number(&staff, "count"), count);
    (void)world_chat(person.id, subject);
  }
}

static void newest_come_first(void)
{
  struct person person = world_person("siswa");
  TEXT path = document("~/users/%lld/chats", person.id);
  long long middle = world_chat(person.id, world.subject);
  long long newest = world_chat(person.id, world.subject);
  long long oldest = world_chat(person.id, world.subject);
  (void)sql_number("UPDATE chat_history SET created_at = created_at - interval '1 day' WHERE id = $1", oldest);
  long long timeless = world_chat(person.id, world.subject);
  (void)sql_number("UPDATE chat_history SET created_at = NULL WHERE id = $1", timeless);
  const long long want[] = {newest, middle, oldest, timeless};
  ANSWER answer = get(path, person.token);
  (void)check_number("chats", (long long)answer_items(&answer), 4);
  for (size_t i = 0; i < 4 && answer_items(&answer) == 4; i++)
    (void)check_number("place", json_object_get_int64(json_object_object_get(answer_item(&answer, i), "id")), want[i]);
}

static void the_old_are_deleted(void)
{
  struct person person = world_person("siswa");
  (void)sql_number("INSERT INTO chat_history (user_id, question, response, created_at) SELECT $1, 'a', 'b', now() -"
                   " CASE WHEN n <= 2500 THEN interval '401 days' WHEN n <= 2510 THEN interval '399 days' END"
                   " FROM generate_series(1, 2515) n",
                   person.id);
  long long old = sql_number("SELECT count(*) FROM chat_history WHERE created_at < now() - $1 * interval '1 day'", 400);
  ANSWER answer = erase("~/chats?older_than_days=400", world.admin.token);
  (void)check_status("DELETE /chats", &answer, 200);
  (void)check_members("DELETE /chats", answer.json, "deleted");
  (void)check_number("deleted", answer_number(&answer, "deleted"), old);
  (void)check_number("younger and timeless ones stay",
                     sql_number("SELECT count(*) FROM chat_history WHERE user_id = $1", person.id), 15);
  ANSWER again = erase("~/chats?older_than_days=400", world.service);
  (void)check_number("again", answer_number(&again, "deleted"), 0);
}

static void deleting_refuses(void)
{
  static const struct refusal cases[] = {
      {"no age", CALLER_ADMIN, "DELETE", "~/chats", NULL, 422, "invalid", "older_than_days"},
      {"0 days", CALLER_ADMIN, "DELETE", "~/chats?older_than_days=0", NULL, 422, "invalid", "older_than_days"},
      {"-1 days", CALLER_ADMIN, "DELETE", "~/chats?older_than_days=-1", NULL, 422, "invalid", "older_than_days"},
      {"36501 days", CALLER_ADMIN, "DELETE", "~/chats?older_than_days=36501", NULL, 422, "invalid", "older_than_days"},
      {"1.5 days", CALLER_ADMIN, "DELETE", "~/chats?older_than_days=1.5", NULL, 422, "invalid", "older_than_days"},
      {"empty", CALLER_ADMIN, "DELETE", "~/chats?older_than_days=", NULL, 422, "invalid", "older_than_days"},
  };
  REFUSE(cases);
  refuse_strangers("DELETE", "~/chats?older_than_days=1", NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "DELETE", "~/chats?older_than_days=1", NULL);
}

/* What stands in it is not read, and so not missing either. */
static void an_unreadable_name_is_the_only_problem(void)
{
  ANSWER answer =
      post("~/chats", world.siswa.token, "{\"x\\u0000\": 1, \"question\": \"Apa?\", \"response\": \"Itu.\"}");
  (void)check_problem("a name with NUL", &answer, 422, "invalid");
  (void)check_number("problems", (long long)json_object_array_length(answer_member(&answer, "errors")), 1);
}

CU_TestInfo suite_chats[] = {{"a user's token saves its own", a_user_s_token_saves_its_own},
                             {"the service saves for a user", the_service_saves_for_a_user},
                             {"saving refuses and leaves nothing", refused_saves_leave_nothing},
                             {"values at the edge", values_at_the_edge},
                             {"texts come back as they went", texts_come_back_as_they_went},
                             {"a long text is kept whole", a_long_text_is_kept_whole},
                             {"read by owner and staff", read_by_owner_and_staff},
                             {"reading refuses", reading_refuses},
                             {"counted", counted},
                             {"the newest come first", newest_come_first},
                             {"the old are deleted", the_old_are_deleted},
                             {"deleting refuses", deleting_refuses},
                             {"an unreadable name is the only problem", an_unreadable_name_is_the_only_problem},
                             CU_TEST_INFO_NULL};
