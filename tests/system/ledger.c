/* Keeps readers and writers busy, and their book. */
#include "system/ledger.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/stack.h"
#include "system/world.h"

enum { PARTIES = 16, WRITERS = 8, FIRST_ENTRIES = 1024, TURN_MS = 5, EXAMPLES = 10 };

#define PAUSE_AFTER_REFUSAL 0.02
#define END_SECONDS 30

struct party {
  struct transfer transfer;
  bool busy;
  int entry;     /* in the book; -1 for a reader */
  double begun;  /* the request that is under way */
  double due;    /* when it asks again */
  double served; /* when the last request began, if it was a success; else 0 */
};

struct entry {
  long long id; /* 0 while it is not acknowledged */
  double when;
  bool found;
};

struct ledger ledger;
bool (*ledger_watch)(const struct ledger_event *event);
double ledger_pace;

static struct entry *entries;
static int entry_count;
static struct party parties[PARTIES];
static CURLM *multi;
static double last_write;

static int new_entry(void)
{
  static int room;
  if (entry_count == room) {
    room = room == 0 ? FIRST_ENTRIES : 2 * room;
    entries = realloc(entries, (size_t)room * sizeof *entries);
    need(entries != NULL, "no memory");
  }
  entries[entry_count] = (struct entry){0};
  return entry_count++;
}

static void ask(struct party *party, bool writes)
{
  TEXT path = expand(writes ? "~/chats" : "~/subjects/<subject>");
  TEXT body = NULL;
  party->entry = writes ? new_entry() : -1;
  if (writes)
    body = document("{\"question\": \"Buku %d\", \"response\": \"Jawaban %d\"}", party->entry, party->entry);
  transfer_prepare(&party->transfer, writes ? "POST" : "GET", path, world.siswa.token, body);
  if (writes)
    transfer_once(&party->transfer, body);
  party->busy = true;
  party->begun = stack_clock();
  curl_multi_add_handle(multi, party->transfer.curl);
}

static void note_write(int entry, long long id)
{
  double now = stack_clock();
  entries[entry].id = id;
  entries[entry].when = now;
  if (now - last_write > ledger.pause) {
    ledger.pause = now - last_write;
    ledger.resumed = now;
  }
  last_write = now;
}

static void count(const struct party *party, const struct ledger_event *event)
{
  const bool excused = ledger_watch && ledger_watch(event);
  if (event->success && event->writes) {
    note_write(party->entry, answer_number(&party->transfer.answer, "id"));
    ledger.writes++;
  } else if (event->success) {
    ledger.reads++;
  } else if (event->status == 503) {
    *(event->writes ? &ledger.writes_unavailable : &ledger.reads_unavailable) += 1;
  } else if (event->status == 504) {
    *(event->writes ? &ledger.writes_late : &ledger.reads_late) += 1;
  } else if (!excused) {
    ledger.others++;
    ledger.status = event->status;
  }
}

static void take_answer(struct party *party, CURLcode result)
{
  transfer_finish(&party->transfer);
  const long status = result == CURLE_OK ? party->transfer.answer.status : 0;
  const struct ledger_event event = {.writes = party->entry >= 0,
                                     .success = status == (party->entry >= 0 ? 201 : 200),
                                     .cut = result != CURLE_OK && result != CURLE_OPERATION_TIMEDOUT,
                                     .status = status,
                                     .why = result == CURLE_OK ? NULL : curl_easy_strerror(result),
                                     .begun = party->begun,
                                     .ended = stack_clock()};
  count(party, &event);
  party->busy = false;
  party->due = event.ended + (event.success ? ledger_pace : PAUSE_AFTER_REFUSAL);
  party->served = event.success ? event.begun : 0;
  curl_multi_remove_handle(multi, party->transfer.curl);
  transfer_free(&party->transfer);
}

static void take_answers(void)
{
  int rest;
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &rest));) {
    struct transfer *transfer = NULL;
    const CURLcode result = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    take_answer((struct party *)(void *)transfer, result); /* its first member */
  }
}

/* One round; true while anything is under way. */
static bool turn(bool asks)
{
  int running = 0;
  bool busy = false;
  for (int i = 0; i < PARTIES; i++)
    if (asks && !parties[i].busy && stack_clock() >= parties[i].due)
      ask(&parties[i], i < WRITERS);
  need(curl_multi_perform(multi, &running) == CURLM_OK, "libcurl fails");
  take_answers();
  for (int i = 0; i < PARTIES; i++)
    busy |= parties[i].busy;
  if (busy || asks)
    curl_multi_poll(multi, NULL, 0, TURN_MS, NULL);
  return busy;
}

void ledger_open(void)
{
  ledger = (struct ledger){0};
  last_write = stack_clock();
  multi = curl_multi_init();
  need(multi != NULL, "no memory");
}

bool ledger_run(bool (*condition)(void), double seconds)
{
  double end = stack_clock() + seconds;
  while (condition == NULL || !condition()) {
    if (stack_clock() >= end)
      return false;
    (void)turn(true);
  }
  return true;
}

bool ledger_serves(double since)
{
  for (int i = 0; i < PARTIES; i++)
    if (parties[i].served < since)
      return false;
  return true;
}

void ledger_close(void)
{
  double end = stack_clock() + END_SECONDS;
  while (turn(false))
    need(stack_clock() < end, "a request has no answer");
  curl_multi_cleanup(multi);
}

size_t ledger_excuse(double from, double until)
{
  size_t excused = 0;
  for (int i = 0; i < entry_count; i++) {
    if (entries[i].id == 0 || entries[i].when < from || entries[i].when >= until)
      continue;
    entries[i].id = 0;
    excused++;
  }
  return excused;
}

/* How often each entry is in the database, with the text it should have, and its id. */
static PGresult *read_database(PGconn *database)
{
  char user[32];
  const char *values[] = {user};
  (void)snprintf(user, sizeof user, "%lld", world.siswa.id);
  PGresult *result = PQexecParams(database,
                                  "SELECT substring(question FROM 6), count(*), min(id) FROM chat_history"
                                  " WHERE user_id = $1 AND question LIKE 'Buku %'"
                                  " AND response = 'Jawaban ' || substring(question FROM 6) GROUP BY 1",
                                  1, NULL, values, NULL, NULL, 0);
  need(PQresultStatus(result) == PGRES_TUPLES_OK, PQerrorMessage(database));
  return result;
}

/* Returns how many are there more than once. */
static long long find_entries(PGresult *result)
{
  long long doubled = 0;
  for (int i = 0; i < entry_count; i++)
    entries[i].found = false;
  for (int i = 0; i < PQntuples(result); i++) {
    struct entry *entry = &entries[strtol(PQgetvalue(result, i, 0), NULL, 10)];
    const long long id = strtoll(PQgetvalue(result, i, 2), NULL, 10);
    entry->found = entry->id == 0 || entry->id == id;
    if (strcmp(PQgetvalue(result, i, 1), "1") == 0)
      continue;
    if (doubled++ < EXAMPLES)
      printf("    chat %lld (entry %ld) is there %s times\n", id, (long)(entry - entries), PQgetvalue(result, i, 1));
  }
  return doubled;
}

static long long count_lost(void)
{
  long long lost = 0;
  for (int i = 0; i < entry_count; i++) {
    if (entries[i].id == 0 || entries[i].found)
      continue;
    if (lost++ < EXAMPLES)
      printf("    chat %lld (entry %d), acknowledged at %.3f, is lost\n", entries[i].id, i, entries[i].when);
  }
  return lost;
}

void ledger_check(const char *label, PGconn *database)
{
  PGresult *result = read_database(database);
  const long long doubled = find_entries(result);
  const long long lost = count_lost();
  PQclear(result);
  CHECK(lost == 0, "%s: %lld acknowledged chats are lost", label, lost);
  CHECK(doubled == 0, "%s: %lld chats are there more than once", label, doubled);
  CHECK(ledger.others == 0, "%s: %zu answers were other than success, 503 or 504, for example %ld", label,
        ledger.others, ledger.status);
}
