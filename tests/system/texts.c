/* Texts, passwords, names and tokens: what goes in comes out, whatever the characters and however they are written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "characters.h"
#include "system/check.h"
#include "system/client.h"
#include "system/system.h"
#include "system/world.h"

enum { BATCH = 0x8000, NAME_MOST = 50, FULL_NAME_MOST = 100 };

struct bytes {
  char *data;
  size_t length;
};

static struct bytes bytes_new(size_t size)
{
  struct bytes bytes = {malloc(size), 0};
  need(bytes.data != NULL, "no memory");
  return bytes;
}

static void put(struct bytes *bytes, const char *text)
{
  memcpy(bytes->data + bytes->length, text, strlen(text));
  bytes->length += strlen(text);
}

static bool holds(json_object *value, const struct bytes *want)
{
  return json_object_is_type(value, json_type_string) && (size_t)json_object_get_string_len(value) == want->length &&
         memcmp(json_object_get_string(value), want->data, want->length) == 0;
}

/* A chat whose question has the characters from `first` on escaped, and whose response has them bare. */
static void put_chat(uint32_t first, struct bytes *body, struct bytes *want)
{
  put(body, "{\"question\":\"");
  for (uint32_t character = first; character < first + BATCH; character++)
    if (character != 0 && !character_is_surrogate(character)) {
      body->length += character_escapes(character, character % 2 == 0, body->data + body->length);
      want->length += character_utf8(character, want->data + want->length);
    }
  put(body, "\",\"response\":\"");
  for (uint32_t character = first; character < first + BATCH; character++)
    if (character != 0 && !character_is_surrogate(character))
      body->length += character_bare(character, body->data + body->length);
  put(body, "\"}");
}

static void every_character_in_a_text(void)
{
  struct person person = world_person("siswa");
  TEXT list = document("~/users/%lld/chats?limit=1", person.id);
  for (uint32_t first = 0; first < CHARACTERS_END; first += BATCH) {
    char label[32];
    (void)snprintf(label, sizeof label, "from U+%04X on", (unsigned)first);
    struct bytes body = bytes_new((size_t)2 * BATCH * CHARACTER_ESCAPES_SIZE);
    struct bytes want = bytes_new((size_t)BATCH * CHARACTER_UTF8_MAX);
    put_chat(first, &body, &want);
    ANSWER answer = request_with("POST", "~/chats", person.token, body.data, body.length, NULL);
    (void)check_status(label, &answer, 201);
    CHECK(holds(answer_member(&answer, "question"), &want), "%s: escaped, the question is another", label);
    CHECK(holds(answer_member(&answer, "response"), &want), "%s: bare, the response is another", label);
    ANSWER read = get(list, person.token);
    json_object *chat = answer_items(&read) == 1 ? answer_item(&read, 0) : NULL;
    CHECK(holds(json_object_object_get(chat, "question"), &want), "%s: another question is read", label);
    free(body.data);
    free(want.data);
  }
  ANSWER nul = post("~/chats", person.token, "{\"question\": \"a\\u0000b\", \"response\": \"b\"}");
  (void)check_field("U+0000", &nul, 422, "invalid", "question");
}

static void texts_stay_byte_for_byte(void)
{
  static const struct {
    const char *json;
    const char *text;
  } cases[] = {{"    def f():\\n        return 1\\n", "    def f():\n        return 1\n"},
               {"\\r\\n a \\r\\n", "\r\n a \r\n"},
               {"\\u00a0a\\u3000", "\xC2\xA0"
                                   "a\xE3\x80\x80"},
               {"\\u2028a\\u0085\\t", "\xE2\x80\xA8"
                                      "a\xC2\x85\t"},
               {"e\\u0301 \\u00e9", "e\xCC\x81 \xC3\xA9"},
               {"\\ufeffa", "\xEF\xBB\xBF"
                            "a"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    TEXT body = document("{\"question\": \"%s\", \"response\": \"%s\"}", cases[i].json, cases[i].json);
    ANSWER answer = post("~/chats", world.siswa.token, body);
    (void)check_status(cases[i].json, &answer, 201);
    (void)check_text(cases[i].json, answer_text(&answer, "question"), cases[i].text);
    (void)check_text(cases[i].json, answer_text(&answer, "response"), cases[i].text);
  }
  static const char *const blanks[] = {"", " ", "\\n\\t\\r",
                                       "\\u00a0\\u1680\\u2000\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"};
  for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
    TEXT body = document("{\"question\": \"a\", \"response\": \"%s\"}", blanks[i]);
    ANSWER answer = post("~/chats", world.siswa.token, body);
    (void)check_field(blanks[i], &answer, 422, "invalid", "response");
  }
}

/* Whether the service finds the password right, written in either way. */
static void check_verify(const char *username, const char *password, long status)
{
  TEXT body = document("{\"username\": \"%s\", \"password\": \"%s\"}", username, password);
  ANSWER answer = post("~/users/verify", world.service, body);
  (void)check_status(password, &answer, status);
}

static void a_password_is_each_of_its_characters(void)
{
  static const struct {
    const char *escaped;
    const char *bare;
    const char *other;
  } cases[] = {{"abc\\ud836\\udc00abc",
                "abc\xF0\x9D\xA0\x80"
                "abc",
                "abc\\ufffdabc"},
               {"\\uD8B6\\uDFC3\\ud8b6\\udfc4\\u0022\\u005cxy", "\xF0\xBD\xAF\x83\xF0\xBD\xAF\x84\\\"\\\\xy",
                "\\ufffd\\ufffd\\\"\\\\xy"},
               {" \\u00a0rahasia\\u0020", " \xC2\xA0rahasia ", "rahasia"},
               {"\\udbf6\\udc00\\udbf7\\udfff rahasia", "\xF4\x8D\xA0\x80\xF4\x8D\xBF\xBF rahasia",
                "\xEF\xBF\xBD\xEF\xBF\xBD rahasia"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char name[WORLD_NAME_SIZE];
    TEXT body = document("{\"username\": \"%s\", \"password\": \"%s\", \"role\": \"siswa\"}", world_name(name, "sandi"),
                         i % 2 == 0 ? cases[i].escaped : cases[i].bare);
    ANSWER made = post("~/users", world.admin.token, body);
    (void)check_status(cases[i].escaped, &made, 201);
    check_verify(name, cases[i].escaped, 200);
    check_verify(name, cases[i].bare, 200);
    check_verify(name, cases[i].other, 401);
  }
}

/* So many characters that json-c misread, from every plane; escaped in `body`, bare in `want`. */
static void put_name(uint32_t count, uint32_t salt, struct bytes *body, struct bytes *want)
{
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t character = (1 + i % 16) << 16 | 0xD800 | (salt + i * 41) % 0x800;
    body->length += character_escapes(character, i % 2 == 0, body->data + body->length);
    want->length += character_utf8(character, want->data + want->length);
  }
}

static void names_keep_their_characters(void)
{
  struct bytes body = bytes_new(4096), username = bytes_new(NAME_MOST * CHARACTER_UTF8_MAX),
               full_name = bytes_new(FULL_NAME_MOST * CHARACTER_UTF8_MAX);
  put(&body, "{\"password\":\"rahasia\",\"role\":\"siswa\",\"username\":\"");
  put_name(NAME_MOST, (uint32_t)world.siswa.id, &body, &username);
  put(&body, "\",\"full_name\":\"");
  put_name(FULL_NAME_MOST, 7, &body, &full_name);
  put(&body, "\"}");
  ANSWER made = request_with("POST", "~/users", world.admin.token, body.data, body.length, NULL);
  (void)check_status("a user of rare characters", &made, 201);
  CHECK(holds(answer_member(&made, "username"), &username), "another username: %.300s", made.body);
  CHECK(holds(answer_member(&made, "full_name"), &full_name), "another full name: %.300s", made.body);
  TEXT path = document("~/users/%lld", answer_number(&made, "id"));
  ANSWER read = get(path, world.admin.token);
  CHECK(holds(answer_member(&read, "full_name"), &full_name), "another full name is read: %.300s", read.body);
  ANSWER gone = erase(path, world.admin.token); /* the next run takes the name again */
  (void)check_status("its end", &gone, 204);
  free(body.data);
  free(username.data);
  free(full_name.data);
}

static void a_token_may_be_written_in_escapes(void)
{
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
  char name[WORLD_NAME_SIZE], token[160];
  (void)snprintf(token, sizeof token, "%s%s==", alphabet, world_name(name, "token"));
  struct bytes body = bytes_new(2048);
  put(&body, "{\"token\":\"");
  for (const char *at = token; *at != '\0'; at++)
    body.length += character_escapes((uint32_t)*at, at - token > 20, body.data + body.length);
  put(&body, "\",\"user_id\":");
  TEXT id = document("%lld}", world.siswa.id);
  put(&body, id);
  ANSWER made = request_with("POST", "~/sessions", world.service, body.data, body.length, NULL);
  (void)check_status("a token in escapes", &made, 201);
  (void)check_text("the token", answer_text(&made, "token"), token);
  ANSWER used = get("~/auth/session", token);
  (void)check_status("it lets in", &used, 200);
  free(body.data);
}

CU_TestInfo suite_texts[] = {{"every character in a text", every_character_in_a_text},
                             {"texts stay byte for byte", texts_stay_byte_for_byte},
                             {"a password is each of its characters", a_password_is_each_of_its_characters},
                             {"names keep their characters", names_keep_their_characters},
                             {"a token may be written in escapes", a_token_may_be_written_in_escapes},
                             CU_TEST_INFO_NULL};
