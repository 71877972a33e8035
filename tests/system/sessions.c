/* Sessions made by the service, verification of passwords, and their lists. */
#include <stdio.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/refusal.h"
#include "system/system.h"
#include "system/world.h"

static void verify_tells_the_user(void)
{
  TEXT body = document("{\"username\": \"<siswa.name>\", \"password\": \"" WORLD_PASSWORD "\"}");
  ANSWER answer = post("~/users/verify", world.service, body);
  if (check_status("verify", &answer, 200) && check_members("verify", answer.json, MEMBERS_USER))
    (void)check_number("verify", answer_number(&answer, "id"), world.siswa.id);
  static const struct refusal cases[] = {
      {"a wrong password", CALLER_SERVICE, "POST", "~/users/verify",
       "{\"username\": \"<siswa.name>\", \"password\": \"another\"}", 401, "bad_credentials", NULL},
      {"an unknown user", CALLER_SERVICE, "POST", "~/users/verify",
       "{\"username\": \"nobody-of-this-name\", \"password\": \"another\"}", 401, "bad_credentials", NULL},
      {"no password", CALLER_SERVICE, "POST", "~/users/verify", "{\"username\": \"<siswa.name>\"}", 422, "invalid",
       "password"},
      {"another field", CALLER_SERVICE, "POST", "~/users/verify",
       "{\"username\": \"<siswa.name>\", \"password\": \"another\", \"role\": \"guru\"}", 422, "invalid", "role"},
  };
  REFUSE(cases);
  refuse_strangers("POST", "~/users/verify", body);
  refuse_callers(1u << CALLER_ADMIN | 1u << CALLER_GURU | 1u << CALLER_SISWA, "POST", "~/users/verify", body);
}

static void verify_makes_no_session(void)
{
  long long before = sql_number("SELECT count(*) FROM sessions WHERE user_id = $1", world.siswa.id);
  TEXT body = document("{\"username\": \"<siswa.name>\", \"password\": \"" WORLD_PASSWORD "\"}");
  ANSWER answer = post("~/users/verify", world.service, body);
  (void)check_status("verify", &answer, 200);
  (void)check_number("sessions", sql_number("SELECT count(*) FROM sessions WHERE user_id = $1", world.siswa.id),
                     before);
}

/* What the answer's session has left, in hours. */
static long long hours_left(const struct answer *answer)
{
  return sql_number("SELECT round(extract(epoch FROM expires_at - now()) / 3600) FROM sessions WHERE id = $1",
                    answer_number(answer, "id"));
}

static void made_with_a_token_of_its_own(void)
{
  TEXT body = document("{\"user_id\": <siswa>}");
  ANSWER answer = post("~/sessions", world.service, body);
  if (!check_status("POST /sessions", &answer, 201) ||
      !check_members("POST /sessions", answer.json, MEMBERS_SESSION_MADE))
    return;
  (void)check_number("user_id", answer_number(&answer, "user_id"), world.siswa.id);
  (void)check_number("hours", hours_left(&answer), 24);
  (void)check_time("session", answer.json, "expires_at");
  (void)check_time("session", answer.json, "created_at");
  ANSWER who = get("~/auth/session", answer_text(&answer, "token"));
  (void)check_number("whose token", answer_number(&who, "user_id"), world.siswa.id);
}

static void made_with_a_given_token(void)
{
  char name[WORLD_NAME_SIZE];
  TEXT token = document("A-z.0_9~+/%s/0123456789abcdef==", world_name(name, "token"));
  TEXT body = document("{\"user_id\": <siswa>, \"token\": \"%s\", \"expires_hours\": 2}", token);
  ANSWER answer = post("~/sessions", world.service, body);
  (void)check_status("POST /sessions", &answer, 201);
  (void)check_text("token", answer_text(&answer, "token"), token);
  (void)check_number("hours", hours_left(&answer), 2);
  ANSWER who = get("~/auth/session", token);
  (void)check_number("whose token", answer_number(&who, "user_id"), world.siswa.id);
  (void)check_text("rows with it in the clear", sql("SELECT count(*) FROM sessions WHERE token = $1", token, NULL),
                   "0");
  ANSWER again = post("~/sessions", world.service, body);
  (void)check_field("the same token again", &again, 409, "conflict", "token");
}

/* The original's tokens may be any text; those of an adopted database go on. */
static void an_adopted_token_is_still_good(void)
{
  static const char *const old[] = {"tok en 1", "a\"b,c;d=e", "sandi-é-rahasia", "12345678"};
  for (size_t i = 0; i < sizeof old / sizeof old[0]; i++) {
    (void)sql(
        "INSERT INTO sessions (user_id, token, expires_at) SELECT id, 'sha256:' ||"
        " encode(sha256(convert_to($1, 'UTF8')), 'hex'), now() + interval '1 hour' FROM users WHERE username = $2",
        old[i], world.siswa.username, NULL);
    ANSWER who = get("~/auth/session", old[i]);
    (void)check_number(old[i], answer_number(&who, "user_id"), world.siswa.id);
    ANSWER out = post("~/auth/logout", old[i], NULL);
    (void)check_number(old[i], answer_number(&out, "deleted"), 1);
  }
}

static void making_refuses(void)
{
  static const struct refusal cases[] = {
      {"no user", CALLER_SERVICE, "POST", "~/sessions", "{}", 422, "invalid", "user_id"},
      {"an absent user", CALLER_SERVICE, "POST", "~/sessions", "{\"user_id\": <absent>}", 422, "bad_reference",
       "user_id"},
      {"another field", CALLER_SERVICE, "POST", "~/sessions", "{\"user_id\": <siswa>, \"role\": \"admin\"}", 422,
       "invalid", "role"},
  };
  REFUSE(cases);
  refuse_strangers("POST", "~/sessions", "{\"user_id\": <siswa>}");
  refuse_callers(1u << CALLER_ADMIN | 1u << CALLER_GURU | 1u << CALLER_SISWA, "POST", "~/sessions",
                 "{\"user_id\": <siswa>}");
}

static void values_at_the_edge(void)
{
  (void)sql_number("DELETE FROM sessions WHERE user_id = $1", world.other.id);
#define REST "abcdefghijklmnopqrstuvwxyz012345"
  static const struct edge tokens[] = {{"31 letters", "\"<x31>\"", 422},
                                       {"32 letters", "\"<x32>\"", 201},
                                       {"255 letters", "\"<x255>\"", 201},
                                       {"256 letters", "\"<x256>\"", 422},
                                       {"all that is allowed", "\"-._~+/AZaz09-._~+/AZaz09abcdefgh\"", 201},
                                       {"equals signs at the end", "\"" REST "===\"", 201},
                                       {"one at the beginning", "\"=" REST "\"", 422},
                                       {"one in the middle", "\"" REST "=a\"", 422},
                                       {"only equals signs", "\"================================\"", 422},
                                       {"32 of two bytes", "\"<u32>\"", 422},
                                       {"a blank", "\"" REST " a\"", 422},
                                       {"a blank at the end", "\"" REST " \"", 422},
                                       {"a tab", "\"" REST "\\t\"", 422},
                                       {"a line feed", "\"" REST "\\n\"", 422},
                                       {"a control character", "\"" REST "\\u0001\"", 422},
                                       {"a delete", "\"" REST "\\u007f\"", 422},
                                       {"a quotation mark", "\"" REST "\\\"\"", 422},
                                       {"a comma", "\"" REST ",\"", 422},
                                       {"a semicolon", "\"" REST ";\"", 422},
                                       {"a colon", "\"" REST ":\"", 422},
                                       {"a backslash", "\"" REST "\\\\\"", 422},
                                       {"a percent sign", "\"" REST "%\"", 422},
                                       {"a service key's beginning", "\"lontar_sk_" REST "\"", 422},
                                       {"that in capitals", "\"LONTAR_SK_" REST "\"", 201},
                                       {"that in the middle", "\"x-lontar_sk_" REST "\"", 201},
                                       {"a NUL", "\"" REST "\\u0000defgh\"", 422},
                                       {"null", "null", 422},
                                       {"empty", "\"\"", 422},
                                       {"a number", "123456789", 422}};
#undef REST
  EDGES("POST", "~/sessions", "{\"user_id\": <other>, \"token\": %s}", "token", tokens);
  static const struct edge hours[] = {{"0", "0", 422},        {"1", "1", 201},      {"8760", "8760", 201},
                                      {"8761", "8761", 422},  {"-1", "-1", 422},    {"1.5", "1.5", 422},
                                      {"text", "\"1\"", 422}, {"huge", "1e30", 422}};
  EDGES("POST", "~/sessions", "{\"user_id\": <other>, \"expires_hours\": %s}", "expires_hours", hours);
  static const struct edge users[] = {{"0", "0", 422},
                                      {"-1", "-1", 422},
                                      {"text", "\"1\"", 422},
                                      {"null", "null", 422},
                                      {"1.0", "1.5", 422},
                                      {"beyond 32 bits", "2147483648", 422},
                                      {"beyond 64 bits", "99999999999999999999", 422}};
  EDGES("POST", "~/sessions", "{\"user_id\": %s}", "user_id", users);
  world_token(world.other.id, world.other.token);
}

static void list_shows_the_living(void)
{
  struct person person = world_person("siswa");
  char second[WORLD_TOKEN_SIZE];
  TEXT path = document("~/users/%lld/sessions", person.id);
  world_token(person.id, second);
  world_token(person.id, second);
  (void)sql_number(
      "UPDATE sessions SET expires_at = now() WHERE id = (SELECT max(id) FROM sessions WHERE user_id = $1)", person.id);
  const char *const tokens[] = {person.token, world.admin.token, world.service};
  for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
    ANSWER answer = get(path, tokens[i]);
    (void)check_status(path, &answer, 200);
    (void)check_number("living sessions", (long long)answer_items(&answer), 2);
    for (size_t item = 0; item < answer_items(&answer); item++)
      (void)check_members(path, answer_item(&answer, item), MEMBERS_SESSION);
    CHECK(strstr(answer.body, person.token) == NULL, "the list holds a token: %s", answer.body);
  }
}

static void listing_and_ending_refuse(void)
{
  refuse_strangers("GET", "~/users/<siswa>/sessions", NULL);
  refuse_strangers("DELETE", "~/users/<siswa>/sessions", NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "GET", "~/users/<other>/sessions", NULL);
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "DELETE", "~/users/<other>/sessions", NULL);
  TEXT path = expand("~/users/<siswa>/sessions");
  refuse_pages(path);
}

static void all_of_a_user_end(void)
{
  struct person person = world_person("siswa");
  char second[WORLD_TOKEN_SIZE];
  world_token(person.id, second);
  TEXT path = document("~/users/%lld/sessions", person.id);
  ANSWER answer = erase(path, person.token);
  (void)check_status("by itself", &answer, 200);
  (void)check_members("by itself", answer.json, "deleted");
  (void)check_number("deleted", answer_number(&answer, "deleted"), 2);
  ANSWER old = get("~/auth/session", second);
  (void)check_problem("an ended session", &old, 401, "unauthenticated");
  ANSWER again = erase(path, world.service);
  (void)check_number("none left", answer_number(&again, "deleted"), 0);
}

static void expired_ones_are_swept(void)
{
  refuse_callers(1u << CALLER_SISWA | 1u << CALLER_GURU, "DELETE", "~/sessions/expired", NULL);
  refuse_strangers("DELETE", "~/sessions/expired", NULL);
  struct person person = world_person("siswa");
  (void)sql_number("INSERT INTO sessions (user_id, token, expires_at) SELECT $1, 'sha256:' || md5(random()::text || n),"
                   " now() - interval '1 hour' FROM generate_series(1, 2500) n",
                   person.id);
  long long expired = sql_number("SELECT count(*) FROM sessions WHERE expires_at <= now() AND $1 > 0", 1);
  ANSWER answer = erase("~/sessions/expired", world.admin.token);
  (void)check_status("DELETE /sessions/expired", &answer, 200);
  (void)check_members("DELETE /sessions/expired", answer.json, "deleted");
  (void)check_number("deleted", answer_number(&answer, "deleted"), expired);
  (void)check_number("left", sql_number("SELECT count(*) FROM sessions WHERE expires_at <= now() AND $1 > 0", 1), 0);
  ANSWER living = get("~/auth/session", person.token);
  (void)check_status("a living one", &living, 200);
  ANSWER again = erase("~/sessions/expired", world.service);
  (void)check_number("again", answer_number(&again, "deleted"), 0);
}

CU_TestInfo suite_sessions[] = {{"verify tells the user", verify_tells_the_user},
                                {"verify makes no session", verify_makes_no_session},
                                {"made with a token of its own", made_with_a_token_of_its_own},
                                {"made with a given token", made_with_a_given_token},
                                {"an adopted token is still good", an_adopted_token_is_still_good},
                                {"making refuses", making_refuses},
                                {"values at the edge", values_at_the_edge},
                                {"a list shows the living", list_shows_the_living},
                                {"listing and ending refuse", listing_and_ending_refuse},
                                {"all of a user end", all_of_a_user_end},
                                {"expired ones are swept", expired_ones_are_swept},
                                CU_TEST_INFO_NULL};
