/* While the database is away the marker stands and nginx answers by itself; the prober puts it up and takes it down. */
#include <libpq-fe.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { HEADER_SIZE = 512, READS = 20, AWAY_REQUESTS = 40, SERVERS_MAX = 256 };

/* What is promised, and as much again and more for a machine that does other things besides. */
#define NOTICE_SECONDS 0.5 /* 0.1 s from the last success to the first 503 */
#define BACK_SECONDS 2.0   /* 1 s from the server's return to the first 200 */
#define HANG_SECONDS 6.0   /* 3 s until a server that hangs counts as away */
#define HEALTH_SECONDS 1.0 /* 50 ms for /health */
#define MOMENT_SECONDS 5.0
#define SLOW_SECONDS 5.0 /* more than the prober's patience */

static bool is_unmarked(void)
{
  return !stack_marked();
}

static bool is_back(void)
{
  ANSWER answer = get("~/subjects", world.siswa.token);
  return answer.status == 200;
}

static void signal_servers(size_t most, int signal)
{
  pid_t servers[SERVERS_MAX];
  const size_t count = stack_servers(servers, SERVERS_MAX);
  for (size_t i = 0; i < count && i < most; i++)
    (void)kill(servers[i], signal); /* a backend may have ended by itself */
}

static json_object *prober_member(json_object *status, const char *name)
{
  json_object *prober = NULL, *member = NULL;
  json_object_object_get_ex(status, "prober", &prober);
  json_object_object_get_ex(prober, name, &member);
  return member;
}

static void killed_it_is_missed_at_once(void)
{
  double last = stack_clock();
  long status = 200;
  for (int i = 0; status == 200; i++) {
    ANSWER answer = get("~/subjects", world.siswa.token);
    status = answer.status;
    if (status == 200)
      last = stack_clock();
    if (i == READS)
      signal_servers(1, SIGKILL);
  }
  const double took = stack_clock() - last;
  printf("\n    first 503 after %.0f ms ", took * 1000);
  (void)check_number("the first answer after the last success", status, 503);
  CHECK(took <= NOTICE_SECONDS, "it took %.3f s", took);
  CHECK(stack_wait(stack_marked, NOTICE_SECONDS), "there is no marker");
}

/* Sum of the workers' finished requests. */
static long long requests_served(void)
{
  static const char NAME[] = "\nlontar_requests_total{";
  ANSWER answer = get("/metrics", NULL);
  long long sum = 0;
  (void)check_status("/metrics", &answer, 200);
  for (const char *at = answer.body; (at = strstr(at, NAME)); at++)
    sum += strtoll(strchr(at, '}') + 1, NULL, 10);
  return sum;
}

static void check_marker_answer(const char *label, const struct answer *answer)
{
  char text[HEADER_SIZE];
  (void)check_status(label, answer, 503);
  (void)check_text(label, answer_header(answer, "Content-Type", text, sizeof text), "application/problem+json");
  (void)check_text(label, answer_header(answer, "Retry-After", text, sizeof text), "1");
  (void)check_text(label, answer_header(answer, "Cache-Control", text, sizeof text), "no-store");
  CHECK(*answer_header(answer, "X-Request-Id", text, sizeof text) != '\0', "%s: there is no X-Request-Id", label);
}

static void check_marker_body(const char *label, const struct answer *answer)
{
  (void)check_members(label, answer->json, "type title status code expires_at");
  (void)check_text(label, answer_text(answer, "code"), "unavailable");
  (void)check_text(label, answer_text(answer, "title"), "Database temporarily unavailable");
  (void)check_time(label, answer->json, "expires_at");
}

static void the_answers_come_from_nginx(void)
{
  const long long before = requests_served();
  for (int i = 0; i < AWAY_REQUESTS; i += 4) {
    ANSWER read = get("~/subjects", world.siswa.token);
    check_marker_answer("a read", &read);
    check_marker_body("a read", &read);
    ANSWER write = post("~/chats", world.service, "{\"question\": \"Apa?\"}");
    check_marker_answer("a write", &write);
    check_marker_body("a write", &write);
    ANSWER head = request("HEAD", "~/subjects", world.siswa.token, NULL);
    check_marker_answer("HEAD", &head);
    (void)check_number("HEAD", (long long)head.length, 0);
    ANSWER erased = erase("~/nothing", NULL);
    check_marker_answer("an unknown path", &erased);
  }
  (void)check_number("requests that reached the workers, the first for /metrics included", requests_served() - before,
                     1);
}

static void check_page(const char *method, const char *language, const char *heading)
{
  char header[HEADER_SIZE], text[HEADER_SIZE], id[HEADER_SIZE];
  (void)snprintf(header, sizeof header, "Accept: text/html,application/xhtml+xml,*/*;q=0.8\nAccept-Language: %s",
                 language);
  ANSWER answer = request_with(method, "~/subjects", NULL, "{}", 2, header);
  (void)check_status(language, &answer, 503);
  (void)check_text(language, answer_header(&answer, "Content-Type", text, sizeof text), "text/html; charset=utf-8");
  (void)check_text(language, answer_header(&answer, "Retry-After", text, sizeof text), "1");
  (void)check_text(language, answer_header(&answer, "Cache-Control", text, sizeof text), "no-store");
  CHECK(strstr(answer_header(&answer, "Content-Security-Policy", text, sizeof text), "default-src 'none'") != NULL,
        "%s: got Content-Security-Policy \"%s\"", language, text);
  CHECK(strstr(answer.body, heading) != NULL, "%s: the page has no \"%s\": %.300s", language, heading, answer.body);
  CHECK(strstr(answer.body, answer_header(&answer, "X-Request-Id", id, sizeof id)) != NULL,
        "%s: the page does not tell the request's id %s", language, id);
  CHECK(strstr(answer.body, "data-retry=\"1\"") != NULL, "%s: the page does not know when to ask again", language);
  CHECK(strstr(answer.body, "<!--#") == NULL && strstr(answer.body, "(none)") == NULL, "%s: it is not filled in",
        language);
  CHECK(strstr(answer.body, "http://") == NULL && strstr(answer.body, "https://") == NULL,
        "%s: the page needs something from elsewhere", language);
}

static void browsers_get_a_page_in_their_language(void)
{
  check_page("GET", "en-GB,en;q=0.9,id;q=0.8", "<h1>Back in a moment</h1>");
  check_page("GET", "id-ID,id;q=0.9,en;q=0.8", "<h1>Sebentar lagi kembali</h1>");
  check_page("GET", "fr,jv;q=0.9,en;q=0.8", "<html lang=\"id\">");
  check_page("GET", "fr", "<html lang=\"en\">");
  check_page("POST", "id", "<html lang=\"id\">");
  ANSWER json = request_with("GET", "~/subjects", NULL, NULL, 0, "Accept: application/json, text/html");
  check_marker_answer("who names JSON first", &json);
  ANSWER none = request_with("GET", "~/subjects", NULL, NULL, 0, "Accept: text/html;q=0, */*");
  check_marker_answer("who takes no page", &none);
}

/* RFC 3339 in UTC as seconds. */
static double seconds_of(const char *text)
{
  struct tm parts = {0};
  const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
  need(rest != NULL, "a time in status.json cannot be read");
  return (double)timegm(&parts) + (*rest == '.' ? strtod(rest, NULL) : 0);
}

static bool is_told_down(void)
{
  json_object *status = stack_status();
  const char *word = json_object_get_string(prober_member(status, "database"));
  const bool down = word != NULL && strcmp(word, "down") == 0;
  json_object_put(status);
  return down;
}

/* Retry-After says 1; so the next probe must be within a second, whenever one looks. */
static void the_next_probe_is_within_a_second(void)
{
  CHECK(stack_wait(is_told_down, MOMENT_SECONDS), "status.json: the prober does not say down");
  for (int i = 0; i < 3; i++) {
    json_object *status = stack_status(), *time = NULL;
    json_object_object_get_ex(status, "time", &time);
    const char *next = json_object_get_string(prober_member(status, "next_probe_at"));
    if (CHECK(next != NULL, "status.json tells no next probe"))
      CHECK(seconds_of(next) - seconds_of(json_object_get_string(time)) <= 1, "the next probe is at %s", next);
    json_object_put(status);
    (void)nanosleep(&(struct timespec){.tv_nsec = 700000000}, NULL);
  }
}

static void check_told(const char *path, long status, const char *type, const char *words)
{
  char text[HEADER_SIZE];
  const double begin = stack_clock();
  ANSWER answer = get(path, NULL);
  const double took = stack_clock() - begin;
  (void)check_status(path, &answer, status);
  (void)check_text(path, answer_header(&answer, "Content-Type", text, sizeof text), type);
  CHECK(strstr(answer.body, words) != NULL, "%s: no \"%s\" in: %.500s", path, words, answer.body);
  CHECK(took <= HEALTH_SECONDS, "%s: it took %.3f s", path, took);
}

static void health_is_told_meanwhile(void)
{
  check_told("/health", 503, "application/health+json", "The database has been unavailable for ");
  check_told("/health/ready", 503, "application/json", "\"fail\"");
  check_told("/health/live", 200, "application/json", "\"pass\"");
  check_told("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "\nlontar_marker 1\n");
}

static int prober_pid(void)
{
  json_object *status = stack_status();
  const int pid = json_object_get_int(prober_member(status, "pid"));
  json_object_put(status);
  return pid;
}

static int killed_prober;

static bool is_prober_replaced(void)
{
  const int pid = prober_pid();
  return pid > 0 && pid != killed_prober && stack_marked();
}

static void a_killed_prober_is_replaced(void)
{
  killed_prober = prober_pid();
  need(killed_prober > 1 && kill(killed_prober, SIGKILL) == 0, "there is no prober");
  CHECK(stack_wait(is_prober_replaced, MOMENT_SECONDS), "there is no new prober, or no new marker");
}

static void check_back(const char *label)
{
  const double begin = stack_clock();
  const bool back = stack_wait(is_back, MOMENT_SECONDS);
  const double took = stack_clock() - begin;
  printf("\n    %s: first 200 after %.0f ms ", label, took * 1000);
  CHECK(back && took <= BACK_SECONDS, "%s: the first 200 took %.3f s", label, took);
  CHECK(stack_wait(is_unmarked, MOMENT_SECONDS), "%s: the marker still stands", label);
}

static void with_the_server_back_it_answers(void)
{
  stack_database("start");
  check_back("server started");
}

static void a_server_that_hangs_is_away(void)
{
  signal_servers(SERVERS_MAX, SIGSTOP);
  const double begin = stack_clock();
  CHECK(stack_wait(stack_marked, HANG_SECONDS), "there is no marker");
  printf("\n    hanging server noticed after %.0f ms ", (stack_clock() - begin) * 1000);
  ANSWER answer = get("~/subjects", world.siswa.token);
  check_marker_answer("while it hangs", &answer);
  health_is_told_meanwhile();
  signal_servers(SERVERS_MAX, SIGCONT);
  check_back("server goes on");
}

/* A server that lets nobody in, as a busy one does for a while: the prober's new connection is silent, and so is the
 * one that follows a lost one, but the others get their answers. */
static void a_server_that_is_slow_to_let_in_is_not_away(void)
{
  pid_t postmaster;
  struct crowd crowd = {.connections = 8, .seconds = SLOW_SECONDS, .reads_only = true};
  const pid_t victim = (pid_t)sql_number("SELECT min(pid) FROM pg_stat_activity WHERE application_name ~ '/[01] '"
                                         " AND $1 > 0",
                                         1);
  (void)stack_servers(&postmaster, 1);
  (void)kill(postmaster, SIGSTOP);
  (void)kill(victim, SIGTERM);
  crowd_run(&crowd);
  CHECK(!stack_marked(), "the marker stands");
  (void)kill(postmaster, SIGCONT);
  crowd_check("while nobody is let in", &crowd);
}

static void run_sql(const char *statement, ...) __attribute__((sentinel));
static void run_sql(const char *statement, ...)
{
  PGconn *connection = sql_connect();
  va_list rest;
  va_start(rest, statement);
  for (; statement; statement = va_arg(rest, const char *))
    PQclear(PQexec(connection, statement));
  va_end(rest);
  PQfinish(connection);
}

static void a_server_that_takes_no_writes_is_away(void)
{
  run_sql("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()", NULL);
  CHECK(stack_wait(stack_marked, MOMENT_SECONDS), "there is no marker");
  check_told("/health", 503, "application/health+json", "the server takes no writes");
  run_sql("SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only",
          "SELECT pg_reload_conf()", NULL);
  check_back("server takes writes again");
}

/* The prober can not come in any more, yet the workers have their connections. */
static void a_server_that_is_full_is_not_away(void)
{
  run_sql("ALTER ROLE lontar_daemon CONNECTION LIMIT 1",
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'lontard/prober%'", NULL);
  for (int i = 0; i < READS; i++) {
    ANSWER answer = get("~/subjects", world.siswa.token);
    (void)check_status("while the prober is shut out", &answer, 200);
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  }
  CHECK(!stack_marked(), "the marker stands");
  run_sql("ALTER ROLE lontar_daemon CONNECTION LIMIT -1", NULL);
}

static char marker_path[512];

/* A folder in the marker's place is removed by nobody who removes files, not even by root; nginx does not see it. */
static void block_marker(void)
{
  (void)snprintf(marker_path, sizeof marker_path, "%s/unavailable", need_environment("LONTAR_RUN_DIR"));
  for (int i = 0; i < 10 && mkdir(marker_path, 0755) != 0; i++)
    (void)unlink(marker_path);
}

static void put_marker(void)
{
  FILE *file = fopen(marker_path, "we");
  need(file != NULL && fclose(file) == 0, "the marker cannot be written");
}

static int times_in_log(long begin, const char *words)
{
  int count = 0;
  for (const char *at = stack_log_since(begin); (at = strstr(at, words)) != NULL; at++)
    count++;
  return count;
}

static long log_begin;

static bool is_failure_told(void)
{
  return times_in_log(log_begin, "cannot be removed") > 0;
}

static void a_marker_is_removed_as_soon_as_it_can_be(void)
{
  log_begin = stack_log_end();
  stack_database("stop");
  CHECK(stack_wait(stack_marked, MOMENT_SECONDS), "there is no marker");
  block_marker();
  stack_database("start");
  CHECK(stack_wait(is_back, MOMENT_SECONDS), "requests are not answered while the marker is a folder");
  CHECK(stack_wait(is_failure_told, MOMENT_SECONDS), "that the marker cannot be removed is not logged");
  (void)nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
  (void)check_number("it is logged", times_in_log(log_begin, "cannot be removed"), 1);
  CHECK(rmdir(marker_path) == 0, "the marker was no folder any more");
  put_marker();
  CHECK(stack_wait(is_unmarked, BACK_SECONDS), "the marker stands");
  CHECK(stack_wait(is_back, BACK_SECONDS), "requests are not answered");
  (void)check_number("it is logged", times_in_log(log_begin, "is removed now"), 1);
}

/* Somebody else's, which is nobody's to remove. */
static void a_marker_is_told_by_whom_nginx_does_not_ask(void)
{
  put_marker();
  check_told("/health", 503, "application/health+json", "the marker stands, for which nginx answers 503");
  check_told("/health/ready", 503, "application/json", "\"fail\"");
  check_told("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "\nlontar_marker 1\n");
  CHECK(unlink(marker_path) == 0, "the marker is gone");
  check_told("/health/ready", 200, "application/json", "\"pass\"");
}

CU_TestInfo suite_prober[] = {
    {"killed, it is missed at once", killed_it_is_missed_at_once},
    {"the answers come from nginx", the_answers_come_from_nginx},
    {"browsers get a page in their language", browsers_get_a_page_in_their_language},
    {"the next probe is within a second", the_next_probe_is_within_a_second},
    {"health is told meanwhile", health_is_told_meanwhile},
    {"a killed prober is replaced", a_killed_prober_is_replaced},
    {"with the server back it answers", with_the_server_back_it_answers},
    {"a server that hangs is away", a_server_that_hangs_is_away},
    {"a server that is slow to let in is not away", a_server_that_is_slow_to_let_in_is_not_away},
    {"a server that takes no writes is away", a_server_that_takes_no_writes_is_away},
    {"a server that is full is not away", a_server_that_is_full_is_not_away},
    {"a marker is removed as soon as it can be", a_marker_is_removed_as_soon_as_it_can_be},
    {"a marker is told by whom nginx does not ask", a_marker_is_told_by_whom_nginx_does_not_ask},
    CU_TEST_INFO_NULL};
