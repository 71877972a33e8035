/* Lists of the library, page by page: any moments that the database holds, and ids that no sequence gives. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lontar/lontar.h>

#include "moments.h"
#include "repo.h"

#define DATABASE "pages_test"

enum { CHATS = 60, IDS_SIZE = CHATS * 16, PAGE_BYTES = 8 << 20 };

typedef enum lontar_error list_call(struct lontar_database *database, struct json_object *input,
                                    struct json_object **ret, struct lontar_failure *failure);

static struct lontar_database *database;
static PGconn *connection;

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  struct lontar_failure failure;
  char url[REPO_URL_SIZE];
  repo_create_database(DATABASE);
  repo_url(DATABASE, "postgres", url);
  int status = repo_lontarctl(DATABASE, "migrate", out);
  connection = repo_connect(DATABASE);
  repo_execute(connection, "INSERT INTO users (id, username, password_hash, role)"
                           " SELECT n, 'siswa' || n, 'x', 'siswa' FROM unnest(ARRAY[-2147483648, -7, 0, 1]) n;"
                           "INSERT INTO subjects (id, grade, name, code) VALUES (-1, 10, 'Kimia', 'A'),"
                           " (0, 11, 'Kimia', 'B'), (1, 12, 'Kimia', 'C');"
                           "INSERT INTO books (id, subject_id, title) VALUES (-5, 1, 'Atom'), (0, 1, 'Atom'),"
                           " (2147483647, 1, 'Atom');"
                           "INSERT INTO sessions (id, user_id, token, expires_at) SELECT n, 1, 't' || n, 'infinity'"
                           " FROM unnest(ARRAY[-9, 0, 5]) n");
  return status || lontar_open(url, NULL, &database, &failure) != LONTAR_OK;
}

static int after(void)
{
  PQfinish(connection);
  lontar_close(database);
  return 0;
}

/* One page; its ids go behind those before, or before them. `cursor` becomes the next one, "" at the end. */
static bool page(list_call *call, const char *owner, const char *direction, int limit, char cursor[64],
                 char ids[IDS_SIZE])
{
  char text[256];
  char own[IDS_SIZE] = "";
  struct lontar_failure failure = {0};
  struct json_object *list = NULL;
  (void)snprintf(text, sizeof text, "{%s\"limit\": %d%s%s%s%s%s}", owner, limit, *cursor ? ", \"" : "",
                 *cursor ? direction : "", *cursor ? "\": \"" : "", cursor, *cursor ? "\"" : "");
  struct json_object *input = json_tokener_parse(text);
  enum lontar_error error = call(database, input, &list, &failure);
  json_object_put(input);
  CU_ASSERT_EQUAL(error, LONTAR_OK);
  if (error != LONTAR_OK) {
    printf("\n    %s: %s\n", text, failure.message);
    return false;
  }
  struct json_object *items = json_object_object_get(list, "items");
  CU_ASSERT(json_object_array_length(items) == 1 || strlen(json_object_to_json_string(items)) <= PAGE_BYTES);
  for (size_t i = 0; i < json_object_array_length(items); i++) {
    struct json_object *id = json_object_object_get(json_object_array_get_idx(items, i), "id");
    size_t length = strlen(own);
    (void)snprintf(own + length, sizeof own - length, "%s%s", i > 0 ? "," : "", json_object_get_string(id));
  }
  const bool back = strcmp(direction, "before") == 0;
  char *all = NULL;
  CU_ASSERT_NOT_EQUAL_FATAL(asprintf(&all, "%s%s%s", back ? own : ids, *ids ? "," : "", back ? ids : own), -1);
  (void)snprintf(ids, IDS_SIZE, "%s", all);
  free(all);
  const char *next = json_object_get_string(json_object_object_get(list, "next"));
  (void)snprintf(cursor, 64, "%s", next ? next : "");
  json_object_put(list);
  return *cursor != '\0';
}

static void walk(list_call *call, const char *owner, const char *direction, int limit, const char *from,
                 const char *wanted)
{
  char cursor[64];
  char ids[IDS_SIZE] = "";
  int pages = 0;
  (void)snprintf(cursor, sizeof cursor, "%s", from);
  while (page(call, owner, direction, limit, cursor, ids) && pages <= CHATS)
    pages++;
  CU_ASSERT_TRUE(pages <= CHATS);
  if (strcmp(ids, wanted) != 0)
    printf("\n    %s, pages of %d\n    got  %s\n    want %s\n", direction, limit, ids, wanted);
  CU_ASSERT_STRING_EQUAL(ids, wanted);
}

static void chats_of_any_moments_come_once_and_in_order(void)
{
  char wanted[REPO_TEXT_SIZE];
  for (int limit = 1; limit <= CHATS + 2; limit += limit < 4 ? 1 : 7) {
    repo_execute(connection, "DELETE FROM chat_history;" MOMENTS_INSERT("1", "1", "60"));
    repo_execute(connection, "UPDATE chat_history SET id = -id WHERE id % 3 = 0");
    repo_execute(connection, "UPDATE chat_history SET id = 0 WHERE id = (SELECT min(id) FROM chat_history)");
    (void)snprintf(wanted, sizeof wanted, "%s", repo_value(connection, MOMENTS_ORDER("true")));
    const struct {
      list_call *call;
      const char *owner;
    } lists[] = {{lontar_repository_chat_list_by_user, "\"user_id\": 1, "},
                 {lontar_repository_chat_list_by_subject, "\"subject_id\": 1, "},
                 {lontar_repository_chat_list_recent, ""}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
      walk(lists[i].call, lists[i].owner, "after", limit, "", wanted);
      walk(lists[i].call, lists[i].owner, "before", limit, "-inf_-9223372036854775808", wanted);
    }
  }
}

static void lists_by_id_hold_every_id(void)
{
  static const struct {
    list_call *call;
    const char *owner;
    const char *wanted;
  } lists[] = {{lontar_repository_user_list, "", "-2147483648,-7,0,1"},
               {lontar_repository_subject_list, "", "-1,0,1"},
               {lontar_repository_book_list, "", "-5,0,2147483647"},
               {lontar_repository_session_list, "\"user_id\": 1, ", "-9,0,5"}};
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    for (int limit = 1; limit <= 5; limit++) {
      walk(lists[i].call, lists[i].owner, "after", limit, "", lists[i].wanted);
      walk(lists[i].call, lists[i].owner, "before", limit, "9223372036854775807", lists[i].wanted);
    }
  }
}

/* Beside short ones: long ones, of which a page holds eight, and one that is larger than a page. */
static void long_texts_come_once_and_in_order(void)
{
  char wanted[REPO_TEXT_SIZE];
  repo_execute(connection,
               "DELETE FROM chat_history; INSERT INTO chat_history (user_id, subject_id, question, response,"
               " created_at) SELECT 1, 1, repeat('q', 100 * (n % 7)), repeat('r', CASE WHEN n = 20 THEN"
               " 9000000 WHEN n % 3 = 0 THEN 30000 ELSE 1000000 END), now() + n * interval '1 second'"
               " FROM generate_series(1, 59) n");
  (void)snprintf(wanted, sizeof wanted, "%s", repo_value(connection, MOMENTS_ORDER("true")));
  for (int limit = 1; limit <= 100; limit += 33) {
    walk(lontar_repository_chat_list_by_user, "\"user_id\": 1, ", "after", limit, "", wanted);
    walk(lontar_repository_chat_list_by_subject, "\"subject_id\": 1, ", "before", limit, "-inf_-9223372036854775808",
         wanted);
    walk(lontar_repository_chat_list_recent, "", limit == 1 ? "after" : "before", limit,
         limit == 1 ? "" : "-inf_-9223372036854775808", wanted);
  }
}

/* What RFC 3339 and JSON do not know is null, as over HTTP. */
static void what_cannot_be_told_is_null(void)
{
  struct lontar_failure failure;
  struct json_object *list = NULL;
  repo_execute(connection, "DELETE FROM chat_history;"
                           "INSERT INTO chat_history (user_id, question, response, confidence, created_at)"
                           " SELECT 1, 'q', 'r', 'NaN', t::timestamptz FROM unnest(ARRAY['infinity', '-infinity',"
                           " '10000-01-01Z', '0001-12-31 23:59:59.999999Z BC', '294276-12-31Z', NULL]) t");
  CU_ASSERT_EQUAL_FATAL(lontar_repository_chat_list_recent(database, NULL, &list, &failure), LONTAR_OK);
  struct json_object *items = json_object_object_get(list, "items");
  CU_ASSERT_EQUAL(json_object_array_length(items), 6);
  for (size_t i = 0; i < json_object_array_length(items); i++) {
    struct json_object *chat = json_object_array_get_idx(items, i);
    CU_ASSERT_PTR_NULL(json_object_object_get(chat, "created_at"));
    CU_ASSERT_PTR_NULL(json_object_object_get(chat, "confidence"));
  }
  json_object_put(list);
}

static void numbers_are_not_cut_to_fit(void)
{
  static const char *const inputs[] = {"{\"id\": 9223372036854775808}", "{\"id\": 99999999999999999999}",
                                       "{\"id\": -99999999999999999999}"};
  for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
    struct lontar_failure failure;
    struct json_object *input = json_tokener_parse(inputs[i]);
    CU_ASSERT_EQUAL(lontar_repository_book_get(database, input, NULL, &failure), LONTAR_INVALID);
    json_object_put(input);
  }
}

CASES(pages, before, after, CASE(chats_of_any_moments_come_once_and_in_order), CASE(lists_by_id_hold_every_id),
      CASE(long_texts_come_once_and_in_order), CASE(what_cannot_be_told_is_null), CASE(numbers_are_not_cut_to_fit));
