/* Walks lists by cursor while records come and go between the pages: nothing doubled, nothing skipped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moments.h"
#include "system/check.h"
#include "system/client.h"
#include "system/system.h"
#include "system/world.h"

enum { RECORDS = 23, SEEN_MAX = 3000, WALK_PAGES_MAX = 60 };

/* What a list is made of. */
struct kind {
  const char *label;
  const char *path;   /* up to the owner */
  const char *rest;   /* behind the owner */
  const char *insert; /* RECORDS rows for the owner $1; those with the same time share one instant */
  const char *add;    /* one more for the owner $1, anywhere the list puts a new one */
  const char *ids;    /* the owner's ids, least first, as text "1,2,3" */
  const char *remove; /* the record $1 */
  const char *owner;  /* makes the owner and gives its id */
};

static const struct kind kinds[] = {
    {"chats of a user", "~/users/", "/chats",
     "INSERT INTO chat_history (user_id, question, response, created_at) SELECT $1, 'a', 'b', CASE WHEN n <= 3 THEN "
     "NULL"
     " ELSE '2026-01-01T00:00:00.000001Z'::timestamptz + n / 5 * interval '1 microsecond' END"
     " FROM generate_series(1, 23) n",
     "INSERT INTO chat_history (user_id, question, response) VALUES ($1, 'baru', 'b')",
     "SELECT string_agg(id::text, ',' ORDER BY id) FROM chat_history WHERE user_id = $1",
     "DELETE FROM chat_history WHERE id = $1", "siswa"},
    {"chats of a subject", "~/subjects/", "/chats",
     "INSERT INTO chat_history (subject_id, question, response, created_at) SELECT $1, 'a', 'b', CASE WHEN n <= 3 THEN"
     " NULL ELSE '1969-12-31T23:59:59.999998Z'::timestamptz + n / 5 * interval '1 microsecond' END"
     " FROM generate_series(1, 23) n",
     "INSERT INTO chat_history (subject_id, question, response) VALUES ($1, 'baru', 'b')",
     "SELECT string_agg(id::text, ',' ORDER BY id) FROM chat_history WHERE subject_id = $1",
     "DELETE FROM chat_history WHERE id = $1", NULL},
    {"books of a subject", "~/books?subject_id=", "",
     "INSERT INTO books (subject_id, title) SELECT $1, 'Buku' FROM generate_series(1, 23)",
     "INSERT INTO books (subject_id, title) VALUES ($1, 'Baru')",
     "SELECT string_agg(id::text, ',' ORDER BY id) FROM books WHERE subject_id = $1", "DELETE FROM books WHERE id = $1",
     NULL},
    {"sessions of a user", "~/users/", "/sessions",
     "INSERT INTO sessions (user_id, token, expires_at) SELECT $1, 'sha256:' || md5(random()::text || n), now() +"
     " interval '1 day' FROM generate_series(1, 22) n",
     "INSERT INTO sessions (user_id, token, expires_at) VALUES ($1, 'sha256:' || md5(random()::text), now() +"
     " interval '1 day')",
     "SELECT string_agg(id::text, ',' ORDER BY id) FROM sessions WHERE user_id = $1",
     "DELETE FROM sessions WHERE id = $1", "siswa"},
};

enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

struct walk {
  const struct kind *kind;
  long long owner;
  long long seen[SEEN_MAX];
  size_t count;
  char next[256]; /* "" at the end */
};

static void walk_begin(struct walk *walk, const struct kind *kind)
{
  *walk = (struct walk){.kind = kind};
  walk->owner = kind->owner ? world_person(kind->owner).id : world_subject();
  (void)sql_number(kind->insert, walk->owner);
}

/* The answer of a page of the list. `query` begins without its sign. */
static struct answer page(const struct walk *walk, const char *query)
{
  const char *base = walk->kind->path;
  if (!walk->kind->rest) {
    TEXT all = document("%s?%s", base, query);
    return get(all, world.admin.token);
  }
  TEXT path = document("%s%lld%s%s%s", base, walk->owner, walk->kind->rest, strchr(base, '?') ? "&" : "?", query);
  return get(path, world.admin.token);
}

static long long id_at(const struct answer *answer, size_t index)
{
  json_object *id = NULL;
  json_object_object_get_ex(answer_item(answer, index), "id", &id);
  return json_object_get_int64(id);
}

static bool has_seen(const struct walk *walk, long long id)
{
  for (size_t i = 0; i < walk->count; i++)
    if (walk->seen[i] == id)
      return true;
  return false;
}

/* Takes a page's ids and its cursor; false when it cannot go on. */
static bool walk_take(struct walk *walk, const struct answer *answer, size_t limit)
{
  const char *label = walk->kind->label;
  if (!check_status(label, answer, 200) || !check_members(label, answer->json, "items next"))
    return false;
  size_t count = answer_items(answer);
  CHECK(count <= limit, "%s: got a page of %zu, want at most %zu", label, count, limit);
  for (size_t i = 0; i < count && walk->count < SEEN_MAX; i++) {
    CHECK(!has_seen(walk, id_at(answer, i)), "%s: the id %lld came twice", label, id_at(answer, i));
    walk->seen[walk->count++] = id_at(answer, i);
  }
  (void)snprintf(walk->next, sizeof walk->next, "%s", answer_text(answer, "next"));
  CHECK(*walk->next == '\0' || count == limit, "%s: got a next after a page of %zu of %zu", label, count, limit);
  return true;
}

/* All pages by `direction`; `between` runs after each. */
static void walk_all(struct walk *walk, const char *direction, const char *first, size_t limit,
                     void (*between)(struct walk *walk))
{
  (void)snprintf(walk->next, sizeof walk->next, "%s", first);
  for (int pages = 0; pages < WALK_PAGES_MAX; pages++) {
    TEXT query = *walk->next ? document("limit=%zu&%s=%s", limit, direction, walk->next) : document("limit=%zu", limit);
    ANSWER answer = page(walk, query);
    if (!walk_take(walk, &answer, limit) || *walk->next == '\0')
      return;
    if (between)
      between(walk);
  }
  CHECK(false, "%s: the list does not end", walk->kind->label);
}

/* How many of these ids ("1,2,3") the walk has not seen. */
static int missing(const struct walk *walk, const char *ids)
{
  int count = 0;
  for (char *end = NULL; *ids; ids = *end == ',' ? end + 1 : end) {
    long long id = strtoll(ids, &end, 10);
    count += !has_seen(walk, id);
  }
  return count;
}

static const char *ids_of(const struct walk *walk)
{
  char owner[32];
  (void)snprintf(owner, sizeof owner, "%lld", walk->owner);
  return sql(walk->kind->ids, owner, NULL);
}

static void quiet_lists_are_complete(void)
{
  for (size_t kind = 0; kind < KIND_COUNT; kind++) {
    static const size_t limits[] = {1, 4, 22, 23, 24, 100};
    struct walk walk;
    walk_begin(&walk, &kinds[kind]);
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
      walk.count = 0;
      walk_all(&walk, "after", "", limits[i], NULL);
      (void)check_number(kinds[kind].label, (long long)walk.count, RECORDS);
      (void)check_number("missing", missing(&walk, ids_of(&walk)), 0);
    }
  }
}

static void add_one(struct walk *walk)
{
  (void)sql_number(walk->kind->add, walk->owner);
}

/* What was seen last goes: the cursor stands on a record that is no more. */
static void remove_last_seen(struct walk *walk)
{
  (void)sql_number(walk->kind->remove, walk->seen[walk->count - 1]);
}

static void add_and_remove(struct walk *walk)
{
  add_one(walk);
  remove_last_seen(walk);
  (void)sql_number(walk->kind->remove, walk->seen[0]);
}

static void lists_may_change_between_pages(void)
{
  void (*const changes[])(struct walk *) = {add_one, remove_last_seen, add_and_remove};
  for (size_t i = 0; i < 3 * KIND_COUNT; i++) {
    struct walk walk;
    char before[1024];
    walk_begin(&walk, &kinds[i / 3]);
    (void)snprintf(before, sizeof before, "%s", ids_of(&walk));
    walk_all(&walk, "after", "", 5, changes[i % 3]);
    (void)check_number(kinds[i / 3].label, missing(&walk, before), 0);
  }
}

static void removed_ones_are_not_shown(void)
{
  for (size_t kind = 0; kind < KIND_COUNT; kind++) {
    struct walk walk;
    walk_begin(&walk, &kinds[kind]);
    TEXT query = document("limit=%d", RECORDS);
    ANSWER whole = page(&walk, query);
    ANSWER first = page(&walk, "limit=3");
    if (!check_number(kinds[kind].label, (long long)answer_items(&whole), RECORDS))
      continue;
    (void)walk_take(&walk, &first, 3);
    long long gone = id_at(&whole, 10);
    (void)sql_number(kinds[kind].remove, gone);
    TEXT next = strdup(walk.next);
    walk_all(&walk, "after", next, 3, NULL);
    CHECK(!has_seen(&walk, gone), "%s: a removed record is on a later page", kinds[kind].label);
    (void)check_number(kinds[kind].label, (long long)walk.count, RECORDS - 1);
  }
}

/* From a cursor in the middle: `before` gives what came before the record that it stands on. */
static void lists_go_back(void)
{
  for (size_t kind = 0; kind < KIND_COUNT; kind++) {
    struct walk there;
    walk_begin(&there, &kinds[kind]);
    ANSWER first = page(&there, "limit=12");
    if (!walk_take(&there, &first, 12) || !CHECK(*there.next != '\0', "%s: there is no next", kinds[kind].label))
      continue;
    struct walk back = {.kind = &kinds[kind], .owner = there.owner};
    walk_all(&back, "before", there.next, 4, add_one);
    for (size_t i = 0; i + 1 < there.count; i++)
      CHECK(has_seen(&back, there.seen[i]), "%s: record %zu is not on the way back", kinds[kind].label, i);
    CHECK(!has_seen(&back, there.seen[11]), "%s: the cursor's own record is on the way back", kinds[kind].label);
  }
}

static void offset_skips(void)
{
  for (size_t kind = 0; kind < KIND_COUNT; kind++) {
    struct walk walk;
    walk_begin(&walk, &kinds[kind]);
    ANSWER whole = page(&walk, "limit=100");
    ANSWER part = page(&walk, "limit=3&offset=5");
    (void)check_number(kinds[kind].label, (long long)answer_items(&part), 3);
    for (size_t i = 0; i < answer_items(&part); i++)
      (void)check_number("offset=5", id_at(&part, i), id_at(&whole, i + 5));
    ANSWER beyond = page(&walk, "offset=1000");
    (void)check_number("offset=1000", (long long)answer_items(&beyond), 0);
    CHECK(answer_member(&beyond, "next") == NULL, "offset=1000: want no next: %s", beyond.body);
    ANSWER most = page(&walk, "offset=2147483647&limit=100");
    (void)check_status("the largest offset", &most, 200);
  }
}

static void fifty_are_a_page(void)
{
  struct walk walk;
  walk_begin(&walk, &kinds[2]);
  (void)sql_number("INSERT INTO books (subject_id, title) SELECT $1, 'Buku' FROM generate_series(1, 98)", walk.owner);
  const struct {
    const char *query;
    long long count;
  } cases[] = {{"", 50}, {"limit=1", 1}, {"limit=100", 100}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    ANSWER answer = page(&walk, cases[i].query);
    (void)check_number(cases[i].query, (long long)answer_items(&answer), cases[i].count);
    CHECK(answer_member(&answer, "next") != NULL, "%s: there is no next", cases[i].query);
  }
}

static void recent_chats_have_pages(void)
{
  struct person person = world_person("siswa");
  (void)sql_number("INSERT INTO chat_history (user_id, question, response, created_at) SELECT $1, 'a', 'b', now() +"
                   " interval '1 hour' + n / 4 * interval '1 microsecond' FROM generate_series(1, 23) n",
                   person.id);
  struct kind recent = {.label = "recent chats", .path = "~/chats/recent"};
  struct walk walk = {.kind = &recent, .owner = 0};
  for (int pages = 0; pages < 6; pages++) {
    TEXT query = *walk.next ? document("limit=4&after=%s", walk.next) : document("limit=4");
    ANSWER answer = page(&walk, query);
    if (!walk_take(&walk, &answer, 4))
      return;
  }
  (void)check_number("seen on six pages", (long long)walk.count, 24);
  char owner[32];
  (void)snprintf(owner, sizeof owner, "%lld", person.id);
  (void)check_number("of the newest", missing(&walk, sql(kinds[0].ids, owner, NULL)), 0);
  (void)sql_number("DELETE FROM chat_history WHERE user_id = $1", person.id);
}

static void users_and_subjects_have_pages(void)
{
  static const struct kind all[] = {{.label = "users", .path = "~/users"}, {.label = "subjects", .path = "~/subjects"}};
  static const char *const ids[] = {"SELECT string_agg(id::text, ',') FROM users WHERE $1 = '0'",
                                    "SELECT string_agg(id::text, ',') FROM subjects WHERE $1 = '0'"};
  for (size_t i = 0; i < 2; i++) {
    struct walk walk = {.kind = &all[i]};
    walk_all(&walk, "after", "", 50, NULL);
    TEXT before = strdup(sql(ids[i], "0", NULL));
    (void)check_number(all[i].label, missing(&walk, before), 0);
    for (size_t place = 1; place < walk.count; place++)
      CHECK(walk.seen[place] > walk.seen[place - 1], "%s: %lld stands behind %lld", all[i].label, walk.seen[place],
            walk.seen[place - 1]);
  }
}

/* What a walk has seen, as text "1,2,3", the other way round when it went back. The caller frees it. */
static char *seen_ids(const struct walk *walk, bool backwards)
{
  enum { ID_SIZE = 24 };
  size_t size = (walk->count + 1) * ID_SIZE;
  size_t length = 0;
  char *text = calloc(1, size);
  need(text != NULL, "no memory is left");
  for (size_t i = 0; i < walk->count; i++)
    length += (size_t)snprintf(text + length, size - length, "%s%lld", i > 0 ? "," : "",
                               walk->seen[backwards ? walk->count - 1 - i : i]);
  return text;
}

/* A page asked for with `before` comes in the list's own order: the walk takes its ids from the end. */
static void walk_back(struct walk *walk, const char *first, size_t limit)
{
  (void)snprintf(walk->next, sizeof walk->next, "%s", first);
  do {
    TEXT query = document("limit=%zu&before=%s", limit, walk->next);
    ANSWER answer = page(walk, query);
    size_t taken = walk->count;
    if (!walk_take(walk, &answer, limit) || !CHECK(walk->count > taken || *walk->next == '\0', "it does not end"))
      return;
    for (size_t low = taken, high = walk->count; low + 1 < high; low++) {
      long long id = walk->seen[low];
      walk->seen[low] = walk->seen[--high];
      walk->seen[high] = id;
    }
  } while (*walk->next != '\0');
}

/* Chats at any moments, by pages of any size, in both directions: each once, in the documented order, and it ends. */
static void any_moments_are_paged(void)
{
  static const size_t limits[] = {1, 2, 3, 7, 20, 59, 60, 61, 100};
  for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
    const bool by_user = i % 2 == 0;
    char owner[32];
    struct walk there = {.kind = &kinds[by_user ? 0 : 1]};
    there.owner = by_user ? world_person("siswa").id : world_subject();
    (void)snprintf(owner, sizeof owner, "%lld", there.owner);
    (void)sql(by_user ? MOMENTS_INSERT("$1::integer", "NULL", "60") : MOMENTS_INSERT("NULL", "$1::integer", "60"),
              owner, NULL);
    TEXT want = strdup(
        sql(by_user ? MOMENTS_ORDER("user_id = $1::integer") : MOMENTS_ORDER("subject_id = $1::integer"), owner, NULL));
    walk_all(&there, "after", "", limits[i], NULL);
    TEXT after = seen_ids(&there, false);
    (void)check_text("after, all through", after, want);
    struct walk back = {.kind = there.kind, .owner = there.owner};
    walk_back(&back, "-inf_-1", limits[i]);
    TEXT before = seen_ids(&back, true);
    (void)check_text("before, all through", before, want);
  }
}

/* An adopted database may hold ids that no sequence gives. */
static void ids_below_one_are_listed(void)
{
  (void)sql("INSERT INTO subjects (id, grade, name, code) VALUES (0, 10, 'Nol', 'NOL'), (-3, 10, 'Minus', 'MINUS'),"
            " (-2147483648, 10, 'Terkecil', 'TERKECIL')",
            NULL);
  static const struct kind subjects = {.label = "subjects", .path = "~/subjects"};
  struct walk walk = {.kind = &subjects};
  for (int pages = 0; pages < 4; pages++) {
    TEXT query = *walk.next ? document("limit=1&after=%s", walk.next) : document("limit=1");
    ANSWER answer = page(&walk, query);
    (void)walk_take(&walk, &answer, 1);
  }
  CHECK(walk.count == 4 && walk.seen[0] == -2147483648LL && walk.seen[1] == -3 && walk.seen[2] == 0,
        "the ids -2147483648, -3 and 0 do not begin the list");
  struct walk back = {.kind = &subjects};
  char third[32];
  (void)snprintf(third, sizeof third, "%lld", walk.seen[3]);
  walk_back(&back, third, 2);
  (void)check_number("before the first of ours", (long long)back.count, 3);
  (void)sql("DELETE FROM subjects WHERE id < 1", NULL);
}

CU_TestInfo suite_cursors[] = {{"quiet lists are complete", quiet_lists_are_complete},
                               {"lists may change between pages", lists_may_change_between_pages},
                               {"removed ones are not shown", removed_ones_are_not_shown},
                               {"lists go back", lists_go_back},
                               {"offset skips", offset_skips},
                               {"fifty are a page", fifty_are_a_page},
                               {"recent chats have pages", recent_chats_have_pages},
                               {"users and subjects have pages", users_and_subjects_have_pages},
                               {"any moments are paged", any_moments_are_paged},
                               {"ids below one are listed", ids_below_one_are_listed},
                               CU_TEST_INFO_NULL};
