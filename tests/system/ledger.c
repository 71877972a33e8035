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

enum { PARTIES = 16, WRITERS = 8, ENTRIES = 200000, TURN_MS = 5 };

#define PAUSE_AFTER_REFUSAL 0.02
#define END_SECONDS 30

struct party {
  struct transfer transfer;
  bool busy;
  int entry;  /* in the book; -1 for a reader */
  double due; /* when it asks again */
};

struct ledger ledger;

static bool acknowledged[ENTRIES];
static int entries;
static struct party parties[PARTIES];
static CURLM *multi;
static double last_write;

static void ask(struct party *party, bool writes)
{
  TEXT path = expand(writes ? "~/chats" : "~/subjects/<subject>");
  TEXT body = NULL;
  party->entry = writes ? entries++ : -1;
  need(entries < ENTRIES, "the ledger is full");
  if (writes)
    body = document("{\"question\": \"Buku %d\", \"response\": \"Jawaban %d\"}", party->entry, party->entry);
  transfer_prepare(&party->transfer, writes ? "POST" : "GET", path, world.siswa.token, body);
  party->busy = true;
  curl_multi_add_handle(multi, party->transfer.curl);
}

static void note_write(int entry)
{
  double now = stack_clock();
  acknowledged[entry] = true;
  if (now - last_write > ledger.pause) {
    ledger.pause = now - last_write;
    ledger.resumed = now;
  }
  last_write = now;
}

static void count(const struct party *party, long status)
{
  bool writes = party->entry >= 0;
  if (status == 201 && writes) {
    note_write(party->entry);
    ledger.writes++;
  } else if (status == 200 && !writes) {
    ledger.reads++;
  } else if (status == 503) {
    *(writes ? &ledger.writes_unavailable : &ledger.reads_unavailable) += 1;
  } else if (status == 504) {
    *(writes ? &ledger.writes_late : &ledger.reads_late) += 1;
  } else {
    ledger.others++;
    ledger.status = status;
  }
}

static void take_answers(void)
{
  int rest;
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &rest));) {
    struct transfer *transfer = NULL;
    bool arrived = message->data.result == CURLE_OK;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    struct party *party = (struct party *)(void *)transfer; /* its first member */
    transfer_finish(transfer);
    long status = arrived ? transfer->answer.status : 0;
    count(party, status);
    party->busy = false;
    party->due = stack_clock() + (status < 300 ? 0 : PAUSE_AFTER_REFUSAL);
    curl_multi_remove_handle(multi, transfer->curl);
    transfer_free(transfer);
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
  if (busy)
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

void ledger_close(void)
{
  double end = stack_clock() + END_SECONDS;
  while (turn(false))
    need(stack_clock() < end, "a request has no answer");
  curl_multi_cleanup(multi);
}

/* How often each entry is in the database, with the text it should have. */
static PGresult *read_database(PGconn *database)
{
  char user[32];
  const char *values[] = {user};
  (void)snprintf(user, sizeof user, "%lld", world.siswa.id);
  PGresult *result = PQexecParams(database,
                                  "SELECT substring(question FROM 6), count(*) FROM chat_history WHERE user_id = $1"
                                  " AND question LIKE 'Buku %' AND response = 'Jawaban ' || substring(question FROM 6)"
                                  " GROUP BY 1",
                                  1, NULL, values, NULL, NULL, 0);
  need(PQresultStatus(result) == PGRES_TUPLES_OK, PQerrorMessage(database));
  return result;
}

void ledger_check(const char *label, PGconn *database)
{
  static bool found[ENTRIES];
  long long lost = 0;
  long long doubled = 0;
  PGresult *result = read_database(database);
  memset(found, 0, sizeof found);
  for (int i = 0; i < PQntuples(result); i++) {
    long entry = strtol(PQgetvalue(result, i, 0), NULL, 10);
    found[entry] = true;
    doubled += strcmp(PQgetvalue(result, i, 1), "1") != 0;
  }
  PQclear(result);
  for (int i = 0; i < entries; i++)
    lost += acknowledged[i] && !found[i];
  CHECK(lost == 0, "%s: %lld acknowledged chats are lost", label, lost);
  CHECK(doubled == 0, "%s: %lld chats are there more than once", label, doubled);
  CHECK(ledger.others == 0, "%s: %zu answers were other than success, 503 or 504, for example %ld", label,
        ledger.others, ledger.status);
}
