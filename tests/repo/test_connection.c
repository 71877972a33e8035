/* A worker's connection against a real server: what it finds first, what holds it up, and what it leaves behind. */
#include <arpa/inet.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "pool/connection.h"
#include "pool/trouble.h"
#include "repo.h"

#define DATABASE "connection_test"

enum { SLICE_MS = 5, WAIT = 10000000, CONNECT_TIMEOUT = 2000000 };

/* One connection in a loop, as pool/place.c has them, and what the last job was answered. */
static struct event_base *base;
static struct dialer *dialer;
static struct connection *connection;
static bool answered;
static enum lontar_error answer;
static enum trouble trouble;

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  repo_create_database(DATABASE);
  return repo_lontarctl(DATABASE, "migrate", out);
}

static void on_moved(void *owner)
{
  (void)owner;
}

static void on_job_done(void *owner, struct connection *its, struct job *job, enum lontar_error error,
                        const PGresult *result, bool again)
{
  (void)owner;
  (void)its;
  (void)job;
  answered = !again;
  answer = error;
  trouble = trouble_of(error, PQresultErrorField(result, PG_DIAG_SQLSTATE), true);
}

static void open_connection_with(const char *url, bool prepared_statements)
{
  const struct connection_owner owner = {on_job_done, on_moved, NULL};
  base = event_base_new();
  dialer = dialer_new(base, url);
  const struct connection_settings settings = {.dialer = dialer,
                                               .application_name = "lontard/test",
                                               .connect_timeout = CONNECT_TIMEOUT,
                                               .statement_timeout = CLOCK_SECOND,
                                               .prepared_statements = prepared_statements};
  connection = connection_open(&settings, &owner);
}

static void open_connection(const char *url)
{
  open_connection_with(url, true);
}

static void close_connection(void)
{
  struct job_list left = TAILQ_HEAD_INITIALIZER(left);
  connection_take_jobs(connection, &left);
  connection_free(connection);
  dialer_free(dialer);
  event_base_free(base);
}

/* One round of the loop. */
static void step(void)
{
  int wants = connection_wants(connection);
  struct pollfd ready = {
      .fd = connection_fd(connection),
      .events = (short)((wants & CONNECTION_READ ? POLLIN : 0) | (wants & CONNECTION_WRITE ? POLLOUT : 0))};
  (void)poll(&ready, 1, SLICE_MS);
  (void)event_base_loop(base, EVLOOP_NONBLOCK);
  (void)connection_step(connection);
}

static enum connection_state run_until_open(void)
{
  int64_t end = clock_steady() + WAIT;
  while (connection_state(connection) == CONNECTION_OPENING && clock_steady() < end)
    step();
  if (connection_state(connection) != CONNECTION_READY)
    printf("\n    %s\n", connection_message(connection));
  return connection_state(connection);
}

static void send_job(struct job *job, enum statement statement)
{
  struct values values = {0};
  *job = (struct job){.first.statement = statement};
  value_set_integer(&values.of[FIELD_id], 1);
  statement_bind(statement, &values, &job->first.parameters);
  answered = false;
  CU_ASSERT_TRUE(connection_send(connection, job));
  CU_ASSERT_TRUE(connection_sync(connection));
}

static enum lontar_error run_job(enum statement statement)
{
  struct job job;
  int64_t end = clock_steady() + WAIT;
  send_job(&job, statement);
  while (!answered && connection_state(connection) == CONNECTION_READY && clock_steady() < end)
    step();
  CU_ASSERT_TRUE(answered);
  return answer;
}

static const char *url(void)
{
  static char text[REPO_URL_SIZE];
  repo_url(DATABASE, "postgres", text);
  return text;
}

static PGconn *lock_subjects(void)
{
  PGconn *locker = repo_connect(DATABASE);
  repo_execute(locker, "BEGIN; LOCK TABLE subjects IN ACCESS EXCLUSIVE MODE");
  return locker;
}

static void a_locked_table_is_no_absent_database(void)
{
  PGconn *locker = lock_subjects();
  open_connection(url());
  CU_ASSERT_EQUAL_FATAL(run_until_open(), CONNECTION_READY);
  CU_ASSERT_EQUAL(run_job(STATEMENT_book_get), LONTAR_OK);
  CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_DEADLINE);
  PQfinish(locker);
  CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_OK);
  close_connection();
}

/* By the first statement that misses it; the session serves as soon as it is there. */
static void a_schema_that_was_not_migrated_is_told(void)
{
  static char out[REPO_TEXT_SIZE];
  char text[REPO_URL_SIZE];
  repo_url("connection_bare", "postgres", text);
  for (int prepared = 0; prepared < 2; prepared++) {
    repo_create_database("connection_bare");
    open_connection_with(text, prepared != 0);
    CU_ASSERT_EQUAL_FATAL(run_until_open(), CONNECTION_READY);
    CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_INTERNAL);
    CU_ASSERT_EQUAL(trouble, TROUBLE_SCHEMA);
    CU_ASSERT_EQUAL(repo_lontarctl("connection_bare", "migrate", out), 0);
    CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_OK);
    CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_OK);
    close_connection();
  }
}

/* And a backend that may be another for each segment is not known. */
static void without_prepared_statements_they_run_as_text(void)
{
  open_connection_with(url(), false);
  CU_ASSERT_EQUAL_FATAL(run_until_open(), CONNECTION_READY);
  CU_ASSERT_EQUAL(run_job(STATEMENT_book_get), LONTAR_OK);
  CU_ASSERT_EQUAL(run_job(STATEMENT_subject_delete), LONTAR_OK);
  CU_ASSERT_EQUAL(connection_backend(connection), 0);
  close_connection();
  open_connection(url());
  CU_ASSERT_EQUAL_FATAL(run_until_open(), CONNECTION_READY);
  CU_ASSERT_NOT_EQUAL(connection_backend(connection), 0);
  close_connection();
}

/* The first host accepts and says nothing; the second is the server. */
static void a_silent_server_does_not_keep_us_from_the_next(void)
{
  char text[REPO_URL_SIZE * 2];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, length), 0);
  CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&address, &length), 0);
  CU_ASSERT_EQUAL(listen(fd, 8), 0);
  (void)snprintf(text, sizeof text, "host=127.0.0.1,%s port=%d,%s user=postgres dbname=" DATABASE, getenv("PGHOST"),
                 ntohs(address.sin_port), getenv("PGPORT"));
  open_connection(text);
  CU_ASSERT_EQUAL(run_until_open(), CONNECTION_READY);
  CU_ASSERT_EQUAL(run_job(STATEMENT_book_get), LONTAR_OK);
  close_connection();
  close(fd);
}

/* Of several servers the one that takes writes is meant, unless the URL says otherwise. */
static void of_several_servers_one_must_take_writes(void)
{
  char text[REPO_URL_SIZE * 2];
  PGconn *superuser = repo_connect(DATABASE);
  repo_execute(superuser, "ALTER DATABASE " DATABASE " SET default_transaction_read_only = on");
  (void)snprintf(text, sizeof text, "host=%s,%s user=postgres dbname=" DATABASE, getenv("PGHOST"), getenv("PGHOST"));
  open_connection(text);
  CU_ASSERT_EQUAL(run_until_open(), CONNECTION_BROKEN);
  CU_ASSERT_STRING_EQUAL(connection_message(connection), "session is read-only");
  close_connection();
  (void)snprintf(text + strlen(text), sizeof text - strlen(text), " target_session_attrs=any");
  open_connection(text);
  CU_ASSERT_EQUAL(run_until_open(), CONNECTION_READY);
  close_connection();
  open_connection(url());
  CU_ASSERT_EQUAL(run_until_open(), CONNECTION_READY);
  close_connection();
  repo_execute(superuser, "ALTER DATABASE " DATABASE " RESET default_transaction_read_only");
  PQfinish(superuser);
}

/* A worker that waits for a lock, and never comes back. */
static pid_t start_doomed_worker(void)
{
  pid_t child = fork();
  if (child != 0)
    return child;
  struct job job;
  open_connection(url());
  while (connection_state(connection) == CONNECTION_OPENING)
    step();
  send_job(&job, STATEMENT_subject_get);
  while (true)
    step();
}

static bool wait_for_waiting_backends(PGconn *superuser, const char *count)
{
  int64_t end = clock_steady() + WAIT;
  while (clock_steady() < end)
    if (strcmp(repo_value(superuser, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lontard/test'"
                                     " AND wait_event_type = 'Lock' AND query LIKE '%FROM public.subjects%'"),
               count) == 0)
      return true;
  return false;
}

/* By itself it would wait for as long as its lock_timeout, which is a second here. */
static void a_killed_workers_backend_does_not_stay(void)
{
  PGconn *superuser = repo_connect(DATABASE);
  PGconn *locker = NULL;
  if (PQserverVersion(superuser) < 140000) {
    PQfinish(superuser);
    return;
  }
  locker = lock_subjects();
  pid_t child = start_doomed_worker();
  CU_ASSERT_TRUE(wait_for_waiting_backends(superuser, "1"));
  int64_t killed = clock_steady();
  (void)kill(child, SIGKILL);
  (void)waitpid(child, NULL, 0);
  CU_ASSERT_TRUE(wait_for_waiting_backends(superuser, "0"));
  int64_t took = clock_steady() - killed;
  printf("\n    the backend of a killed worker ended after %d ms\n", (int)(took / CLOCK_MILLISECOND));
  CU_ASSERT_TRUE(took < 700 * CLOCK_MILLISECOND);
  PQfinish(locker);
  PQfinish(superuser);
}

/* ---- What the commit says, and plans that no longer fit ---- */

#define DEFER(how) "ALTER TABLE chat_history ALTER CONSTRAINT chat_history_subject_id_fkey " how

static int undone;

static void on_one_done(void *owner, struct connection *its, struct job *job, enum lontar_error error,
                        const PGresult *result, bool again)
{
  (void)owner;
  (void)its;
  (void)job;
  (void)result;
  answered = true;
  answer = error;
  undone += again;
}

static void send_chat(struct job *job, int64_t subject)
{
  struct values values = {0};
  *job = (struct job){.first.statement = STATEMENT_chat_create};
  value_set_integer(&values.of[FIELD_user_id], 1);
  value_set_integer(&values.of[FIELD_subject_id], subject);
  value_set_text(&values.of[FIELD_question], "Apa?", 4);
  value_set_text(&values.of[FIELD_response], "Itu.", 4);
  statement_bind(job->first.statement, &values, &job->first.parameters);
  CU_ASSERT_TRUE(connection_send(connection, job));
}

static void run_until_empty(void)
{
  int64_t end = clock_steady() + WAIT;
  while (connection_oldest(connection) != NULL && connection_state(connection) == CONNECTION_READY &&
         clock_steady() < end)
    step();
}

/* Segments behind it are not blamed; of several jobs in it each is to be tried alone. */
static void a_commit_that_fails_is_its_segments(void)
{
  struct job jobs[5];
  PGconn *superuser = repo_connect(DATABASE);
  const struct connection_owner owner = {on_one_done, on_moved, NULL};
  repo_execute(superuser, DEFER("DEFERRABLE INITIALLY DEFERRED"));
  repo_execute(superuser, "INSERT INTO users (id, username, password_hash, role) VALUES (1, 'budi', 'x', 'siswa')");
  base = event_base_new();
  dialer = dialer_new(base, url());
  const struct connection_settings settings = {.dialer = dialer,
                                               .application_name = "lontard/test",
                                               .connect_timeout = CONNECT_TIMEOUT,
                                               .statement_timeout = CLOCK_SECOND,
                                               .prepared_statements = true};
  connection = connection_open(&settings, &owner);
  CU_ASSERT_EQUAL_FATAL(run_until_open(), CONNECTION_READY);
  undone = 0;
  send_chat(&jobs[0], 9999);
  CU_ASSERT_TRUE(connection_sync(connection));
  run_until_empty();
  CU_ASSERT_EQUAL(answer, LONTAR_BAD_REFERENCE);
  CU_ASSERT_EQUAL(undone, 0);
  send_chat(&jobs[1], 9999);
  send_chat(&jobs[2], 9999);
  CU_ASSERT_TRUE(connection_sync(connection));
  send_job(&jobs[3], STATEMENT_book_get); /* a segment of its own, in flight behind it */
  run_until_empty();
  CU_ASSERT_EQUAL(answer, LONTAR_OK);
  CU_ASSERT_EQUAL(undone, 2);
  CU_ASSERT_EQUAL(connection_state(connection), CONNECTION_READY);
  CU_ASSERT_STRING_EQUAL(repo_value(superuser, "SELECT count(*) FROM chat_history"), "0");
  close_connection();
  repo_execute(superuser, DEFER("NOT DEFERRABLE"));
  PQfinish(superuser);
}

static void send_into_segment(struct job *job, enum statement statement)
{
  struct values values = {0};
  *job = (struct job){.first.statement = statement};
  value_set_integer(&values.of[FIELD_id], 1);
  statement_bind(statement, &values, &job->first.parameters);
  CU_ASSERT_TRUE(connection_send(connection, job));
}

/* What a session was told before the failure it knows for good, what came behind it was skipped. */
static void a_segment_that_fails_takes_back_no_statement(void)
{
  struct job jobs[4];
  open_connection(url());
  CU_ASSERT_EQUAL_FATAL(run_until_open(), CONNECTION_READY);
  send_into_segment(&jobs[0], STATEMENT_book_get);
  send_into_segment(&jobs[1], STATEMENT_book_get); /* by the name that it does not know yet */
  send_chat(&jobs[2], 9999);
  send_into_segment(&jobs[3], STATEMENT_subject_get);
  CU_ASSERT_TRUE(connection_sync(connection));
  run_until_empty();
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL(run_job(STATEMENT_book_get), LONTAR_OK);
    CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_OK);
  }
  CU_ASSERT_TRUE(connection_forget(connection, STATEMENT_book_get));
  CU_ASSERT_TRUE(connection_forget(connection, STATEMENT_subject_get));
  close_connection();
}

/* It is sent as text from then on. */
static void a_statement_whose_plan_does_not_fit_is_forgotten(void)
{
  PGconn *superuser = repo_connect(DATABASE);
  open_connection(url());
  CU_ASSERT_EQUAL_FATAL(run_until_open(), CONNECTION_READY);
  CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_OK);
  repo_execute(superuser, "ALTER TABLE subjects ALTER name TYPE varchar(200)");
  CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_INTERNAL);
  CU_ASSERT_TRUE(connection_forget(connection, STATEMENT_subject_get));
  CU_ASSERT_EQUAL(run_job(STATEMENT_subject_get), LONTAR_OK);
  CU_ASSERT_FALSE(connection_forget(connection, STATEMENT_subject_get));
  close_connection();
  repo_execute(superuser, "ALTER TABLE subjects ALTER name TYPE varchar(100)");
  PQfinish(superuser);
}

/* ---- A pooler that gives each transaction another server ---- */

enum { POOLER_PORT = 6432 };

/* PgBouncer behind a socket in a folder of its own; 0 where it is not installed. It does not run as root. Debian 13's
 * follows prepared statements by itself unless it is told not to. */
static pid_t start_pooler(char folder[64])
{
  char command[2048];
  (void)snprintf(folder, 64, "/tmp/lontar-pooler.XXXXXX");
  if (access("/usr/sbin/pgbouncer", X_OK) != 0 || mkdtemp(folder) == NULL)
    return 0;
  (void)snprintf(
      command, sizeof command,
      "cd %s && printf '%%s\\n' '[databases]' '%s = host=%s port=%s' '[pgbouncer]' 'unix_socket_dir = %s'"
      " 'listen_port = %d' 'auth_type = any' 'pool_mode = transaction' 'default_pool_size = 1'"
      " 'logfile = %s/log' >ini && sed -i 's/^%s.*/& user=postgres/' ini &&"
      " { ! grep -aq max_prepared_statements /usr/sbin/pgbouncer || echo 'max_prepared_statements = 0' >>ini; } &&"
      " chmod -R a+rwX . &&"
      " exec %s /usr/sbin/pgbouncer -q ini",
      folder, DATABASE, getenv("PGHOST"), getenv("PGPORT"), folder, POOLER_PORT, folder, DATABASE,
      geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups" : "");
  pid_t child = fork();
  if (child == 0) {
    (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  return child;
}

static bool wait_for_pooler(const char *folder)
{
  char path[128];
  int64_t end = clock_steady() + WAIT;
  (void)snprintf(path, sizeof path, "%s/.s.PGSQL.%d", folder, POOLER_PORT);
  while (access(path, F_OK) != 0 && clock_steady() < end)
    (void)poll(NULL, 0, SLICE_MS);
  return access(path, F_OK) == 0;
}

static void stop_pooler(pid_t pooler, const char *folder)
{
  char command[128];
  (void)kill(pooler, SIGTERM);
  (void)waitpid(pooler, NULL, 0);
  (void)snprintf(command, sizeof command, "rm -rf %s", folder);
  CU_ASSERT_EQUAL(system(command), 0);
}

/* The second session finds the first one's statements on the server that both share. */
static void statements_prepared_through_a_pooler_are_told(void)
{
  char folder[64];
  char text[REPO_URL_SIZE];
  pid_t pooler = start_pooler(folder);
  if (pooler == 0)
    return;
  CU_ASSERT_TRUE_FATAL(wait_for_pooler(folder));
  (void)snprintf(text, sizeof text, "host=%s port=%d user=postgres dbname=" DATABASE, folder, POOLER_PORT);
  open_connection(text);
  CU_ASSERT_EQUAL(run_until_open(), CONNECTION_READY);
  CU_ASSERT_TRUE(connection_is_pooled(connection));
  close_connection();
  open_connection(text);
  CU_ASSERT_EQUAL(run_until_open(), CONNECTION_BROKEN);
  CU_ASSERT_PTR_NOT_NULL(strstr(connection_message(connection), "set prepared_statements = off"));
  CU_ASSERT_PTR_NULL(strstr(connection_message(connection), "lontarctl migrate"));
  close_connection();
  open_connection_with(text, false);
  CU_ASSERT_EQUAL(run_until_open(), CONNECTION_READY);
  CU_ASSERT_EQUAL(run_job(STATEMENT_book_get), LONTAR_OK);
  close_connection();
  stop_pooler(pooler, folder);
}

CASES(connection, before, NULL, CASE(a_locked_table_is_no_absent_database),
      CASE(a_schema_that_was_not_migrated_is_told), CASE(without_prepared_statements_they_run_as_text),
      CASE(a_silent_server_does_not_keep_us_from_the_next), CASE(of_several_servers_one_must_take_writes),
      CASE(a_killed_workers_backend_does_not_stay), CASE(a_commit_that_fails_is_its_segments),
      CASE(a_segment_that_fails_takes_back_no_statement), CASE(a_statement_whose_plan_does_not_fit_is_forgotten),
      CASE(statements_prepared_through_a_pooler_are_told));
