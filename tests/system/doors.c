/* HTTP and liblontar do the same with the same input, error and answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lontar/lontar.h>

#include "system/check.h"
#include "system/client.h"
#include "system/system.h"
#include "system/world.h"

static struct lontar_database *database;

/* An open database for the time of a test; the connections are those of the environment. */
static void door_open(void)
{
  struct lontar_failure failure;
  need(lontar_open("application_name=lontar-doors", NULL, &database, &failure) == LONTAR_OK,
       "liblontar cannot reach the database by PGHOST and its like");
}

static void door_close(void)
{
  lontar_close(database);
  database = NULL;
}

/* The library's door; `input` is a template of world.h. */
static enum lontar_error call(const char *operation, const char *input, json_object **ret,
                              struct lontar_failure *failure)
{
  TEXT text = expand(input);
  json_object *object = json_tokener_parse(text);
  enum lontar_error error = lontar_call(database, operation, object, ret, failure);
  json_object_put(object);
  return error;
}

/* Both refuse with that status and code, and both name the fields that HTTP names. */
static void check_refused(const char *method, const char *path, const char *body, const char *operation,
                          const char *input, long status, const char *code)
{
  TEXT at = expand(path);
  TEXT text = expand(body);
  struct lontar_failure failure;
  json_object *got = NULL;
  ANSWER answer = request(method, at, world.service, *text != '\0' ? text : NULL);
  (void)check_problem(operation, &answer, status, code);
  enum lontar_error error = call(operation, input, &got, &failure);
  (void)check_text(operation, lontar_error_code(error), code);
  CHECK(got == NULL, "%s: the library gave an answer, too", operation);
  json_object *errors = answer_member(&answer, "errors");
  for (size_t i = 0; errors != NULL && i < json_object_array_length(errors); i++) {
    json_object *one = json_object_array_get_idx(errors, i);
    const char *field = json_object_get_string(json_object_object_get(one, "field"));
    const char *message = json_object_get_string(json_object_object_get(one, "message"));
    CHECK(strstr(failure.message, field) != NULL && strstr(failure.message, message) != NULL,
          "%s: the library says \"%s\", HTTP of %s: %s", operation, failure.message, field, message);
  }
}

static void a_change_of_nothing(void)
{
  door_open();
  char before[64];
  (void)snprintf(before, sizeof before, "%s",
                 sql("SELECT updated_at::text FROM users WHERE username = $1", world.siswa.username, NULL));
  check_refused("PATCH", "~/users/<siswa>", "{}", "user_update", "{\"id\": <siswa>}", 422, "invalid");
  (void)check_text("updated_at",
                   sql("SELECT updated_at::text FROM users WHERE username = $1", world.siswa.username, NULL), before);
  door_close();
}

static void what_belongs_to_nobody(void)
{
  door_open();
  check_refused("GET", "~/users/<absent>/chats", "", "chat_list_by_user", "{\"user_id\": <absent>}", 404, "not_found");
  check_refused("GET", "~/users/<absent>/chats/count", "", "chat_count_by_user", "{\"user_id\": <absent>}", 404,
                "not_found");
  check_refused("GET", "~/subjects/<absent>/chats", "", "chat_list_by_subject", "{\"subject_id\": <absent>}", 404,
                "not_found");
  check_refused("GET", "~/users/<absent>/sessions", "", "session_list", "{\"user_id\": <absent>}", 404, "not_found");
  door_close();
}

static void a_cursor_that_is_none(void)
{
  door_open();
  check_refused("GET", "~/users?after=x", "", "user_list", "{\"after\": \"x\"}", 400, "malformed");
  check_refused("GET", "~/chats/recent?before=7", "", "chat_list_recent", "{\"before\": \"7\"}", 400, "malformed");
  door_close();
}

static void every_wrong_field(void)
{
  door_open();
  static const char input[] = "{\"username\": \"ab\", \"role\": \"kepala\", \"x\": 1}";
  check_refused("POST", "~/users", input, "user_create", input, 422, "invalid");
  door_close();
}

static void a_later_batch_that_fails(void)
{
  door_open();
  struct person pupil = world_person("siswa");
  TEXT fill = document("INSERT INTO sessions (user_id, token, expires_at) SELECT %lld, 'sha256:' || md5(random()::text"
                       " || n), now() + interval '1 day' FROM generate_series(1, 1000) n",
                       pupil.id);
  TEXT trap = document("CREATE FUNCTION last_part() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                       " IF NOT EXISTS (SELECT FROM sessions WHERE user_id = %lld) THEN RAISE 'not the last one';"
                       " END IF; RETURN NULL; END $$; CREATE TRIGGER last_part AFTER DELETE ON sessions"
                       " EXECUTE FUNCTION last_part()",
                       pupil.id);
  sql_script(fill);
  sql_script(trap);
  TEXT path = document("~/users/%lld/sessions", pupil.id);
  ANSWER answer = erase(path, world.service);
  (void)check_status("HTTP", &answer, 200);
  CHECK(answer_number(&answer, "deleted") == 1000 && json_object_get_boolean(answer_member(&answer, "more")),
        "HTTP says %s", answer.body);
  sql_script(fill);
  struct lontar_failure failure;
  json_object *got = NULL;
  TEXT input = document("{\"user_id\": %lld}", pupil.id);
  (void)check_text("the library", lontar_error_code(call("session_delete_all", input, &got, &failure)), "ok");
  CHECK(json_object_get_int64(json_object_object_get(got, "count")) == 1000 &&
            json_object_get_boolean(json_object_object_get(got, "more")),
        "the library says %s", json_object_to_json_string(got));
  json_object_put(got);
  sql_script("DROP FUNCTION last_part() CASCADE");
  door_close();
}

static void a_rehash_that_fails(void)
{
  static const char input[] = "{\"username\": \"<siswa.name>\", \"password\": \"rahasia lama\"}";
  door_open();
  TEXT old = document("UPDATE users SET password_hash = encode(sha256('rahasia lama'), 'hex') WHERE id = %lld;"
                      " CREATE FUNCTION keep_hash() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'kept'; END $$;"
                      " CREATE TRIGGER keep_hash BEFORE UPDATE OF password_hash ON users FOR EACH ROW"
                      " EXECUTE FUNCTION keep_hash()",
                      world.siswa.id);
  sql_script(old);
  static const char *const operations[] = {"login", "user_verify"};
  static const char *const paths[] = {"~/auth/login", "~/users/verify"};
  for (int i = 0; i < 2; i++) {
    TEXT body = expand(input);
    struct lontar_failure failure;
    json_object *got = NULL;
    ANSWER answer = post(paths[i], i == 0 ? NULL : world.service, body);
    (void)check_status(paths[i], &answer, 200);
    (void)check_text(operations[i], lontar_error_code(call(operations[i], input, &got, &failure)), "ok");
    json_object *here = i == 0 ? json_object_object_get(got, "user") : got;
    json_object *there = i == 0 ? answer_member(&answer, "user") : answer.json;
    (void)check_text(operations[i], json_object_to_json_string(here), json_object_to_json_string(there));
    json_object_put(got);
  }
  sql_script("DROP FUNCTION keep_hash() CASCADE");
  TEXT back = document("{\"password\": \"" WORLD_PASSWORD "\"}");
  TEXT path = expand("~/users/<siswa>");
  ANSWER answer = patch(path, world.service, back);
  (void)check_status("the password of before", &answer, 200);
  world_token(world.siswa.id, world.siswa.token);
  door_close();
}

static void a_session_s_life(void)
{
  static const char life[] = "SELECT string_agg(DISTINCT (expires_at - created_at)::text, ' ') FROM sessions"
                             " WHERE user_id = (SELECT id FROM users WHERE username = $1)";
  door_open();
  struct person pupil = world_person("siswa");
  struct lontar_failure failure;
  json_object *got = NULL;
  TEXT input = document("{\"user_id\": %lld}", pupil.id);
  TEXT clear = document("DELETE FROM sessions WHERE user_id = %lld", pupil.id);
  sql_script(clear);
  ANSWER answer = post("~/sessions", world.service, input);
  (void)check_status("HTTP", &answer, 201);
  (void)check_text("by HTTP", sql(life, pupil.username, NULL), "1 day");
  sql_script(clear);
  (void)check_text("the library", lontar_error_code(call("session_create", input, &got, &failure)), "ok");
  (void)check_text("by the library", sql(life, pupil.username, NULL), "1 day");
  (void)check_members("the library's session", got, MEMBERS_SESSION_MADE);
  (void)check_members("HTTP's session", answer.json, MEMBERS_SESSION_MADE);
  json_object_put(got);
  door_close();
}

CU_TestInfo suite_doors[] = {{"a change of nothing", a_change_of_nothing},
                             {"what belongs to nobody", what_belongs_to_nobody},
                             {"a cursor that is none", a_cursor_that_is_none},
                             {"every wrong field is told", every_wrong_field},
                             {"a later batch that fails", a_later_batch_that_fails},
                             {"a rehash that fails", a_rehash_that_fails},
                             {"a session's life", a_session_s_life},
                             CU_TEST_INFO_NULL};
