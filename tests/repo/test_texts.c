/* Texts and JSON through the library: what goes in comes out, whatever the characters. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lontar/lontar.h>

#include "characters.h"
#include "repo.h"

#define DATABASE "texts_test"

enum { TEXT_BATCH = 0x40000, JSON_BATCH = 0x8000 };

static struct lontar_database *database;
static struct lontar_failure failure;

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  char url[REPO_URL_SIZE];
  repo_create_database(DATABASE);
  repo_url(DATABASE, "postgres", url);
  return repo_lontarctl(DATABASE, "migrate", out) || lontar_open(url, NULL, &database, &failure) != LONTAR_OK;
}

static int after(void)
{
  lontar_close(database);
  return 0;
}

/* An object of texts, given as pairs of name and text, which end with NULL; made without json-c's reader. */
static json_object *object_of(const char *const *pairs)
{
  json_object *object = json_object_new_object();
  for (; *pairs != NULL; pairs += 2)
    json_object_object_add(object, pairs[0], json_object_new_string(pairs[1]));
  return object;
}
#define OBJECT(...) object_of((const char *const[]){__VA_ARGS__, NULL})

static void check_ok(const char *what, enum lontar_error error)
{
  if (error != LONTAR_OK)
    printf("\n    %s: %s: %s\n", what, lontar_error_code(error), failure.message);
  CU_ASSERT_EQUAL(error, LONTAR_OK);
}

static bool holds(json_object *value, const char *want, size_t length)
{
  return json_object_is_type(value, json_type_string) && (size_t)json_object_get_string_len(value) == length &&
         memcmp(json_object_get_string(value), want, length) == 0;
}

static int64_t make_user(const char *username, const char *password)
{
  json_object *input = OBJECT("username", username, "password", password, "role", "siswa");
  json_object *user = NULL;
  check_ok(username, lontar_repository_user_create(database, input, &user, &failure));
  int64_t id = json_object_get_int64(json_object_object_get(user, "id"));
  json_object_put(input);
  json_object_put(user);
  return id;
}

static json_object *chat_of(int64_t user, json_object *question, json_object *response)
{
  json_object *input = json_object_new_object();
  json_object_object_add(input, "user_id", json_object_new_int64(user));
  json_object_object_add(input, "question", question);
  json_object_object_add(input, "response", response);
  return input;
}

static void every_character_in_a_text(void)
{
  const int64_t user = make_user("aksara", "rahasia");
  char *text = malloc((size_t)TEXT_BATCH * CHARACTER_UTF8_MAX);
  CU_ASSERT_PTR_NOT_NULL_FATAL(text);
  for (uint32_t first = 0; first < CHARACTERS_END; first += TEXT_BATCH) {
    size_t length = 0;
    for (uint32_t character = first; character < first + TEXT_BATCH && character < CHARACTERS_END; character++)
      if (character != 0 && !character_is_surrogate(character))
        length += character_utf8(character, text + length);
    json_object *input = chat_of(user, json_object_new_string_len(text, (int)length), json_object_new_string("b"));
    json_object *chat = NULL;
    check_ok("a chat", lontar_repository_chat_create(database, input, &chat, &failure));
    CU_ASSERT_TRUE(holds(json_object_object_get(chat, "question"), text, length));
    json_object_put(input);
    json_object_put(chat);
  }
  free(text);
}

/* PostgreSQL keeps a json as it was written, escapes too; a jsonb it reads itself. */
static void every_character_in_a_document(void)
{
  char *document = malloc((size_t)JSON_BATCH * CHARACTER_ESCAPES_SIZE + 8);
  char *want = malloc((size_t)JSON_BATCH * CHARACTER_UTF8_MAX);
  CU_ASSERT_FATAL(document != NULL && want != NULL);
  for (uint32_t first = 0; first < CHARACTERS_END; first += JSON_BATCH) {
    size_t length = 0, written = 0;
    document[written++] = '"';
    for (uint32_t character = first; character < first + JSON_BATCH; character++)
      if (character != 0 && !character_is_surrogate(character)) {
        written += character_escapes(character, character % 2 == 0, document + written);
        length += character_utf8(character, want + length);
      }
    memcpy(document + written, "\"", 2);
    json_object *parameters = OBJECT("d", document);
    json_object *row = NULL;
    check_ok("a document",
             lontar_query_one(database, "SELECT %(d)s::json AS j, %(d)s::jsonb AS b", parameters, &row, &failure));
    CU_ASSERT_TRUE(holds(json_object_object_get(row, "j"), want, length));
    CU_ASSERT_TRUE(holds(json_object_object_get(row, "b"), want, length));
    json_object_put(parameters);
    json_object_put(row);
  }
  free(document);
  free(want);
}

/* What a column of type json gives back, written again. */
static void documents_are_read_as_they_are(void)
{
  static const struct {
    const char *document;
    const char *want;
  } cases[] = {
      {"[1e400,-1e400,0.10,1E2,-0,-0.0]", "[1e400,-1e400,0.10,1E2,0,-0.0]"},
      {"[9223372036854775807,18446744073709551615]", "[9223372036854775807,18446744073709551615]"},
      {"[18446744073709551616,-99999999999999999999]", "[18446744073709551616,-99999999999999999999]"},
      {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "{\"a\":3,\"b\":2}"},
      {"null", "null"},
      {" [ true , null ] ", "[true,null]"},
      {"\"a\\u0000b\"", "\"a\\u0000b\""},
      {"{\"a\\u0000b\":1}", "\"{\\\"a\\\\u0000b\\\":1}\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    json_object *parameters = OBJECT("d", cases[i].document);
    json_object *row = NULL;
    check_ok(cases[i].document, lontar_query_one(database, "SELECT %(d)s::json AS j", parameters, &row, &failure));
    CU_ASSERT_STRING_EQUAL(json_object_to_json_string_ext(json_object_object_get(row, "j"), JSON_C_TO_STRING_PLAIN),
                           cases[i].want);
    json_object_put(parameters);
    json_object_put(row);
  }
}

static void texts_stay_byte_for_byte(void)
{
  static const char *const texts[] = {"    def f():\n        return 1\n", "\r\n a \r\n", "\xC2\xA0z\xE3\x80\x80"};
  const int64_t user = make_user("spasi", "rahasia");
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    json_object *input = chat_of(user, json_object_new_string(texts[i]), json_object_new_string(texts[i]));
    json_object *chat = NULL;
    check_ok(texts[i], lontar_repository_chat_create(database, input, &chat, &failure));
    CU_ASSERT_TRUE(holds(json_object_object_get(chat, "question"), texts[i], strlen(texts[i])));
    CU_ASSERT_TRUE(holds(json_object_object_get(chat, "response"), texts[i], strlen(texts[i])));
    json_object_put(input);
    json_object_put(chat);
  }
  static const char *const blanks[] = {"", " \t\r\n", "\xC2\xA0\xE3\x80\x80"};
  for (size_t i = 0; i < sizeof blanks / sizeof blanks[0]; i++) {
    json_object *input = chat_of(user, json_object_new_string("a"), json_object_new_string(blanks[i]));
    CU_ASSERT_EQUAL(lontar_repository_chat_create(database, input, NULL, &failure), LONTAR_INVALID);
    CU_ASSERT_STRING_EQUAL(failure.message, "response: must not be blank");
    json_object_put(input);
  }
}

static enum lontar_error verify(const char *username, const char *password)
{
  json_object *input = OBJECT("username", username, "password", password);
  enum lontar_error error = lontar_repository_user_verify(database, input, NULL, &failure);
  json_object_put(input);
  return error;
}

static void passwords_and_names_are_each_of_their_characters(void)
{
  static const char name[] = "sandi\xF0\x9D\xA0\x80";
  (void)make_user(name, "abc\xF0\x9D\xA0\x80"
                        "abc ");
  CU_ASSERT_EQUAL(verify(name, "abc\xF0\x9D\xA0\x80"
                               "abc "),
                  LONTAR_OK);
  CU_ASSERT_EQUAL(verify(name, "abc\xF0\x9D\xA0\x80"
                               "abc"),
                  LONTAR_BAD_CREDENTIALS);
  CU_ASSERT_EQUAL(verify(name, "abc\xEF\xBF\xBD"
                               "abc "),
                  LONTAR_BAD_CREDENTIALS);
  CU_ASSERT_EQUAL(verify("sandi\xEF\xBF\xBD", "abc\xF0\x9D\xA0\x80"
                                              "abc "),
                  LONTAR_BAD_CREDENTIALS);
}

CASES(texts, before, after, CASE(every_character_in_a_text), CASE(every_character_in_a_document),
      CASE(documents_are_read_as_they_are), CASE(texts_stay_byte_for_byte),
      CASE(passwords_and_names_are_each_of_their_characters));
