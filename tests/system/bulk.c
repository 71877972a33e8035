/* Large pages, large bodies and slow readers: all are answered, and no worker takes much memory. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/fastcgi.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CHATS = 50, ESCAPED = 12, READERS = 20, WRITERS = 100, SLOW = 3, POLL_MS = 20 };
enum { CHILDREN_MAX = 16, MEMORY_KB = 64 * 1024, PAGE_BYTES = 8 << 20, LONG = 1000000 };

/* ---- What the workers took ---- */

/* The highest since then. */
static void forget_peaks(void)
{
  char path[64];
  pid_t pids[CHILDREN_MAX];
  const size_t count = stack_children(pids, CHILDREN_MAX);
  for (size_t i = 0; i < count; i++) {
    (void)snprintf(path, sizeof path, "/proc/%d/clear_refs", pids[i]);
    FILE *file = fopen(path, "we");
    need(file != NULL && fputs("5", file) >= 0 && fclose(file) == 0, "a worker's peak of memory cannot be reset");
  }
}

static void check_peaks(const char *label)
{
  pid_t pids[CHILDREN_MAX];
  const size_t count = stack_children(pids, CHILDREN_MAX);
  long most = 0;
  for (size_t i = 0; i < count; i++) {
    const long peak = stack_peak(pids[i]);
    most = peak > most ? peak : most;
  }
  printf("    %s: at most %ld kB in a process\n", label, most);
  CHECK(most < MEMORY_KB, "%s: a process took %ld kB", label, most);
}

/* ---- Many clients at once ---- */

struct client {
  struct transfer transfer;
  long long first; /* the id of the first chat of those that are to be read */
  int times[CHATS];
  int pages;
  bool backwards;
};

/* Says whether there is another request to send. */
typedef bool take_answer(struct client *client);

static void run(struct client *clients, size_t count, take_answer *take, void (*turn)(void))
{
  CURLM *multi = curl_multi_init();
  int running = 1, rest;
  need(multi != NULL, "no memory");
  for (size_t i = 0; i < count; i++)
    curl_multi_add_handle(multi, clients[i].transfer.curl);
  while (running > 0) {
    need(curl_multi_perform(multi, &running) == CURLM_OK, "libcurl fails");
    for (CURLMsg *message; (message = curl_multi_info_read(multi, &rest));) {
      struct transfer *transfer = NULL;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      struct client *client = (struct client *)(void *)transfer; /* its first member */
      curl_multi_remove_handle(multi, transfer->curl);
      transfer_finish(transfer);
      if (!take(client))
        continue;
      curl_multi_add_handle(multi, transfer->curl);
      running++;
    }
    if (turn)
      turn();
    if (running > 0)
      curl_multi_poll(multi, NULL, 0, POLL_MS, NULL);
  }
  for (size_t i = 0; i < count; i++)
    transfer_free(&clients[i].transfer);
  curl_multi_cleanup(multi);
}

/* ---- Pages ---- */

/* A pupil with chats whose answers are a word repeated so often; returns the first one's id. Others are newer. */
static long long make_chats(const struct person *person, int count, const char *word, int times)
{
  char id[32], number[16], repeated[16];
  (void)snprintf(id, sizeof id, "%lld", person->id);
  (void)snprintf(number, sizeof number, "%d", count);
  (void)snprintf(repeated, sizeof repeated, "%d", times);
  (void)sql("INSERT INTO chat_history (user_id, question, response, created_at) SELECT $1, 'Apa?', repeat($4, $3),"
            " '2020-01-01Z'::timestamptz + n * interval '1 second' FROM generate_series(1, $2) n",
            id, number, repeated, word, NULL);
  return sql_number("SELECT min(id) FROM chat_history WHERE user_id = $1", person->id);
}

static void ask_page(struct client *client, const struct person *person, const char *cursor)
{
  TEXT path =
      document("~/users/%lld/chats?limit=100&%s=%s", person->id, client->backwards ? "before" : "after", cursor);
  transfer_prepare(&client->transfer, "GET", path, world.service, NULL);
}

static struct person reader;

static bool take_page(struct client *client)
{
  const struct answer *answer = &client->transfer.answer;
  const size_t items = answer_items(answer);
  TEXT next = strdup(answer_text(answer, "next"));
  need(next != NULL, "no memory");
  client->pages++;
  if (!check_status("a page of long chats", answer, 200))
    return false;
  CHECK(items > 0, "a page is empty");
  CHECK(answer->length <= PAGE_BYTES || items == 1, "a page of %zu chats has %zu bytes", items, answer->length);
  for (size_t i = 0; i < items; i++) {
    const long long at = json_object_get_int64(json_object_object_get(answer_item(answer, i), "id")) - client->first;
    if (CHECK(at >= 0 && at < CHATS, "a chat of others"))
      client->times[at]++;
  }
  if (*next == '\0')
    return false;
  transfer_free(&client->transfer);
  ask_page(client, &reader, next);
  return true;
}

static void read_all(const char *label, int readers, int chats, const char *word, int times)
{
  static struct client clients[READERS];
  reader = world_person("siswa");
  const long long first = make_chats(&reader, chats, word, times);
  const long long lost = stack_metric("lontar_pool_closed_lost_total");
  forget_peaks();
  for (int i = 0; i < readers; i++) {
    clients[i] = (struct client){.first = first, .backwards = i % 2 == 1};
    ask_page(&clients[i], &reader, i % 2 == 1 ? "-inf_-9223372036854775808" : "inf_9223372036854775807");
  }
  run(clients, (size_t)readers, take_page, NULL);
  check_peaks(label);
  for (int i = 0; i < readers; i++)
    for (int at = 0; at < chats; at++)
      CHECK(clients[i].times[at] == 1, "%s: reader %d got chat %d %d times", label, i, at, clients[i].times[at]);
  CHECK(clients[0].pages > 1 && clients[0].pages <= chats, "%s: %d pages", label, clients[0].pages);
  (void)check_number("connections that were lost", stack_metric("lontar_pool_closed_lost_total"), lost);
  (void)sql_number("DELETE FROM chat_history WHERE user_id = $1", reader.id);
}

static void long_texts_come_in_several_pages(void)
{
  read_all("long texts", READERS, CHATS, "abcdefghij", LONG / 10);
}

/* One becomes six in JSON. */
static void texts_of_control_characters_too(void)
{
  read_all("control characters", READERS, ESCAPED, "\x01\x02\x03\x04\x05", LONG / 5);
}

static void a_page_behind_others_ends_early_too(void)
{
  reader = world_person("siswa");
  const long long first = make_chats(&reader, CHATS, "abcdefghij", LONG / 10);
  for (int offset = 0; offset < CHATS; offset += 20) {
    TEXT path = document("~/users/%lld/chats?limit=100&offset=%d", reader.id, offset);
    ANSWER answer = get(path, world.service);
    if (!check_status("a page behind others", &answer, 200))
      continue;
    const size_t items = answer_items(&answer);
    (void)check_number("the first chat", json_object_get_int64(json_object_object_get(answer_item(&answer, 0), "id")),
                       first + CHATS - 1 - offset);
    CHECK(items == 8, "a page behind %d others has %zu chats", offset, items);
  }
  (void)sql_number("DELETE FROM chat_history WHERE user_id = $1", reader.id);
}

/* ---- Bodies ---- */

static PGconn *locker;
static double locked_until;

static void hold_lock(void)
{
  if (!locker || stack_clock() < locked_until)
    return;
  PQfinish(locker);
  locker = NULL;
}

static bool take_saved(struct client *client)
{
  (void)check_status("a long chat", &client->transfer.answer, 201);
  (void)check_number("the answer's length", (long long)strlen(answer_text(&client->transfer.answer, "response")), LONG);
  return false;
}

static void large_bodies_wait_outside(void)
{
  static struct client clients[WRITERS];
  const struct person person = world_person("siswa");
  TEXT body = document("{\"question\": \"Apa?\", \"response\": \"<x1000000>\"}");
  locker = sql_connect();
  PQclear(PQexec(locker, "BEGIN; LOCK TABLE chat_history"));
  locked_until = stack_clock() + 1;
  forget_peaks();
  for (int i = 0; i < WRITERS; i++) {
    clients[i] = (struct client){.pages = 0};
    transfer_prepare(&clients[i].transfer, "POST", "~/chats", person.token, body);
  }
  run(clients, WRITERS, take_saved, hold_lock);
  check_peaks("large bodies");
  (void)check_number("saved chats", sql_number("SELECT count(*) FROM chat_history WHERE user_id = $1", person.id),
                     WRITERS);
  (void)sql_number("DELETE FROM chat_history WHERE user_id = $1", person.id);
}

/* A body of nothing but brackets would become many objects. */
static void what_means_nothing_is_not_kept(void)
{
  char *body = malloc(LONG + 16);
  need(body != NULL, "no memory");
  size_t length = (size_t)snprintf(body, LONG, "{\"question\":[{}");
  for (; length < LONG; length += 3)
    memcpy(body + length, ",{}", 3);
  memcpy(body + length, "]}", 3);
  forget_peaks();
  ANSWER answer = post("~/chats", world.siswa.token, body);
  free(body);
  (void)check_field("a question of brackets", &answer, 422, "invalid", "question");
  check_peaks("brackets");
}

/* ---- Slow readers ---- */

static void slow_readers_get_all_of_it(void)
{
  unsigned char request[FASTCGI_REQUEST_MAX];
  int fds[SLOW];
  reader = world_person("siswa");
  (void)make_chats(&reader, CHATS, "abcdefghij", LONG / 10);
  TEXT path = document("/api/v1/users/%lld/chats?limit=100", reader.id);
  const size_t length = fastcgi_request(path, world.service, request);
  forget_peaks();
  for (int i = 0; i < SLOW; i++) {
    fds[i] = fastcgi_connect();
    CHECK(fastcgi_send(fds[i], request, length), "a connection was closed");
  }
  (void)sleep(1);
  ANSWER other = get("~/auth/session", world.siswa.token);
  (void)check_status("somebody else meanwhile", &other, 200);
  for (int i = 0; i < SLOW; i++) {
    (void)check_number("a slow reader", fastcgi_status(fds[i]), 200);
    close(fds[i]);
  }
  check_peaks("slow readers");
  (void)sql_number("DELETE FROM chat_history WHERE user_id = $1", reader.id);
}

CU_TestInfo suite_bulk[] = {{"long texts come in several pages", long_texts_come_in_several_pages},
                            {"texts of control characters too", texts_of_control_characters_too},
                            {"a page behind others ends early, too", a_page_behind_others_ends_early_too},
                            {"large bodies wait outside", large_bodies_wait_outside},
                            {"what means nothing is not kept", what_means_nothing_is_not_kept},
                            {"slow readers get all of it", slow_readers_get_all_of_it},
                            CU_TEST_INFO_NULL};
