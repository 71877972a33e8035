/* Books: read by any user, kept by the office. */
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
  TEXT body = document("{\"subject_id\": <subject>, \"title\": \" Buku é \", \"filename\": \" buku.pdf\","
                       " \"vkp_version\": \"1.20.3\", \"chunk_count\": 42}");
  ANSWER answer = post("~/books", world.service, body);
  if (!check_created("POST /books", &answer, MEMBERS_BOOK, "/api/v1/books"))
    return;
  (void)check_text("title, trimmed", answer_text(&answer, "title"), "Buku é");
  (void)check_text("filename", answer_text(&answer, "filename"), " buku.pdf");
  (void)check_text("vkp_version", answer_text(&answer, "vkp_version"), "1.20.3");
  (void)check_number("chunk_count", answer_number(&answer, "chunk_count"), 42);
  (void)check_number("subject_id", answer_number(&answer, "subject_id"), world.subject);
  TEXT path = document("~/books/%lld", answer_number(&answer, "id"));
  for (size_t i = 0; i < sizeof everybody / sizeof everybody[0]; i++) {
    ANSWER read = get(path, caller_token(everybody[i]));
    (void)check_text(caller_name(everybody[i]), read.body, answer.body);
  }
}

static void made_with_the_least(void)
{
  TEXT body = document("{\"subject_id\": <subject>, \"title\": \"Buku\"}");
  ANSWER answer = post("~/books", world.admin.token, body);
  (void)check_created("the least", &answer, MEMBERS_BOOK, "/api/v1/books");
  (void)check_number("chunk_count", answer_number(&answer, "chunk_count"), 0);
  CHECK(!answer_member(&answer, "filename") && !answer_member(&answer, "vkp_version"), "want null in both: %s",
        answer.body);
}

static void making_refuses(void)
{
  static const struct refusal cases[] = {
      {"an absent subject", CALLER_ADMIN, "POST", "~/books", "{\"subject_id\": <absent>, \"title\": \"Buku\"}", 422,
       "bad_reference", "subject_id"},
      {"no subject", CALLER_ADMIN, "POST", "~/books", "{\"title\": \"Buku\"}", 422, "invalid", "subject_id"},
      {"no title", CALLER_ADMIN, "POST", "~/books", "{\"subject_id\": <subject>}", 422, "invalid", "title"},
      {"another field", CALLER_ADMIN, "POST", "~/books",
       "{\"subject_id\": <subject>, \"title\": \"Buku\", \"author\": \"x\"}", 422, "invalid", "author"},
  };
  REFUSE(cases);
  refuse_strangers("POST", "~/books", "{}");
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "POST", "~/books",
                 "{\"subject_id\": <subject>, \"title\": \"Buku\"}");
  refuse_bodies("POST", "~/books");
}

static void texts_at_the_edge(void)
{
  static const struct edge titles[] = {{"1 letter", "\"é\"", 422},
                                       {"2 of two bytes", "\"<u2>\"", 201},
                                       {"255 of four", "\"<e255>\"", 201},
                                       {"256 of four", "\"<e256>\"", 422},
                                       {"blanks", "\"   \"", 422},
                                       {"a NUL", "\"a\\u0000b\"", 422},
                                       {"null", "null", 422},
                                       {"number", "1", 422}};
  EDGES("POST", "~/books", "{\"subject_id\": <subject>, \"title\": %s}", "title", titles);
  static const struct edge files[] = {{"empty", "\"\"", 201},
                                      {"null", "null", 201},
                                      {"255 of four", "\"<e255>\"", 201},
                                      {"256 of four", "\"<e256>\"", 422},
                                      {"number", "1", 422}};
  EDGES("POST", "~/books", "{\"subject_id\": <subject>, \"title\": \"Buku\", \"filename\": %s}", "filename", files);
  static const struct edge versions[] = {
      {"1.0.0", "\"1.0.0\"", 201},     {"10.20.30", "\"10.20.30\"", 201},
      {"null", "null", 201},           {"1.0", "\"1.0\"", 422},
      {"1.0.0.0", "\"1.0.0.0\"", 422}, {"v1.0.0", "\"v1.0.0\"", 422},
      {"1.0.x", "\"1.0.x\"", 422},     {"1..0", "\"1..0\"", 422},
      {"-1.0.0", "\"-1.0.0\"", 422},   {"1.0.0-rc", "\"1.0.0-rc\"", 422},
      {"empty", "\"\"", 422},          {"number", "1.0", 422},
      {"a blank", "\"1. 0.0\"", 422},  {"21 letters", "\"1000000.1000000.10000\"", 422}};
  EDGES("POST", "~/books", "{\"subject_id\": <subject>, \"title\": \"Buku\", \"vkp_version\": %s}", "vkp_version",
        versions);
}

static void numbers_at_the_edge(void)
{
  static const struct edge counts[] = {{"0", "0", 201},
                                       {"largest", "2147483647", 201},
                                       {"beyond 32 bits", "2147483648", 422},
                                       {"-1", "-1", 422},
                                       {"0.5", "0.5", 422},
                                       {"text", "\"1\"", 422},
                                       {"huge", "1e400", 422}};
  EDGES("POST", "~/books", "{\"subject_id\": <subject>, \"title\": \"Buku\", \"chunk_count\": %s}", "chunk_count",
        counts);
  static const struct edge subjects[] = {
      {"0", "0", 422}, {"text", "\"1\"", 422}, {"true", "true", 422}, {"beyond 32 bits", "2147483648", 422}};
  EDGES("POST", "~/books", "{\"subject_id\": %s, \"title\": \"Buku\"}", "subject_id", subjects);
}

static void changed_member_by_member(void)
{
  TEXT body = document("{\"subject_id\": <subject>, \"title\": \"Buku\", \"filename\": \"a.pdf\","
                       " \"vkp_version\": \"1.0.0\", \"chunk_count\": 7}");
  ANSWER made = post("~/books", world.admin.token, body);
  TEXT path = document("~/books/%lld", answer_number(&made, "id"));
  ANSWER title = patch(path, world.admin.token, "{\"title\": \"Buku Baru\"}");
  (void)check_status("PATCH title", &title, 200);
  (void)check_members("PATCH title", title.json, MEMBERS_BOOK);
  (void)check_text("title", answer_text(&title, "title"), "Buku Baru");
  (void)check_text("filename stays", answer_text(&title, "filename"), "a.pdf");
  ANSWER cleared = patch(path, world.service, "{\"filename\": null, \"chunk_count\": 8}");
  CHECK(!answer_member(&cleared, "filename"), "filename: want null: %s", cleared.body);
  (void)check_text("vkp_version stays", answer_text(&cleared, "vkp_version"), "1.0.0");
  (void)check_number("chunk_count", answer_number(&cleared, "chunk_count"), 8);
  long long subject = world_subject();
  TEXT move = document("{\"subject_id\": %lld, \"vkp_version\": \"2.0.0\"}", subject);
  ANSWER moved = patch(path, world.admin.token, move);
  (void)check_number("subject_id", answer_number(&moved, "subject_id"), subject);
  (void)check_text("vkp_version", answer_text(&moved, "vkp_version"), "2.0.0");
}

static void changing_refuses(void)
{
  static const struct refusal cases[] = {
      {"absent", CALLER_ADMIN, "PATCH", "~/books/<absent>", "{\"title\": \"Buku\"}", 404, "not_found", NULL},
      {"an absent subject", CALLER_ADMIN, "PATCH", "~/books/<book>", "{\"subject_id\": <absent>}", 422, "bad_reference",
       "subject_id"},
      {"a short title", CALLER_ADMIN, "PATCH", "~/books/<book>", "{\"title\": \"B\"}", 422, "invalid", "title"},
      {"a version of two", CALLER_ADMIN, "PATCH", "~/books/<book>", "{\"vkp_version\": \"1.0\"}", 422, "invalid",
       "vkp_version"},
      {"a negative count", CALLER_ADMIN, "PATCH", "~/books/<book>", "{\"chunk_count\": -1}", 422, "invalid",
       "chunk_count"},
      {"an id", CALLER_ADMIN, "PATCH", "~/books/<book>", "{\"id\": 1}", 422, "invalid", "id"},
  };
  REFUSE(cases);
  refuse_strangers("PATCH", "~/books/<book>", "{\"title\": \"Buku\"}");
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "PATCH", "~/books/<book>", "{\"title\": \"Buku\"}");
  TEXT path = expand("~/books/<book>");
  refuse_bodies("PATCH", path);
}

static void deleted_once(void)
{
  TEXT path = document("~/books/%lld", world_book(world.subject));
  refuse_strangers("DELETE", path, NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "DELETE", path, NULL);
  ANSWER answer = erase(path, world.admin.token);
  (void)check_status("DELETE", &answer, 204);
  (void)check_number("bytes of a 204", (long long)answer.length, 0);
  ANSWER again = erase(path, world.service);
  (void)check_problem("DELETE again", &again, 404, "not_found");
  ANSWER read = get(path, world.siswa.token);
  (void)check_problem("GET afterwards", &read, 404, "not_found");
}

static void list_is_filtered(void)
{
  long long subject = world_subject();
  TEXT body = document("{\"subject_id\": %lld, \"title\": \"Buku\", \"vkp_version\": \"3.1.4\"}", subject);
  ANSWER made = post("~/books", world.admin.token, body);
  (void)world_book(subject);
  const struct {
    const char *filter;
    long long count;
  } cases[] = {{"", 2}, {"&vkp_version=3.1.4", 1}, {"&vkp_version=3.1.5", 0}};
  for (size_t i = 0; i < 4 * sizeof cases / sizeof cases[0]; i++) {
    TEXT path = document("~/books?subject_id=%lld%s", subject, cases[i / 4].filter);
    ANSWER answer = get(path, caller_token(everybody[i % 4]));
    (void)check_status(path, &answer, 200);
    (void)check_members(path, answer.json, "items next");
    (void)check_number(path, (long long)answer_items(&answer), cases[i / 4].count);
    if (cases[i / 4].count > 0)
      (void)check_members(path, answer_item(&answer, 0), MEMBERS_BOOK);
  }
}

static void reading_refuses(void)
{
  static const struct refusal cases[] = {
      {"absent", CALLER_SISWA, "GET", "~/books/<absent>", NULL, 404, "not_found", NULL},
      {"beyond 32 bits", CALLER_SISWA, "GET", "~/books/4294967297", NULL, 404, "not_found", NULL},
      {"subject 0", CALLER_SISWA, "GET", "~/books?subject_id=0", NULL, 422, "invalid", "subject_id"},
      {"subject of letters", CALLER_SISWA, "GET", "~/books?subject_id=x", NULL, 422, "invalid", "subject_id"},
      {"a version of two", CALLER_SISWA, "GET", "~/books?vkp_version=1.0", NULL, 422, "invalid", "vkp_version"},
  };
  REFUSE(cases);
  refuse_strangers("GET", "~/books", NULL);
  refuse_strangers("GET", "~/books/<book>", NULL);
  refuse_pages("~/books");
}

CU_TestInfo suite_books[] = {{"made and read", made_and_read},
                             {"made with the least", made_with_the_least},
                             {"making refuses", making_refuses},
                             {"texts at the edge", texts_at_the_edge},
                             {"numbers at the edge", numbers_at_the_edge},
                             {"changed member by member", changed_member_by_member},
                             {"changing refuses", changing_refuses},
                             {"deleted once", deleted_once},
                             {"a list is filtered", list_is_filtered},
                             {"reading refuses", reading_refuses},
                             CU_TEST_INFO_NULL};
