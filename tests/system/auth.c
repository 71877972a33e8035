/* Logging in and out, and what a token tells. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/refusal.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { HOURS_24 = 24 };

static struct answer login(const char *username, const char *password)
{
  TEXT body = document("{\"username\": \"%s\", \"password\": \"%s\"}", username, password);
  return post("~/auth/login", NULL, body);
}

static void check_login(const char *label, const char *username, const char *password, long status)
{
  ANSWER answer = login(username, password);
  if (status == 200)
    (void)check_status(label, &answer, 200);
  else
    (void)check_problem(label, &answer, status, "bad_credentials");
}

static void session_status(const char *label, const char *token, long status)
{
  ANSWER answer = get("~/auth/session", token);
  (void)check_status(label, &answer, status);
}

static void login_gives_a_session(void)
{
  ANSWER answer = login(world.siswa.username, WORLD_PASSWORD);
  if (!check_status("login", &answer, 200) || !check_members("login", answer.json, "token expires_at user"))
    return;
  (void)check_members("login's user", answer_member(&answer, "user"), MEMBERS_USER);
  (void)check_time("login", answer.json, "expires_at");
  CHECK(strlen(answer_text(&answer, "token")) >= 32, "login: the token is short: %s", answer_text(&answer, "token"));
  CHECK(strstr(answer.body, "$argon2") == NULL, "login: the answer holds a hash: %s", answer.body);
  session_status("login's token", answer_text(&answer, "token"), 200);
  const char *hours =
      sql("SELECT round(extract(epoch FROM $1::timestamptz - now()) / 3600)", answer_text(&answer, "expires_at"), NULL);
  (void)check_number("hours of a session", strtoll(hours, NULL, 10), HOURS_24);
}

static void only_hashes_are_stored(void)
{
  ANSWER answer = login(world.siswa.username, WORLD_PASSWORD);
  (void)check_text("rows with a token in the clear",
                   sql("SELECT count(*) FROM sessions WHERE strpos(token, $1) > 0 OR token = encode(convert_to($1,"
                       " 'UTF8'), 'base64')",
                       answer_text(&answer, "token"), NULL),
                   "0");
  (void)sql_number("SELECT left(password_hash, 10) FROM users WHERE id = $1", world.siswa.id);
  const char *hash = sql("SELECT left(password_hash, 10) FROM users WHERE username = $1", world.siswa.username, NULL);
  (void)check_text("kind of hash", hash, "$argon2id$");
}

static void login_refuses(void)
{
  check_login("a wrong password", world.siswa.username, "another password", 401);
  check_login("a password in other case", world.siswa.username, "KATA SANDI 1", 401);
  check_login("a password with more behind it", world.siswa.username, WORLD_PASSWORD " ", 401);
  check_login("an unknown user", "nobody-of-this-name", WORLD_PASSWORD, 401);
  check_login("a name that is SQL", "' OR '1'='1", WORLD_PASSWORD, 401);
  static const struct refusal cases[] = {
      {"no username", CALLER_NOBODY, "POST", "~/auth/login", "{\"password\": \"secret1\"}", 422, "invalid", "username"},
      {"no password", CALLER_NOBODY, "POST", "~/auth/login", "{\"username\": \"budi\"}", 422, "invalid", "password"},
      {"nothing", CALLER_NOBODY, "POST", "~/auth/login", NULL, 422, "invalid", "username"},
      {"a number as username", CALLER_NOBODY, "POST", "~/auth/login",
       "{\"username\": 12345, \"password\": \"secret1\"}", 422, "invalid", "username"},
      {"a list as password", CALLER_NOBODY, "POST", "~/auth/login",
       "{\"username\": \"budi\", \"password\": [\"secret1\"]}", 422, "invalid", "password"},
      {"null as password", CALLER_NOBODY, "POST", "~/auth/login", "{\"username\": \"budi\", \"password\": null}", 422,
       "invalid", "password"},
      {"a NUL in the username", CALLER_NOBODY, "POST", "~/auth/login",
       "{\"username\": \"bu\\u0000di\", \"password\": \"secret1\"}", 422, "invalid", "username"},
      {"a NUL in the password", CALLER_NOBODY, "POST", "~/auth/login",
       "{\"username\": \"budi\", \"password\": \"secret\\u0000\"}", 422, "invalid", "password"},
      {"another field", CALLER_NOBODY, "POST", "~/auth/login",
       "{\"username\": \"budi\", \"password\": \"secret1\", \"remember\": true}", 422, "invalid", "remember"},
      {"an unknown query", CALLER_NOBODY, "POST", "~/auth/login?x=1",
       "{\"username\": \"budi\", \"password\": \"secret1\"}", 422, "invalid", "x"},
  };
  REFUSE(cases);
  refuse_bodies("POST", "~/auth/login");
}

static void login_does_not_tell_who_exists(void)
{
  ANSWER unknown = login("nobody-of-this-name", WORLD_PASSWORD);
  ANSWER wrong = login(world.siswa.username, "another password");
  (void)check_text("title of both refusals", answer_text(&unknown, "title"), answer_text(&wrong, "title"));
  (void)check_text("detail of both refusals", answer_text(&unknown, "detail"), answer_text(&wrong, "detail"));
}

static const char *hash_kind(const char *username)
{
  return sql("SELECT CASE WHEN password_hash LIKE '$argon2id$%' THEN 'argon2id' WHEN password_hash ~ '^[0-9a-f]{64}$'"
             " THEN 'sha256' ELSE 'other' END FROM users WHERE username = $1",
             username, NULL);
}

static void an_old_hash_is_replaced_at_login(void)
{
  char name[WORLD_NAME_SIZE];
  (void)sql("INSERT INTO users (username, password_hash, role) VALUES ($1,"
            " encode(sha256(convert_to($2, 'UTF8')), 'hex'), 'siswa')",
            world_name(name, "lama"), "sandi lama é", NULL);
  check_login("a wrong password for an old hash", name, "sandi baru", 401);
  (void)check_text("after a wrong password", hash_kind(name), "sha256");
  check_login("the right password for an old hash", name, "sandi lama é", 200);
  (void)check_text("after the right password", hash_kind(name), "argon2id");
  check_login("the right password again", name, "sandi lama é", 200);
  check_login("a wrong password afterwards", name, "sandi baru", 401);
}

static void an_old_hash_is_no_password(void)
{
  char name[WORLD_NAME_SIZE];
  char hash[65];
  (void)snprintf(hash, sizeof hash, "%s", sql("SELECT encode(sha256('sandi lama'), 'hex')", NULL));
  (void)sql("INSERT INTO users (username, password_hash, role) VALUES ($1, $2, 'siswa')", world_name(name, "lama"),
            hash, NULL);
  check_login("the hash itself as password", name, hash, 401);
}

static void session_tells_who_it_is(void)
{
  ANSWER answer = get("~/auth/session", world.siswa.token);
  if (!check_status("session", &answer, 200) ||
      !check_members("session", answer.json, "user_id username role full_name created_at expires_at"))
    return;
  (void)check_number("user_id", answer_number(&answer, "user_id"), world.siswa.id);
  (void)check_text("username", answer_text(&answer, "username"), world.siswa.username);
  (void)check_text("role", answer_text(&answer, "role"), "siswa");
  (void)check_time("session", answer.json, "created_at");
  (void)check_time("session", answer.json, "expires_at");
  refuse_strangers("GET", "~/auth/session", NULL);
  refuse_callers(1u << CALLER_SERVICE, "GET", "~/auth/session", NULL);
}

static void authorization_is_read_strictly(void)
{
  static const struct {
    const char *before;
    const char *after;
    long status;
  } cases[] = {{"Bearer ", "", 200},  {"bearer ", "", 200},  {"BEARER  ", "", 200}, {"Bearer ", "  ", 200},
               {"Basic ", "", 401},   {"Bearer", "", 401},   {"", "", 401},         {"Token ", "", 401},
               {"Bearer x", "", 401}, {"Bearer ", "x", 401}, {"Bearer ", " x", 401}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    TEXT header = document("Authorization: %s%s%s", cases[i].before, world.siswa.token, cases[i].after);
    ANSWER answer = request_with("GET", "~/auth/session", NULL, NULL, 0, header);
    if (cases[i].status == 200)
      (void)check_status(header, &answer, 200);
    else
      (void)check_problem(header, &answer, cases[i].status, "unauthenticated");
  }
  static const char *const bare[] = {"Authorization: Bearer", "Authorization: Bearer short", "Authorization;"};
  for (size_t i = 0; i < sizeof bare / sizeof bare[0]; i++) {
    ANSWER answer = request_with("GET", "~/auth/session", NULL, NULL, 0, bare[i]);
    (void)check_problem(bare[i], &answer, 401, "unauthenticated");
  }
}

static void a_role_counts_at_once(void)
{
  struct person person = world_person("siswa");
  TEXT path = document("~/users/%lld", person.id);
  ANSWER before = get("~/chats/recent", person.token);
  (void)check_status("a pupil", &before, 403);
  ANSWER changed = patch(path, world.admin.token, "{\"role\": \"guru\"}");
  (void)check_status("made a teacher", &changed, 200);
  ANSWER after = get("~/chats/recent", person.token);
  (void)check_status("with the same token", &after, 200);
}

static void logout_ends_one_session(void)
{
  struct person person = world_person("siswa");
  char second[WORLD_TOKEN_SIZE];
  world_token(person.id, second);
  ANSWER answer = post("~/auth/logout", person.token, NULL);
  (void)check_status("logout", &answer, 200);
  (void)check_members("logout", answer.json, "deleted");
  (void)check_number("logout", answer_number(&answer, "deleted"), 1);
  session_status("the token after logout", person.token, 401);
  session_status("the other token", second, 200);
  ANSWER no = post("~/auth/logout?all=false", second, NULL);
  (void)check_number("logout?all=false", answer_number(&no, "deleted"), 1);
}

static void logout_of_all_ends_all(void)
{
  struct person person = world_person("guru");
  char second[WORLD_TOKEN_SIZE];
  world_token(person.id, second);
  ANSWER answer = post("~/auth/logout?all=true", second, NULL);
  (void)check_status("logout?all=true", &answer, 200);
  (void)check_number("logout?all=true", answer_number(&answer, "deleted"), 2);
  session_status("the token", second, 401);
  session_status("the other token", person.token, 401);
  session_status("somebody else's token", world.siswa.token, 200);
}

static void logout_refuses(void)
{
  refuse_strangers("POST", "~/auth/logout", NULL);
  refuse_callers(1u << CALLER_SERVICE, "POST", "~/auth/logout", NULL);
  static const struct refusal cases[] = {
      {"all=maybe", CALLER_SISWA, "POST", "~/auth/logout?all=maybe", NULL, 422, "invalid", "all"},
      {"all=1", CALLER_SISWA, "POST", "~/auth/logout?all=1", NULL, 422, "invalid", "all"},
      {"all without value", CALLER_SISWA, "POST", "~/auth/logout?all", NULL, 422, "invalid", "all"},
      {"an unknown query", CALLER_SISWA, "POST", "~/auth/logout?every=true", NULL, 422, "invalid", "every"},
  };
  REFUSE(cases);
  session_status("after refused logouts", world.siswa.token, 200);
}

static void a_changed_password_counts_at_once(void)
{
  struct person person = world_person("siswa");
  TEXT path = document("~/users/%lld", person.id);
  ANSWER changed = patch(path, world.admin.token, "{\"password\": \"kata sandi baru\"}");
  (void)check_status("PATCH password", &changed, 200);
  CHECK(strstr(changed.body, "sandi") == NULL, "PATCH password: the answer holds it: %s", changed.body);
  check_login("the old password", person.username, WORLD_PASSWORD, 401);
  check_login("the new password", person.username, "kata sandi baru", 200);
}

static void a_changed_password_ends_sessions(void)
{
  struct person person = world_person("siswa");
  char second[WORLD_TOKEN_SIZE];
  world_token(person.id, second);
  TEXT path = document("~/users/%lld", person.id);
  ANSWER name = patch(path, world.admin.token, "{\"full_name\": \"Budi\", \"role\": \"guru\"}");
  (void)check_status("PATCH full_name", &name, 200);
  session_status("another member was changed", person.token, 200);
  ANSWER refused = patch(path, world.admin.token, "{\"password\": \"kata sandi baru\", \"role\": \"raja\"}");
  (void)check_field("PATCH with a wrong role", &refused, 422, "invalid", "role");
  session_status("nothing was changed", person.token, 200);
  ANSWER changed = patch(path, world.admin.token, "{\"password\": \"kata sandi baru\"}");
  (void)check_members("PATCH password", changed.json, MEMBERS_USER);
  session_status("the one session", person.token, 401);
  session_status("the other", second, 401);
  session_status("of who changed it", world.admin.token, 200);
  session_status("of another user", world.siswa.token, 200);
  world_token(person.id, second);
  ANSWER again = patch(path, world.service, "{\"password\": \"kata sandi lain\"}");
  (void)check_status("PATCH password by a service", &again, 200);
  session_status("after a service's change", second, 401);
}

static void who_changes_their_own_stays(void)
{
  struct person person = world_person("admin");
  char second[WORLD_TOKEN_SIZE];
  world_token(person.id, second);
  TEXT path = document("~/users/%lld", person.id);
  ANSWER changed = patch(path, person.token, "{\"password\": \"kata sandi baru\"}");
  (void)check_status("PATCH of the own password", &changed, 200);
  session_status("the session that asked", person.token, 200);
  session_status("the other", second, 401);
}

/* A user with the original's hash of WORLD_PASSWORD. */
static struct person old_person(void)
{
  struct person person;
  (void)sql("INSERT INTO users (username, password_hash, role) VALUES ($1,"
            " encode(sha256(convert_to($2, 'UTF8')), 'hex'), 'siswa')",
            world_name(person.username, "lama"), WORLD_PASSWORD, NULL);
  person.id = strtoll(sql("SELECT id FROM users WHERE username = $1", person.username, NULL), NULL, 10);
  world_token(person.id, person.token);
  return person;
}

static void a_renewed_hash_ends_none(void)
{
  struct person person = old_person();
  check_login("the right password for an old hash", person.username, WORLD_PASSWORD, 200);
  (void)check_text("after it", hash_kind(person.username), "argon2id");
  session_status("a session from before", person.token, 200);
}

/* What keeps the hash from being replaced: a trigger that complains, and one that says nothing. */
static void a_hash_that_cannot_be_renewed_keeps_nobody_out(void)
{
  static const char *const bodies[] = {"BEGIN RAISE EXCEPTION 'no'; END", "BEGIN RETURN NULL; END"};
  for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
    struct person person = old_person();
    TEXT function =
        document("CREATE OR REPLACE FUNCTION refuse_hash() RETURNS trigger LANGUAGE plpgsql AS $$ %s $$", bodies[i]);
    (void)sql(function, NULL);
    (void)sql("CREATE TRIGGER refuse_hash BEFORE UPDATE OF password_hash ON users FOR EACH ROW"
              " EXECUTE FUNCTION refuse_hash()",
              NULL);
    check_login(bodies[i], person.username, WORLD_PASSWORD, 200);
    check_login(bodies[i], person.username, "another password", 401);
    TEXT body = document("{\"username\": \"%s\", \"password\": \"" WORLD_PASSWORD "\"}", person.username);
    ANSWER verified = post("~/users/verify", world.service, body);
    (void)check_status(bodies[i], &verified, 200);
    (void)check_text(bodies[i], hash_kind(person.username), "sha256");
    (void)sql("DROP FUNCTION refuse_hash CASCADE", NULL);
  }
}

static void *login_thread(void *data)
{
  struct person *person = data;
  struct answer *answer = malloc(sizeof *answer);
  need(answer != NULL, "no memory");
  *answer = login(person->username, WORLD_PASSWORD);
  return answer;
}

static bool somebody_waits(void)
{
  return strcmp(sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                    " AND query LIKE 'INSERT INTO public.sessions%'",
                    NULL),
                "t") == 0;
}

/* Logs in, and when the password is right but the session not yet made, changes it, without ending sessions. */
static struct answer login_while(struct person *person, const char *password)
{
  pthread_t thread;
  void *result = NULL;
  PGconn *locker = sql_connect();
  TEXT change =
      document("UPDATE users SET password_hash = encode(sha256('%s'), 'hex') WHERE id = %lld", password, person->id);
  PQclear(PQexec(locker, "BEGIN; LOCK TABLE sessions IN SHARE ROW EXCLUSIVE MODE"));
  need(pthread_create(&thread, NULL, login_thread, person) == 0, "no thread");
  CHECK(stack_wait(somebody_waits, 10), "nobody waits to make a session");
  PGresult *changed = PQexec(locker, change);
  CHECK(PQresultStatus(changed) == PGRES_COMMAND_OK, "%s: %s", change, PQerrorMessage(locker));
  PQclear(changed);
  PQclear(PQexec(locker, "COMMIT"));
  PQfinish(locker);
  (void)pthread_join(thread, &result);
  struct answer answer = *(struct answer *)result;
  free(result);
  return answer;
}

static void a_login_that_comes_too_late_is_none(void)
{
  struct person person = world_person("siswa");
  ANSWER late = login_while(&person, "sandi baru");
  (void)check_problem("the old password, checked before the change", &late, 401, "bad_credentials");
  (void)check_number("its sessions", sql_number("SELECT count(*) FROM sessions WHERE user_id = $1", person.id), 1);
  /* Another login renewed the same password's hash: that is no change. */
  struct person other = world_person("siswa");
  ANSWER same = login_while(&other, WORLD_PASSWORD);
  if (check_status("the same password with another hash", &same, 200))
    session_status("its session", answer_text(&same, "token"), 200);
  (void)check_number("its sessions", sql_number("SELECT count(*) FROM sessions WHERE user_id = $1", other.id), 2);
}

static void the_operator_s_admin_logs_in(void)
{
  check_login("the admin of lontarctl", world.admin_name, world.admin_password, 200);
}

CU_TestInfo suite_auth[] = {
    {"login gives a session", login_gives_a_session},
    {"only hashes are stored", only_hashes_are_stored},
    {"login refuses", login_refuses},
    {"login does not tell who exists", login_does_not_tell_who_exists},
    {"an old hash is replaced at login", an_old_hash_is_replaced_at_login},
    {"an old hash is no password", an_old_hash_is_no_password},
    {"a session tells who it is", session_tells_who_it_is},
    {"Authorization is read strictly", authorization_is_read_strictly},
    {"a role counts at once", a_role_counts_at_once},
    {"logout ends one session", logout_ends_one_session},
    {"logout?all=true ends all", logout_of_all_ends_all},
    {"logout refuses", logout_refuses},
    {"a changed password counts at once", a_changed_password_counts_at_once},
    {"a changed password ends sessions", a_changed_password_ends_sessions},
    {"who changes their own stays", who_changes_their_own_stays},
    {"a renewed hash ends none", a_renewed_hash_ends_none},
    {"a hash that cannot be renewed keeps nobody out", a_hash_that_cannot_be_renewed_keeps_nobody_out},
    {"a login that comes too late is none", a_login_that_comes_too_late_is_none},
    {"the operator's admin logs in", the_operator_s_admin_logs_in},
    CU_TEST_INFO_NULL};
