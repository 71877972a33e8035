/* Runs many kept connections at once and counts what they are answered. */
#include "system/crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "system/check.h"
#include "system/client.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum {
  CONNECTIONS = 1000,
  EACH = 12,
  SPARE_FILES = 200,
  POLL_MS = 1000,
  TURN_MS = 5,
  CREATED = 201,
  UNAVAILABLE = 503
};

struct part {
  struct transfer transfer;
  struct crowd *crowd;
  long wanted;
};

static void part_prepare(struct part *part, struct crowd *crowd, size_t index)
{
  static const struct {
    const char *method;
    const char *path;
    const char *body;
    long status;
  } kinds[] = {{"GET", "~/subjects/<subject>", NULL, 200},
               {"GET", "~/users/<siswa>/chats?limit=10", NULL, 200},
               {"GET", "~/auth/session", NULL, 200},
               {"POST", "~/chats", "{\"question\": \"Apa?\", \"response\": \"Itu.\"}", 201}};
  size_t kind = index % (sizeof kinds / sizeof kinds[0] - crowd->reads_only);
  TEXT path = expand(kinds[kind].path);
  part->crowd = crowd;
  part->wanted = kinds[kind].status;
  transfer_prepare(&part->transfer, kinds[kind].method, path, world.siswa.token, kinds[kind].body);
}

/* The ledger: what the writes of the last run made. */
static long long *ids;

static void count_write(struct crowd *crowd, long long id)
{
  if ((crowd->writes & (crowd->writes - 1)) == 0) { /* its room doubles */
    ids = realloc(ids, 2 * (crowd->writes + 1) * sizeof *ids);
    need(ids != NULL, "no memory");
  }
  ids[crowd->writes++] = id;
}

static void count_answer(struct part *part, CURLcode result)
{
  struct crowd *crowd = part->crowd;
  long connects = 0;
  double took = 0;
  transfer_finish(&part->transfer);
  curl_easy_getinfo(part->transfer.curl, CURLINFO_TOTAL_TIME, &took);
  if (took > crowd->slowest)
    crowd->slowest = took;
  curl_easy_getinfo(part->transfer.curl, CURLINFO_NUM_CONNECTS, &connects);
  crowd->connects += (size_t)connects;
  if (result != CURLE_OK) {
    crowd->lost++;
  } else if (part->transfer.answer.status != part->wanted) {
    crowd->refused++;
    crowd->unavailable += part->transfer.answer.status == UNAVAILABLE;
    crowd->status = part->transfer.answer.status;
  } else {
    crowd->answered++;
    if (part->wanted == CREATED)
      count_write(crowd, answer_number(&part->transfer.answer, "id"));
    else
      crowd->reads++;
  }
}

/* Whether one more request is to be sent. */
static bool goes_on(struct crowd *crowd, size_t *left, double end)
{
  if (crowd->enough) {
    crowd->requests -= *left;
    *left = 0;
    return false;
  }
  if (crowd->seconds > 0) {
    bool more = stack_clock() < end;
    crowd->requests += more;
    return more;
  }
  if (*left == 0)
    return false;
  --*left;
  return true;
}

/* Takes the finished transfers and sends them again while requests are left. Returns how many were sent again. */
static size_t take_finished(CURLM *multi, struct crowd *crowd, size_t *left, double end)
{
  size_t again = 0;
  int rest;
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &rest));) {
    CURLcode result = message->data.result;
    CURL *curl = message->easy_handle;
    struct transfer *transfer = NULL;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &transfer);
    struct part *part = (struct part *)(void *)transfer; /* its first member */
    count_answer(part, result);
    if (crowd->after)
      crowd->after(crowd->answered + crowd->refused + crowd->lost);
    curl_multi_remove_handle(multi, curl);
    transfer_again(transfer);
    if (!goes_on(crowd, left, end))
      continue;
    again++;
    curl_multi_add_handle(multi, curl);
  }
  return again;
}

void crowd_allow_files(size_t count)
{
  struct rlimit limit;
  count += SPARE_FILES;
  need(getrlimit(RLIMIT_NOFILE, &limit) == 0, "cannot read the limit of open files");
  if (limit.rlim_cur >= count)
    return;
  limit.rlim_cur = count;
  need(limit.rlim_max >= count && setrlimit(RLIMIT_NOFILE, &limit) == 0, "too few open files are allowed (ulimit -n)");
}

void crowd_run(struct crowd *crowd)
{
  crowd_allow_files(crowd->connections);
  CURLM *multi = curl_multi_init();
  struct part *parts = calloc(crowd->connections, sizeof *parts);
  need(multi != NULL && parts != NULL, "no memory");
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)crowd->connections);
  size_t left = crowd->seconds > 0 ? 0 : crowd->requests - crowd->connections;
  double end = stack_clock() + crowd->seconds;
  crowd->requests = crowd->seconds > 0 ? crowd->connections : crowd->requests;
  for (size_t i = 0; i < crowd->connections; i++) {
    part_prepare(&parts[i], crowd, i);
    curl_multi_add_handle(multi, parts[i].transfer.curl);
  }
  int running = 1;
  while (running > 0) {
    need(curl_multi_perform(multi, &running) == CURLM_OK, "libcurl fails");
    running += (int)take_finished(multi, crowd, &left, end);
    if (crowd->turn)
      crowd->turn();
    if (running > 0)
      curl_multi_poll(multi, NULL, 0, crowd->turn ? TURN_MS : POLL_MS, NULL);
  }
  for (size_t i = 0; i < crowd->connections; i++)
    transfer_free(&parts[i].transfer);
  free(parts);
  curl_multi_cleanup(multi);
}

void crowd_check(const char *label, const struct crowd *crowd)
{
  CHECK(crowd->refused == 0, "%s: %zu refused, for example with %ld", label, crowd->refused, crowd->status);
  CHECK(crowd->lost == 0, "%s: %zu without an answer", label, crowd->lost);
  CHECK(crowd->answered == crowd->requests, "%s: %zu answered of %zu", label, crowd->answered, crowd->requests);
}

long long crowd_newest(void)
{
  return sql_number("SELECT coalesce(max(id), 0) FROM chat_history WHERE $1 > 0", 1);
}

/* The numbers as an array literal. The caller frees it. */
static char *ids_text(const struct crowd *crowd)
{
  char *text = NULL;
  size_t length = 0;
  FILE *stream = open_memstream(&text, &length);
  need(stream != NULL, "no memory");
  for (size_t i = 0; i < crowd->writes; i++)
    fprintf(stream, "%c%lld", i == 0 ? '{' : ',', ids[i]);
  fputs(crowd->writes == 0 ? "{}" : "}", stream);
  fclose(stream);
  return text;
}

void crowd_check_ledger(const char *label, const struct crowd *crowd, long long newest_before)
{
  TEXT numbers = ids_text(crowd);
  const long long acknowledged = (long long)crowd->writes;
  const long long there = strtoll(
      sql("SELECT count(*) FROM chat_history WHERE id = ANY($1::bigint[]) AND question = 'Apa?'", numbers, NULL), NULL,
      10);
  const long long all =
      sql_number("SELECT count(*) FROM chat_history WHERE id > $1 AND question = 'Apa?'", newest_before);
  CHECK(there == acknowledged, "%s: of %lld acknowledged chats %lld are there", label, acknowledged, there);
  CHECK(all >= acknowledged && all <= acknowledged + (long long)(crowd->refused + crowd->lost),
        "%s: %lld chats were saved, %lld acknowledged", label, all, acknowledged);
}

static void a_thousand_connections_are_answered(void)
{
  long long before = crowd_newest();
  struct crowd crowd = {.connections = CONNECTIONS, .requests = CONNECTIONS * EACH};
  crowd_run(&crowd);
  crowd_check("1,000 connections", &crowd);
  CHECK(crowd.connects <= CONNECTIONS, "%zu connections were opened, want %d: they are not kept", crowd.connects,
        CONNECTIONS);
  crowd_check_ledger("1,000 connections", &crowd, before);
}

CU_TestInfo suite_crowd[] = {{"1,000 connections are answered", a_thousand_connections_are_answered},
                             CU_TEST_INFO_NULL};
