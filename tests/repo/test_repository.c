/* The repositories as calls of the library, on an adopted database. */
#include <json-c/json.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <lontar/lontar.h>

#include "repo.h"

#define DATABASE "repository_test"

typedef enum lontar_error repository_call(struct lontar_database *database, struct json_object *input,
                                          struct json_object **ret, struct lontar_failure *failure);

static struct lontar_database *database;
static struct lontar_failure failure;

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  char url[REPO_URL_SIZE];
  repo_load_existing(DATABASE);
  repo_url(DATABASE, "postgres", url);
  return repo_lontarctl(DATABASE, "migrate", out) || lontar_open(url, NULL, &database, &failure) != LONTAR_OK;
}

static int after(void)
{
  lontar_close(database);
  return 0;
}

/* Runs an operation with input written as JSON and checks what it returns. The answer is the caller's. */
static json_object *run(repository_call *call, const char *input, enum lontar_error expected)
{
  json_object *answer = NULL;
  json_object *object = json_tokener_parse(input);
  enum lontar_error error = call(database, object, &answer, &failure);
  if (error != expected)
    printf("\n    %s: %s: %s\n", input, lontar_error_code(error), failure.message);
  CU_ASSERT_EQUAL(error, expected);
  json_object_put(object);
  return answer;
}

static void check_refusal(repository_call *call, const char *input, enum lontar_error expected, const char *message)
{
  CU_ASSERT_PTR_NULL(run(call, input, expected));
  if (!strstr(failure.message, message))
    printf("\n    got:  %s\n    want: %s\n", failure.message, message);
  CU_ASSERT_PTR_NOT_NULL(strstr(failure.message, message));
}

/* A member of an answer as text; the answer is let go. */
static const char *member(json_object *answer, const char *name)
{
  static char text[512];
  json_object *value = answer ? json_object_object_get(answer, name) : NULL;
  (void)snprintf(text, sizeof text, "%s", value ? json_object_get_string(value) : "null");
  json_object_put(answer);
  return text;
}

static void users_are_made_changed_and_deleted(void)
{
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_user_create,
                 "{\"username\": \" wati \", \"password\": \"rahasia\", \"role\": \"guru\"}", LONTAR_OK),
             "username"),
      "wati");
  check_refusal(lontar_repository_user_create,
                "{\"username\": \"wati\", \"password\": \"rahasia\", \"role\": \"guru\"}", LONTAR_CONFLICT, "");
  CU_ASSERT_STRING_EQUAL(failure.constraint, "users_username_key");
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_user_update, "{\"id\": 204, \"full_name\": \"Wati\"}", LONTAR_OK), "full_name"),
      "Wati");
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_user_update, "{\"id\": 204, \"role\": \"admin\"}", LONTAR_OK), "full_name"), "Wati");
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_user_update, "{\"id\": 204, \"full_name\": null}", LONTAR_OK), "full_name"), "null");
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_user_get_by_username, "{\"username\": \"wati\"}", LONTAR_OK), "role"), "admin");
  json_object_put(run(lontar_repository_user_delete, "{\"id\": 204}", LONTAR_OK));
  check_refusal(lontar_repository_user_get, "{\"id\": 204}", LONTAR_NOT_FOUND, "no such record");
}

static void what_breaks_a_rule_is_named(void)
{
  check_refusal(lontar_repository_user_create, "{\"username\": \"wati\", \"role\": \"guru\"}", LONTAR_INVALID,
                "password: is required");
  check_refusal(lontar_repository_user_create, "{\"username\": \"ab\", \"password\": \"rahasia\", \"role\": \"guru\"}",
                LONTAR_INVALID, "username: ");
  check_refusal(lontar_repository_user_get, "{\"id\": \"1\"}", LONTAR_INVALID, "id: must be a whole number");
  check_refusal(lontar_repository_user_get, "{\"id\": 1, \"x\": 1}", LONTAR_INVALID, "x: is not known here");
  check_refusal(lontar_repository_user_update, "{\"id\": 1, \"password_hash\": \"x\"}", LONTAR_INVALID,
                "password_hash: is not known here");
  check_refusal(lontar_repository_user_update, "{\"id\": 1, \"role\": null}", LONTAR_INVALID, "role: must not be null");
  check_refusal(lontar_repository_chat_create, "{\"user_id\": 1, \"question\": \" \", \"response\": \"x\"}",
                LONTAR_INVALID, "question: ");
  check_refusal(lontar_repository_chat_create, "{\"user_id\": 9999, \"question\": \"x\", \"response\": \"x\"}",
                LONTAR_BAD_REFERENCE, "");
  check_refusal(lontar_repository_chat_list_recent, "{\"after\": \"1\"}", LONTAR_MALFORMED,
                "is not a cursor of this list");
  check_refusal(lontar_repository_user_list, "{\"after\": \"x\"}", LONTAR_MALFORMED, "after: ");
}

static void old_passwords_are_accepted_once_and_renewed(void)
{
  PGconn *connection = repo_connect(DATABASE);
  const char *input = "{\"username\": \"budi\", \"password\": \"rahasia\"}";
  json_object *user = run(lontar_repository_user_verify, input, LONTAR_OK);
  CU_ASSERT_PTR_NULL(json_object_object_get(user, "password_hash"));
  CU_ASSERT_STRING_EQUAL(member(user, "full_name"), "Budi Santoso");
  CU_ASSERT_STRING_EQUAL(
      repo_value(connection, "SELECT password_hash LIKE '$argon2id$%' FROM users WHERE username = 'budi'"), "t");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT length(password_hash) FROM users WHERE username = 'Budi'"),
                         "64");
  json_object_put(run(lontar_repository_user_verify, input, LONTAR_OK));
  check_refusal(lontar_repository_user_verify, "{\"username\": \"budi\", \"password\": \"Rahasia\"}",
                LONTAR_BAD_CREDENTIALS, "wrong");
  check_refusal(lontar_repository_user_verify, "{\"username\": \"nobody\", \"password\": \"rahasia\"}",
                LONTAR_BAD_CREDENTIALS, "wrong");
  PQfinish(connection);
}

static void old_and_new_tokens_lead_to_their_users(void)
{
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_session_get, "{\"token\": \"plain-token-1\"}", LONTAR_OK), "username"), "siswa1");
  json_object *session = run(lontar_repository_session_create, "{\"user_id\": 5}", LONTAR_OK);
  json_object *input = json_object_new_object();
  json_object_object_add(input, "token", json_object_get(json_object_object_get(session, "token")));
  char text[256];
  (void)snprintf(text, sizeof text, "%s", json_object_to_json_string(input));
  CU_ASSERT_STRING_EQUAL(member(run(lontar_repository_session_get, text, LONTAR_OK), "username"), "siswa5");
  CU_ASSERT_STRING_EQUAL(member(run(lontar_repository_session_delete, text, LONTAR_OK), "count"), "1");
  check_refusal(lontar_repository_session_get, text, LONTAR_NOT_FOUND, "");
  check_refusal(lontar_repository_session_get, "{\"token\": \"nobody's-token\"}", LONTAR_NOT_FOUND, "");
  CU_ASSERT_STRING_EQUAL(member(run(lontar_repository_session_delete_expired, "{}", LONTAR_OK), "count"), "101");
  json_object_put(session);
  json_object_put(input);
}

static void a_chosen_token_is_one_that_headers_carry(void)
{
  static const char *const wrong[] = {
      "abcdefghijklmnopqrstuvwxyz01234",         "abcdefghijklmnopqrstuvwxyz012345 a",
      "abcdefghijklmnopqrstuvwxyz01234\xc3\xa9", "abcdefghijklmnopqrstuvwxyz012345\\n",
      "=abcdefghijklmnopqrstuvwxyz012345",       "lontar_sk_abcdefghijklmnopqrstuvwxyz",
  };
  char input[512];
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    (void)snprintf(input, sizeof input, "{\"user_id\": 5, \"token\": \"%s\"}", wrong[i]);
    check_refusal(lontar_repository_session_create, input, LONTAR_INVALID, "token: must ");
    CU_ASSERT_PTR_NULL(strstr(failure.message, "abcdef"));
  }
  const char *good = "{\"user_id\": 5, \"token\": \"ABC-._~+/abcdefghijklmnopqrstuv==\"}";
  json_object_put(run(lontar_repository_session_create, good, LONTAR_OK));
  check_refusal(lontar_repository_session_create, good, LONTAR_CONFLICT, "");
  CU_ASSERT_STRING_EQUAL(failure.constraint, "sessions_token_key");
  /* What a look-up may name is what an old application may have made. */
  check_refusal(lontar_repository_session_get, "{\"token\": \"tok en \\n\xc3\xa9\"}", LONTAR_NOT_FOUND, "");
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_session_delete, "{\"token\": \"tok en \\n\xc3\xa9\"}", LONTAR_OK), "count"), "0");
}

/* A call in a thread of its own, while others do something to it or its rows. */
struct interrupted {
  repository_call *call;
  const char *input;
  pthread_t thread;
  enum lontar_error error;
  struct lontar_failure failure;
};

static void *interrupted_run(void *data)
{
  struct interrupted *interrupted = data;
  json_object *object = json_tokener_parse(interrupted->input);
  json_object *answer = NULL;
  interrupted->error = interrupted->call(database, object, &answer, &interrupted->failure);
  json_object_put(object);
  json_object_put(answer);
  return NULL;
}

static const char *sessions_of(PGconn *connection, int user)
{
  char query[128];
  (void)snprintf(query, sizeof query, "SELECT count(*) FROM sessions WHERE user_id = %d", user);
  return repo_value(connection, query);
}

static void a_new_password_ends_all_sessions(void)
{
  PGconn *connection = repo_connect(DATABASE);
  json_object_put(run(lontar_repository_session_create, "{\"user_id\": 5}", LONTAR_OK));
  json_object_put(run(lontar_repository_session_create, "{\"user_id\": 6}", LONTAR_OK));
  json_object_put(run(lontar_repository_user_update, "{\"id\": 5, \"full_name\": \"Lima\"}", LONTAR_OK));
  CU_ASSERT_STRING_NOT_EQUAL(sessions_of(connection, 5), "0");
  json_object_put(run(lontar_repository_user_update, "{\"id\": 5, \"password\": \"rahasia5\"}", LONTAR_OK));
  CU_ASSERT_STRING_EQUAL(sessions_of(connection, 5), "0");
  CU_ASSERT_STRING_NOT_EQUAL(sessions_of(connection, 6), "0");
  check_refusal(lontar_repository_user_update, "{\"id\": 5, \"kept_token_hash\": \"x\"}", LONTAR_INVALID,
                "kept_token_hash: is not known here");
  PQfinish(connection);
}

/* A login over HTTP whose session comes to light only after the update has begun, as its snapshot does not show it. */
static void a_session_that_an_update_did_not_see_ends_too(void)
{
  PGconn *login = repo_connect(DATABASE);
  PGconn *watcher = repo_connect(DATABASE);
  struct interrupted interrupted = {.call = lontar_repository_user_update,
                                    .input = "{\"id\": 6, \"password\": \"rahasia6\"}"};
  repo_execute(login,
               "BEGIN; SELECT FROM users WHERE id = 6 FOR SHARE; INSERT INTO sessions (user_id, token, expires_at)"
               " VALUES (6, 'unseen', now() + interval '1 day')");
  CU_ASSERT_EQUAL_FATAL(pthread_create(&interrupted.thread, NULL, interrupted_run, &interrupted), 0);
  while (strcmp(repo_value(watcher, "SELECT count(*) FROM pg_stat_activity WHERE datname = '" DATABASE "'"
                                    " AND wait_event_type = 'Lock'"),
                "1") != 0)
    (void)usleep(1000);
  repo_execute(login, "COMMIT");
  (void)pthread_join(interrupted.thread, NULL);
  CU_ASSERT_EQUAL(interrupted.error, LONTAR_OK);
  CU_ASSERT_STRING_EQUAL(sessions_of(watcher, 6), "0");
  PQfinish(login);
  PQfinish(watcher);
}

static void an_old_hash_that_cannot_be_renewed_is_right(void)
{
  PGconn *connection = repo_connect(DATABASE);
  const char *input = "{\"username\": \"tua\", \"password\": \"rahasia\"}";
  repo_execute(connection, "INSERT INTO users (username, password_hash, role)"
                           " VALUES ('tua', encode(sha256('rahasia'), 'hex'), 'siswa')");
  repo_execute(connection, "CREATE FUNCTION refuse_hash() RETURNS trigger LANGUAGE plpgsql"
                           " AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
                           "CREATE TRIGGER refuse_hash BEFORE UPDATE OF password_hash ON users"
                           " FOR EACH ROW EXECUTE FUNCTION refuse_hash()");
  json_object_put(run(lontar_repository_user_verify, input, LONTAR_OK));
  repo_execute(connection, "SET client_min_messages = warning; DROP FUNCTION refuse_hash CASCADE;"
                           "DELETE FROM users WHERE username = 'tua'");
  PQfinish(connection);
}

/* Argon2 asks for 19 MiB at once; all else takes less. */
static void without_memory_no_password_is_wrong(void)
{
  enum { SPARE = 12 << 20 };
  struct rlimit whole;
  unsigned long pages = 0;
  const char *preload = getenv("LD_PRELOAD");
  if (preload && strstr(preload, "vgpreload"))
    return;                                                                   /* valgrind needs memory itself */
  json_object_put(run(lontar_repository_user_get, "{\"id\": 1}", LONTAR_OK)); /* its connection is there */
  FILE *file = fopen("/proc/self/statm", "re");
  CU_ASSERT_TRUE_FATAL(file && fscanf(file, "%lu", &pages) == 1 && getrlimit(RLIMIT_AS, &whole) == 0);
  (void)fclose(file);
  const struct rlimit little = {pages * (rlim_t)sysconf(_SC_PAGESIZE) + SPARE, whole.rlim_max};
  CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_AS, &little), 0);
  check_refusal(lontar_repository_user_verify, "{\"username\": \"budi\", \"password\": \"rahasia\"}", LONTAR_BUSY,
                "no memory");
  CU_ASSERT_TRUE(failure.retriable);
  check_refusal(lontar_repository_user_verify, "{\"username\": \"nobody\", \"password\": \"rahasia\"}", LONTAR_BUSY,
                "no memory");
  check_refusal(lontar_repository_user_update, "{\"id\": 1, \"password\": \"rahasia1\"}", LONTAR_BUSY, "no memory");
  CU_ASSERT_TRUE(failure.retriable);
  CU_ASSERT_EQUAL(setrlimit(RLIMIT_AS, &whole), 0);
  json_object_put(run(lontar_repository_user_verify, "{\"username\": \"budi\", \"password\": \"rahasia\"}", LONTAR_OK));
}

static void chats_are_paged_without_loss_or_repetition(void)
{
  char input[256] = "{\"user_id\": 1, \"limit\": 100}";
  int64_t last_id = 0;
  size_t seen = 0;
  for (int page = 0; page < 100; page++) {
    json_object *list = run(lontar_repository_chat_list_by_user, input, LONTAR_OK);
    json_object *items = json_object_object_get(list, "items");
    seen += json_object_array_length(items);
    json_object *last = json_object_array_get_idx(items, json_object_array_length(items) - 1);
    last_id = json_object_get_int64(json_object_object_get(last, "id"));
    const char *next = json_object_get_string(json_object_object_get(list, "next"));
    bool more = next != NULL;
    (void)snprintf(input, sizeof input, "{\"user_id\": 1, \"limit\": 100, \"after\": \"%s\"}", more ? next : "");
    json_object_put(list);
    if (!more)
      break;
  }
  char expected[32];
  (void)snprintf(expected, sizeof expected, "%zu", seen);
  CU_ASSERT_STRING_EQUAL(member(run(lontar_repository_chat_count_by_user, "{\"user_id\": 1}", LONTAR_OK), "count"),
                         expected);
  CU_ASSERT_EQUAL(last_id, 120004); /* the one without a time is the oldest */
}

/* Runs a list and writes its ids, and its `next` as `ret_next`, "" for none. */
static void list_ids(const char *input, char out[256], char ret_next[64])
{
  json_object *list = run(lontar_repository_chat_list_by_user, input, LONTAR_OK);
  json_object *items = json_object_object_get(list, "items");
  const char *next = json_object_get_string(json_object_object_get(list, "next"));
  out[0] = '\0';
  for (size_t i = 0; i < json_object_array_length(items); i++) {
    size_t length = strlen(out);
    (void)snprintf(out + length, 256 - length, "%s ",
                   json_object_get_string(json_object_object_get(json_object_array_get_idx(items, i), "id")));
  }
  (void)snprintf(ret_next, 64, "%s", next ? next : "");
  json_object_put(list);
}

static void lists_go_backwards_in_their_own_order(void)
{
  char first[256];
  char middle[256];
  char begin[256];
  char together[512];
  char next[64];
  char input[256];
  list_ids("{\"user_id\": 2, \"limit\": 5}", first, next);
  (void)snprintf(input, sizeof input, "{\"user_id\": 2, \"limit\": 2, \"before\": \"%s\"}", next);
  list_ids(input, middle, next);
  (void)snprintf(input, sizeof input, "{\"user_id\": 2, \"limit\": 2, \"before\": \"%s\"}", next);
  list_ids(input, begin, next);
  CU_ASSERT_STRING_EQUAL(next, "");
  (void)snprintf(together, sizeof together, "%s%s", begin, middle); /* all but the fifth, whose cursor it was */
  CU_ASSERT_TRUE(strlen(together) > 8);
  CU_ASSERT_EQUAL(strncmp(first, together, strlen(together)), 0);
  list_ids("{\"user_id\": 2, \"limit\": 2, \"offset\": 2}", together, next);
  CU_ASSERT_STRING_EQUAL(together, middle);
  check_refusal(lontar_repository_chat_list_by_user, "{\"user_id\": 2, \"after\": \"1_1\", \"before\": \"1_1\"}",
                LONTAR_INVALID, "before: cannot be given together with after");
  check_refusal(lontar_repository_user_list, "{\"before\": \"x\"}", LONTAR_MALFORMED, "before: ");
}

static void old_chats_go_in_batches(void)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "INSERT INTO chat_history (user_id, question, response, created_at)"
                           " SELECT 7, 'x', 'x', '2001-01-01' FROM generate_series(1, 2500)");
  PQfinish(connection);
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_chat_delete_old, "{\"older_than_days\": 7300}", LONTAR_OK), "count"),
      "2501"); /* and the one of -infinity */
}

static enum lontar_error run_interrupted(repository_call *call, const char *input)
{
  struct interrupted interrupted = {.call = call, .input = input};
  PGconn *locker = repo_connect(DATABASE);
  PGconn *killer = repo_connect(DATABASE);
  const char *waits = "SELECT count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity"
                      " WHERE datname = '" DATABASE "' AND wait_event_type = 'Lock'";
  repo_execute(locker, "BEGIN; LOCK TABLE subjects IN ACCESS EXCLUSIVE MODE");
  CU_ASSERT_EQUAL_FATAL(pthread_create(&interrupted.thread, NULL, interrupted_run, &interrupted), 0);
  while (strcmp(repo_value(killer, waits), "1") != 0)
    (void)usleep(1000);
  repo_execute(locker, "COMMIT");
  (void)pthread_join(interrupted.thread, NULL);
  PQfinish(locker);
  PQfinish(killer);
  failure = interrupted.failure;
  return interrupted.error;
}

static void a_read_that_was_interrupted_is_sent_again(void)
{
  CU_ASSERT_EQUAL(run_interrupted(lontar_repository_subject_list, "{}"), LONTAR_OK);
  CU_ASSERT_EQUAL(
      run_interrupted(lontar_repository_subject_create, "{\"grade\": 12, \"name\": \"Lost\", \"code\": \"LOST-12\"}"),
      LONTAR_UNAVAILABLE);
  json_object *list = run(lontar_repository_subject_list, "{\"code\": \"LOST-12\"}", LONTAR_OK);
  CU_ASSERT_EQUAL(json_object_array_length(json_object_object_get(list, "items")), 0);
  json_object_put(list);
}

static void subjects_and_books_have_their_repositories(void)
{
  CU_ASSERT_STRING_EQUAL(member(run(lontar_repository_subject_create,
                                    "{\"grade\": 12, \"name\": \"Kimia\", \"code\": \"KIM-12\"}", LONTAR_OK),
                                "id"),
                         "3");
  CU_ASSERT_STRING_EQUAL(
      member(run(lontar_repository_book_create, "{\"subject_id\": 3, \"title\": \"Atom\"}", LONTAR_OK), "chunk_count"),
      "0");
  json_object_put(run(lontar_repository_book_update, "{\"id\": 3, \"vkp_version\": \"2.1.0\"}", LONTAR_OK));
  json_object *list = run(lontar_repository_book_list, "{\"vkp_version\": \"2.1.0\"}", LONTAR_OK);
  CU_ASSERT_EQUAL(json_object_array_length(json_object_object_get(list, "items")), 1);
  CU_ASSERT_STRING_EQUAL(member(list, "next"), "null");
  json_object_put(run(lontar_repository_subject_delete, "{\"id\": 3}", LONTAR_OK));
  check_refusal(lontar_repository_book_get, "{\"id\": 3}", LONTAR_NOT_FOUND, "");
}

CASES(repository, before, after, CASE(users_are_made_changed_and_deleted), CASE(what_breaks_a_rule_is_named),
      CASE(old_passwords_are_accepted_once_and_renewed), CASE(old_and_new_tokens_lead_to_their_users),
      CASE(a_chosen_token_is_one_that_headers_carry), CASE(a_new_password_ends_all_sessions),
      CASE(a_session_that_an_update_did_not_see_ends_too), CASE(an_old_hash_that_cannot_be_renewed_is_right),
      CASE(without_memory_no_password_is_wrong), CASE(chats_are_paged_without_loss_or_repetition),
      CASE(lists_go_backwards_in_their_own_order), CASE(old_chats_go_in_batches),
      CASE(subjects_and_books_have_their_repositories), CASE(a_read_that_was_interrupted_is_sent_again));
