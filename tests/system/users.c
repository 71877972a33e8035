/* Users: made, read, changed, deleted, listed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/refusal.h"
#include "system/system.h"
#include "system/world.h"

static void made_by_admin_and_service(void)
{
  static const enum caller callers[] = {CALLER_ADMIN, CALLER_SERVICE};
  for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
    char name[WORLD_NAME_SIZE];
    TEXT body =
        document("{\"username\": \"%s\", \"password\": \"rahasia\", \"role\": \"guru\", \"full_name\": \"Siti é\"}",
                 world_name(name, "siti"));
    ANSWER answer = post("~/users", caller_token(callers[i]), body);
    if (!check_created(caller_name(callers[i]), &answer, MEMBERS_USER, "/api/v1/users"))
      continue;
    (void)check_text("username", answer_text(&answer, "username"), name);
    (void)check_text("role", answer_text(&answer, "role"), "guru");
    (void)check_text("full_name", answer_text(&answer, "full_name"), "Siti é");
    (void)check_time("user", answer.json, "updated_at");
    CHECK(strstr(answer.body, "argon2") == NULL, "the answer holds a hash: %s", answer.body);
    TEXT path = document("~/users/%lld", answer_number(&answer, "id"));
    ANSWER read = get(path, world.admin.token);
    (void)check_text("the record read again", read.body, answer.body);
  }
}

static void made_without_a_full_name(void)
{
  TEXT body = document("{\"username\": \"<name>\", \"password\": \"rahasia\", \"role\": \"siswa\"}");
  ANSWER answer = post("~/users", world.admin.token, body);
  (void)check_status("without full_name", &answer, 201);
  json_object *member = NULL;
  CHECK(json_object_object_get_ex(answer.json, "full_name", &member) && member == NULL,
        "without full_name: want null: %s", answer.body);
}

static void making_refuses(void)
{
  static const struct refusal cases[] = {
      {"a name that is taken", CALLER_ADMIN, "POST", "~/users",
       "{\"username\": \"<siswa.name>\", \"password\": \"rahasia\", \"role\": \"siswa\"}", 409, "conflict", "username"},
      {"no username", CALLER_ADMIN, "POST", "~/users", "{\"password\": \"rahasia\", \"role\": \"siswa\"}", 422,
       "invalid", "username"},
      {"no password", CALLER_ADMIN, "POST", "~/users", "{\"username\": \"<name>\", \"role\": \"siswa\"}", 422,
       "invalid", "password"},
      {"no role", CALLER_ADMIN, "POST", "~/users", "{\"username\": \"<name>\", \"password\": \"rahasia\"}", 422,
       "invalid", "role"},
      {"an id", CALLER_ADMIN, "POST", "~/users",
       "{\"id\": 7, \"username\": \"<name>\", \"password\": \"rahasia\", \"role\": \"siswa\"}", 422, "invalid", "id"},
      {"a hash", CALLER_ADMIN, "POST", "~/users",
       "{\"password_hash\": \"x\", \"username\": \"<name>\", \"password\": \"rahasia\", \"role\": \"siswa\"}", 422,
       "invalid", "password_hash"},
  };
  REFUSE(cases);
  refuse_strangers("POST", "~/users", "{}");
  refuse_callers(1u << CALLER_GURU | 1u << CALLER_SISWA, "POST", "~/users", "{}");
  refuse_bodies("POST", "~/users");
}

static void every_problem_is_told(void)
{
  ANSWER answer = post("~/users", world.admin.token,
                       "{\"username\": \"ab\", \"password\": \"x\", \"role\": \"raja\", \"colour\": 1}");
  static const char *const fields[] = {"username", "password", "role", "colour"};
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
    (void)check_field("four problems at once", &answer, 422, "invalid", fields[i]);
}

static void username_at_the_edge(void)
{
  (void)sql("DELETE FROM users WHERE username ~ '^(x+|é+|😀+)$'", NULL);
  static const struct edge cases[] = {
      {"2 letters", "\"<x2>\"", 422},
      {"3 letters", "\"<x3>\"", 201},
      {"50 letters", "\"<x50>\"", 201},
      {"51 letters", "\"<x51>\"", 422},
      {"2 of two bytes", "\"<u2>\"", 422},
      {"3 of two bytes", "\"<u3>\"", 201},
      {"50 of four bytes", "\"<e50>\"", 201},
      {"51 of four bytes", "\"<e51>\"", 422},
      {"blanks", "\"      \"", 422},
      {"two letters in blanks", "\"  ab  \"", 422},
      {"a NUL", "\"ab\\u0000cd\"", 422},
      {"null", "null", 422},
      {"a number", "12345", 422},
      {"a boolean", "true", 422},
      {"a list", "[\"budi\"]", 422},
      {"an object", "{\"a\": \"budi\"}", 422},
      {"nothing", "\"\"", 422},
  };
  EDGES("POST", "~/users", "{\"username\": %s, \"password\": \"rahasia\", \"role\": \"siswa\"}", "username", cases);
}

static void password_at_the_edge(void)
{
  static const struct edge cases[] = {
      {"5 letters", "\"<x5>\"", 422},       {"6 letters", "\"<x6>\"", 201},       {"5 of four bytes", "\"<e5>\"", 422},
      {"6 of four bytes", "\"<e6>\"", 201}, {"1024 letters", "\"<x1024>\"", 201}, {"1025 letters", "\"<x1025>\"", 422},
      {"a NUL", "\"rahas\\u0000ia\"", 422}, {"a number", "123456", 422},          {"null", "null", 422},
  };
  EDGES("POST", "~/users", "{\"username\": \"<name>\", \"password\": %s, \"role\": \"siswa\"}", "password", cases);
}

static void role_and_full_name_at_the_edge(void)
{
  static const struct edge roles[] = {{"siswa", "\"siswa\"", 201},     {"guru", "\"guru\"", 201},
                                      {"admin", "\"admin\"", 201},     {"Siswa", "\"Siswa\"", 422},
                                      {"service", "\"service\"", 422}, {"empty", "\"\"", 422},
                                      {"a number", "1", 422},          {"null", "null", 422}};
  EDGES("POST", "~/users", "{\"username\": \"<name>\", \"password\": \"rahasia\", \"role\": %s}", "role", roles);
  static const struct edge names[] = {{"empty", "\"\"", 201},
                                      {"null", "null", 201},
                                      {"100 of four bytes", "\"<e100>\"", 201},
                                      {"101 of four bytes", "\"<e101>\"", 422},
                                      {"101 letters", "\"<x101>\"", 422},
                                      {"a NUL", "\"a\\u0000\"", 422},
                                      {"a number", "1", 422}};
  EDGES("POST", "~/users",
        "{\"username\": \"<name>\", \"password\": \"rahasia\", \"role\": \"siswa\", \"full_name\": %s}", "full_name",
        names);
}

static void blanks_around_a_name_go(void)
{
  char name[WORLD_NAME_SIZE];
  TEXT body = document("{\"username\": \"  %s\\t\", \"password\": \"rahasia\", \"role\": \"siswa\"}",
                       world_name(name, "spasi"));
  ANSWER answer = post("~/users", world.admin.token, body);
  (void)check_text("username", answer_text(&answer, "username"), name);
}

static void read_by_self_and_office(void)
{
  static const enum caller callers[] = {CALLER_SISWA, CALLER_ADMIN, CALLER_SERVICE};
  static const char *const paths[] = {"~/users/<siswa>", "~/users/by-username/<siswa.name>"};
  for (size_t i = 0; i < 2 * sizeof callers / sizeof callers[0]; i++) {
    TEXT path = expand(paths[i % 2]);
    ANSWER answer = get(path, caller_token(callers[i / 2]));
    if (!check_status(caller_name(callers[i / 2]), &answer, 200))
      continue;
    (void)check_members(path, answer.json, MEMBERS_USER);
    (void)check_number(path, answer_number(&answer, "id"), world.siswa.id);
  }
}

static void reading_refuses(void)
{
  refuse_strangers("GET", "~/users/<siswa>", NULL);
  refuse_strangers("GET", "~/users/by-username/<siswa.name>", NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "GET", "~/users/<other>", NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "GET", "~/users/by-username/<other.name>", NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "GET", "~/users/by-username/nobody-of-this-name", NULL);
  static const struct refusal cases[] = {
      {"absent", CALLER_ADMIN, "GET", "~/users/<absent>", NULL, 404, "not_found", NULL},
      {"beyond 32 bits", CALLER_ADMIN, "GET", "~/users/4294967297", NULL, 404, "not_found", NULL},
      {"the largest", CALLER_ADMIN, "GET", "~/users/9223372036854775807", NULL, 404, "not_found", NULL},
      {"absent name", CALLER_ADMIN, "GET", "~/users/by-username/nobody-of-this-name", NULL, 404, "not_found", NULL},
      {"name of other case", CALLER_ADMIN, "GET", "~/users/by-username/SISWA-1", NULL, 404, "not_found", NULL},
      {"unknown query", CALLER_ADMIN, "GET", "~/users/<siswa>?x=1", NULL, 422, "invalid", "x"},
  };
  REFUSE(cases);
  static const char *const ids[] = {"~/users/0",
                                    "~/users/-1",
                                    "~/users/abc",
                                    "~/users/1x",
                                    "~/users/1.0",
                                    "~/users/%20",
                                    "~/users/99999999999999999999"};
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
    ANSWER answer = get(ids[i], world.admin.token);
    CHECK(answer.status == 404 || answer.status == 422, "%s: got %ld, want 404 or 422", ids[i], answer.status);
  }
}

static void found_by_a_name_of_many_bytes(void)
{
  char name[WORLD_NAME_SIZE];
  (void)sql("INSERT INTO users (username, password_hash, role) VALUES ('é ' || $1 || '/+%', 'x', 'siswa')",
            world_name(name, "nama"), NULL);
  TEXT path = document("~/users/by-username/%%C3%%A9%%20%s%%2F+%%25", name);
  TEXT want = document("é %s/+%%", name);
  ANSWER answer = get(path, world.admin.token);
  (void)check_status(path, &answer, 200);
  (void)check_text(path, answer_text(&answer, "username"), want);
}

static void changed_member_by_member(void)
{
  struct person person = world_person("siswa");
  char name[WORLD_NAME_SIZE];
  TEXT path = document("~/users/%lld", person.id);
  TEXT rename = document("{\"username\": \"%s\"}", world_name(name, "ganti"));
  (void)sql_number("UPDATE users SET updated_at = '2020-01-01', full_name = 'Lama' WHERE id = $1", person.id);
  ANSWER renamed = patch(path, world.admin.token, rename);
  if (!check_status("PATCH username", &renamed, 200) || !check_members("PATCH", renamed.json, MEMBERS_USER))
    return;
  (void)check_text("username", answer_text(&renamed, "username"), name);
  (void)check_text("full_name stays", answer_text(&renamed, "full_name"), "Lama");
  (void)check_text("role stays", answer_text(&renamed, "role"), "siswa");
  CHECK(strncmp(answer_text(&renamed, "updated_at"), "2020", 4) != 0, "updated_at stays: %s", renamed.body);
  ANSWER promoted = patch(path, world.service, "{\"role\": \"admin\", \"full_name\": null}");
  (void)check_status("PATCH role", &promoted, 200);
  (void)check_text("role", answer_text(&promoted, "role"), "admin");
  CHECK(json_object_object_get_ex(promoted.json, "full_name", NULL) && !answer_member(&promoted, "full_name"),
        "full_name: want null: %s", promoted.body);
}

static void changing_refuses(void)
{
  static const struct refusal cases[] = {
      {"absent", CALLER_ADMIN, "PATCH", "~/users/<absent>", "{\"full_name\": \"x\"}", 404, "not_found", NULL},
      {"a name that is taken", CALLER_ADMIN, "PATCH", "~/users/<siswa>", "{\"username\": \"<other.name>\"}", 409,
       "conflict", "username"},
      {"a short name", CALLER_ADMIN, "PATCH", "~/users/<siswa>", "{\"username\": \"ab\"}", 422, "invalid", "username"},
      {"a null name", CALLER_ADMIN, "PATCH", "~/users/<siswa>", "{\"username\": null}", 422, "invalid", "username"},
      {"a short password", CALLER_ADMIN, "PATCH", "~/users/<siswa>", "{\"password\": \"12345\"}", 422, "invalid",
       "password"},
      {"an unknown role", CALLER_ADMIN, "PATCH", "~/users/<siswa>", "{\"role\": \"raja\"}", 422, "invalid", "role"},
      {"a long full name", CALLER_ADMIN, "PATCH", "~/users/<siswa>", "{\"full_name\": \"<u101>\"}", 422, "invalid",
       "full_name"},
      {"an id", CALLER_ADMIN, "PATCH", "~/users/<siswa>", "{\"id\": 1}", 422, "invalid", "id"},
      {"a date", CALLER_ADMIN, "PATCH", "~/users/<siswa>", "{\"created_at\": \"2020-01-01T00:00:00Z\"}", 422, "invalid",
       "created_at"},
  };
  REFUSE(cases);
  refuse_strangers("PATCH", "~/users/<siswa>", "{}");
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "PATCH", "~/users/<siswa>", "{\"role\": \"admin\"}");
  TEXT path = expand("~/users/<siswa>");
  refuse_bodies("PATCH", path);
}

static void deleting_takes_what_belongs_along(void)
{
  struct person person = world_person("siswa");
  (void)world_chat(person.id, world.subject);
  TEXT path = document("~/users/%lld", person.id);
  ANSWER answer = erase(path, world.admin.token);
  (void)check_status("DELETE", &answer, 204);
  (void)check_number("bytes of a 204", (long long)answer.length, 0);
  (void)check_number("sessions left", sql_number("SELECT count(*) FROM sessions WHERE user_id = $1", person.id), 0);
  (void)check_number("chats left", sql_number("SELECT count(*) FROM chat_history WHERE user_id = $1", person.id), 0);
  ANSWER token = get("~/auth/session", person.token);
  (void)check_problem("the token of a deleted user", &token, 401, "unauthenticated");
  ANSWER again = erase(path, world.admin.token);
  (void)check_problem("DELETE again", &again, 404, "not_found");
  ANSWER read = get(path, world.admin.token);
  (void)check_problem("GET afterwards", &read, 404, "not_found");
}

static void deleting_refuses(void)
{
  refuse_strangers("DELETE", "~/users/<siswa>", NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "DELETE", "~/users/<siswa>", NULL);
  (void)check_number("the user is still there", sql_number("SELECT count(*) FROM users WHERE id = $1", world.siswa.id),
                     1);
}

static void list_is_filtered(void)
{
  struct person person = world_person("guru");
  (void)sql_number("UPDATE users SET full_name = 'Ibu Kartini' || id WHERE id = $1", person.id);
  const struct {
    char *path;
    size_t count;
  } cases[] = {{document("~/users?q=%s", person.username), 1},
               {document("~/users?role=guru&q=%s", person.username), 1},
               {document("~/users?role=siswa&q=%s", person.username), 0},
               {document("~/users?q=kartini%lld", person.id), 1},
               {document("~/users?q=bu+Kartini%lld", person.id), 1},
               {document("~/users?q=%s", person.username + 1), 0},
               {document("~/users?q=%%25%lld", person.id), 0}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ANSWER answer = get(cases[i].path, world.admin.token);
    (void)check_status(cases[i].path, &answer, 200);
    (void)check_members(cases[i].path, answer.json, "items next");
    (void)check_number(cases[i].path, (long long)answer_items(&answer), (long long)cases[i].count);
    for (size_t item = 0; item < answer_items(&answer); item++)
      (void)check_members(cases[i].path, answer_item(&answer, item), MEMBERS_USER);
    free(cases[i].path);
  }
}

static void listing_refuses(void)
{
  static const struct refusal cases[] = {
      {"an unknown role", CALLER_ADMIN, "GET", "~/users?role=raja", NULL, 422, "invalid", "role"},
      {"an empty search", CALLER_ADMIN, "GET", "~/users?q=", NULL, 422, "invalid", "q"},
      {"a long search", CALLER_ADMIN, "GET", "~/users?q=<x101>", NULL, 422, "invalid", "q"},
      {"a NUL", CALLER_ADMIN, "GET", "~/users?q=a%00b", NULL, 422, "invalid", "q"},
      {"invalid UTF-8", CALLER_ADMIN, "GET", "~/users?q=%ff%fe", NULL, 400, "malformed", NULL},
  };
  REFUSE(cases);
  refuse_pages("~/users");
  refuse_strangers("GET", "~/users", NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "GET", "~/users", NULL);
}

CU_TestInfo suite_users[] = {{"made by admin and service", made_by_admin_and_service},
                             {"made without a full name", made_without_a_full_name},
                             {"making refuses", making_refuses},
                             {"every problem is told", every_problem_is_told},
                             {"username at the edge", username_at_the_edge},
                             {"password at the edge", password_at_the_edge},
                             {"role and full name at the edge", role_and_full_name_at_the_edge},
                             {"blanks around a name go", blanks_around_a_name_go},
                             {"read by self and office", read_by_self_and_office},
                             {"reading refuses", reading_refuses},
                             {"found by a name of many bytes", found_by_a_name_of_many_bytes},
                             {"changed member by member", changed_member_by_member},
                             {"changing refuses", changing_refuses},
                             {"deleting takes what belongs along", deleting_takes_what_belongs_along},
                             {"deleting refuses", deleting_refuses},
                             {"a list is filtered", list_is_filtered},
                             {"listing refuses", listing_refuses},
                             CU_TEST_INFO_NULL};
