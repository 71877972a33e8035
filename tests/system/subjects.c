/* Subjects: read by any user, kept by the office. */
#include <stdio.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/refusal.h"
#include "system/system.h"
#include "system/world.h"

static const enum caller everybody[] = {CALLER_SISWA, CALLER_GURU, CALLER_ADMIN, CALLER_SERVICE};

static void made_and_read(void)
{
  char code[WORLD_NAME_SIZE];
  TEXT body = document("{\"grade\": 11, \"name\": \" Kimia é \", \"code\": \"%s\"}", world_name(code, "KIM"));
  ANSWER answer = post("~/subjects", world.admin.token, body);
  if (!check_created("POST /subjects", &answer, MEMBERS_SUBJECT, "/api/v1/subjects"))
    return;
  (void)check_text("name, trimmed", answer_text(&answer, "name"), "Kimia é");
  (void)check_text("code", answer_text(&answer, "code"), code);
  (void)check_number("grade", answer_number(&answer, "grade"), 11);
  TEXT path = document("~/subjects/%lld", answer_number(&answer, "id"));
  for (size_t i = 0; i < sizeof everybody / sizeof everybody[0]; i++) {
    ANSWER read = get(path, caller_token(everybody[i]));
    (void)check_text(caller_name(everybody[i]), read.body, answer.body);
  }
}

static void making_refuses(void)
{
  static const struct refusal cases[] = {
      {"a code that is taken", CALLER_ADMIN, "POST", "~/subjects",
       "{\"grade\": 10, \"name\": \"Fisika\", \"code\": \"<subject.code>\"}", 409, "conflict", "code"},
      {"no grade", CALLER_SERVICE, "POST", "~/subjects", "{\"name\": \"Fisika\", \"code\": \"<name>\"}", 422, "invalid",
       "grade"},
      {"no name", CALLER_SERVICE, "POST", "~/subjects", "{\"grade\": 10, \"code\": \"<name>\"}", 422, "invalid",
       "name"},
      {"no code", CALLER_SERVICE, "POST", "~/subjects", "{\"grade\": 10, \"name\": \"Fisika\"}", 422, "invalid",
       "code"},
  };
  REFUSE(cases);
  refuse_strangers("POST", "~/subjects", "{}");
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "POST", "~/subjects",
                 "{\"grade\": 10, \"name\": \"Fisika\", \"code\": \"<name>\"}");
  refuse_bodies("POST", "~/subjects");
}

static void values_at_the_edge(void)
{
  (void)sql("DELETE FROM subjects WHERE code ~ '^(x+|é+|😀+)$'", NULL);
  static const struct edge grades[] = {
      {"9", "9", 422},       {"10", "10", 201},          {"12", "12", 201},     {"13", "13", 422},
      {"10.5", "10.5", 422}, {"text", "\"10\"", 422},    {"null", "null", 422}, {"true", "true", 422},
      {"list", "[10]", 422}, {"huge", "4294967306", 422}};
  EDGES("POST", "~/subjects", "{\"grade\": %s, \"name\": \"Fisika\", \"code\": \"<name>\"}", "grade", grades);
  static const struct edge names[] = {{"1 letter", "\"é\"", 422},
                                      {"2 of two bytes", "\"<u2>\"", 201},
                                      {"100 of four", "\"<e100>\"", 201},
                                      {"101 of four", "\"<e101>\"", 422},
                                      {"blanks", "\"   \"", 422},
                                      {"a NUL", "\"a\\u0000b\"", 422},
                                      {"number", "12", 422},
                                      {"null", "null", 422}};
  EDGES("POST", "~/subjects", "{\"grade\": 10, \"name\": %s, \"code\": \"<name>\"}", "name", names);
  static const struct edge codes[] = {{"1 of four bytes", "\"<e1>\"", 422}, {"2 of two bytes", "\"<u2>\"", 201},
                                      {"50 of four", "\"<e50>\"", 201},     {"51 of four", "\"<e51>\"", 422},
                                      {"51 letters", "\"<x51>\"", 422},     {"null", "null", 422}};
  EDGES("POST", "~/subjects", "{\"grade\": 10, \"name\": \"Fisika\", \"code\": %s}", "code", codes);
}

static void changed_member_by_member(void)
{
  char code[WORLD_NAME_SIZE];
  TEXT path = document("~/subjects/%lld", world_subject());
  ANSWER before = get(path, world.siswa.token);
  ANSWER grade = patch(path, world.admin.token, "{\"grade\": 12}");
  (void)check_status("PATCH grade", &grade, 200);
  (void)check_members("PATCH grade", grade.json, MEMBERS_SUBJECT);
  (void)check_number("grade", answer_number(&grade, "grade"), 12);
  (void)check_text("code stays", answer_text(&grade, "code"), answer_text(&before, "code"));
  TEXT body = document("{\"name\": \"Sejarah\", \"code\": \"%s\"}", world_name(code, "SEJ"));
  ANSWER both = patch(path, world.service, body);
  (void)check_text("name", answer_text(&both, "name"), "Sejarah");
  (void)check_text("code", answer_text(&both, "code"), code);
  (void)check_number("grade stays", answer_number(&both, "grade"), 12);
}

static void changing_refuses(void)
{
  TEXT path = document("~/subjects/%lld", world_subject());
  const struct refusal cases[] = {
      {"absent", CALLER_ADMIN, "PATCH", "~/subjects/<absent>", "{\"grade\": 11}", 404, "not_found", NULL},
      {"a code that is taken", CALLER_ADMIN, "PATCH", path, "{\"code\": \"<subject.code>\"}", 409, "conflict", "code"},
      {"grade 13", CALLER_ADMIN, "PATCH", path, "{\"grade\": 13}", 422, "invalid", "grade"},
      {"a null name", CALLER_ADMIN, "PATCH", path, "{\"name\": null}", 422, "invalid", "name"},
      {"an id", CALLER_ADMIN, "PATCH", path, "{\"id\": 1}", 422, "invalid", "id"},
  };
  REFUSE(cases);
  refuse_strangers("PATCH", path, "{\"grade\": 11}");
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "PATCH", path, "{\"grade\": 11}");
  refuse_bodies("PATCH", path);
}

static void deleting_keeps_chats_and_takes_books(void)
{
  long long subject = world_subject();
  long long book = world_book(subject);
  long long chat = world_chat(world.siswa.id, subject);
  TEXT path = document("~/subjects/%lld", subject);
  refuse_strangers("DELETE", path, NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "DELETE", path, NULL);
  ANSWER answer = erase(path, world.admin.token);
  (void)check_status("DELETE", &answer, 204);
  (void)check_number("bytes of a 204", (long long)answer.length, 0);
  (void)check_number("books left", sql_number("SELECT count(*) FROM books WHERE id = $1", book), 0);
  (void)check_number("chats left without subject",
                     sql_number("SELECT count(*) FROM chat_history WHERE id = $1 AND subject_id IS NULL", chat), 1);
  ANSWER again = erase(path, world.admin.token);
  (void)check_problem("DELETE again", &again, 404, "not_found");
}

static void list_is_filtered(void)
{
  static const struct {
    const char *path;
    long long count;
  } cases[] = {{"~/subjects?code=<subject.code>", 1},
               {"~/subjects?code=<subject.code>&grade=10", 1},
               {"~/subjects?code=<subject.code>&grade=11", 0},
               {"~/subjects?code=no-such-code", 0}};
  for (size_t i = 0; i < 4 * sizeof cases / sizeof cases[0]; i++) {
    TEXT path = expand(cases[i / 4].path);
    ANSWER answer = get(path, caller_token(everybody[i % 4]));
    (void)check_status(path, &answer, 200);
    (void)check_members(path, answer.json, "items next");
    (void)check_number(path, (long long)answer_items(&answer), cases[i / 4].count);
    if (cases[i / 4].count > 0)
      (void)check_members(path, answer_item(&answer, 0), MEMBERS_SUBJECT);
  }
}

static void reading_refuses(void)
{
  static const struct refusal cases[] = {
      {"absent", CALLER_SISWA, "GET", "~/subjects/<absent>", NULL, 404, "not_found", NULL},
      {"beyond 32 bits", CALLER_SISWA, "GET", "~/subjects/4294967297", NULL, 404, "not_found", NULL},
      {"grade 9", CALLER_SISWA, "GET", "~/subjects?grade=9", NULL, 422, "invalid", "grade"},
      {"grade of letters", CALLER_SISWA, "GET", "~/subjects?grade=ten", NULL, 422, "invalid", "grade"},
      {"a short code", CALLER_SISWA, "GET", "~/subjects?code=x", NULL, 422, "invalid", "code"},
      {"a NUL", CALLER_SISWA, "GET", "~/subjects?code=ab%00c", NULL, 422, "invalid", "code"},
      {"invalid UTF-8", CALLER_SISWA, "GET", "~/subjects?code=ab%c3", NULL, 400, "malformed", NULL},
  };
  REFUSE(cases);
  refuse_strangers("GET", "~/subjects", NULL);
  refuse_strangers("GET", "~/subjects/<subject>", NULL);
  refuse_pages("~/subjects");
}

CU_TestInfo suite_subjects[] = {{"made and read", made_and_read},
                                {"making refuses", making_refuses},
                                {"values at the edge", values_at_the_edge},
                                {"changed member by member", changed_member_by_member},
                                {"changing refuses", changing_refuses},
                                {"deleting keeps chats and takes books", deleting_keeps_chats_and_takes_books},
                                {"a list is filtered", list_is_filtered},
                                {"reading refuses", reading_refuses},
                                CU_TEST_INFO_NULL};
