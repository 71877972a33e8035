/* A worker's slice against a real server: jobs of several parts, from the queue to a connection and back. */
#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "pool/pool.h"
#include "repo.h"

#define DATABASE "slice_test"

enum { PARTS = 2, WAIT = 10000000 };

static PGconn *superuser;
static struct event_base *base;
static struct pool *pool;

/* One job of two parts, and what it was answered. */
static struct job job;
static struct job_part other;
static struct values values[PARTS];
static bool answered;
static enum lontar_error answer;
static int told;
static int rows[PARTS]; /* of each part's result, -1 without one */

static bool take(void *owner, bool beyond)
{
  (void)owner;
  (void)beyond;
  return true;
}

static void give(void *owner)
{
  (void)owner;
}

static bool no(void *owner)
{
  (void)owner;
  return false;
}

static void troubled(void *owner, bool doubt)
{
  (void)owner;
  (void)doubt;
}

static void passed(void *owner, enum statement statement)
{
  (void)owner;
  (void)statement;
}

static int note(void *owner, int backend)
{
  (void)owner;
  (void)backend;
  return -1;
}

static bool is_gone(void *owner, int number)
{
  (void)owner;
  (void)number;
  return false;
}

static void forget(void *owner, int number)
{
  (void)owner;
  (void)number;
}

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  static char url[REPO_URL_SIZE];
  const struct pool_owner owner = {{take, give, no, NULL}, give, troubled, passed, note, is_gone, forget, no, NULL};
  const struct pool_settings settings = {
      .policy = {.size = 2,
                 .max_dear = 1,
                 .recycle = 3600 * CLOCK_SECOND,
                 .idle_timeout = CLOCK_SECOND,
                 .connect_timeout = CLOCK_SECOND,
                 .statement_timeout = CLOCK_SECOND},
      .held_limit = CLOCK_SECOND,
      .prepared_statements = true,
  };
  repo_create_database(DATABASE);
  if (repo_lontarctl(DATABASE, "migrate", out) != 0)
    return 1;
  superuser = repo_connect(DATABASE);
  repo_execute(superuser, "INSERT INTO users (id, username, password_hash, role) VALUES (1, 'budi', 'x', 'siswa')");
  repo_url(DATABASE, "postgres", url);
  base = event_base_new();
  pool = pool_new(base, url, "lontard/test", &settings, &owner);
  return pool == NULL;
}

static int after(void)
{
  pool_free(pool);
  event_base_free(base);
  PQfinish(superuser);
  return 0;
}

static void on_done(struct job *its, enum lontar_error error, const PGresult *result)
{
  answered = true;
  answer = error;
  told = its->told;
  for (int i = 0; i < PARTS; i++)
    rows[i] = result != NULL && its->results[i] != NULL ? PQntuples(its->results[i]) : -1;
}

static void begin(enum statement first, enum statement second)
{
  job = (struct job){
      .first.statement = first,
      .others = &other,
      .other_count = 1,
      .done = on_done,
      .waiter.wait_until = clock_steady() + WAIT,
  };
  other = (struct job_part){.statement = second};
  statement_bind(first, &values[0], &job.first.parameters);
  statement_bind(second, &values[1], &other.parameters);
  answered = false;
  pool_submit(pool, &job);
}

static void finish(void)
{
  const int64_t end = clock_steady() + WAIT;
  while (!answered && clock_steady() < end)
    (void)event_base_loop(base, EVLOOP_ONCE);
  CU_ASSERT_TRUE_FATAL(answered);
}

/* Subject 0: none. */
static void set_chat(int part, int64_t subject)
{
  values[part] = (struct values){0};
  value_set_integer(&values[part].of[FIELD_user_id], 1);
  if (subject != 0)
    value_set_integer(&values[part].of[FIELD_subject_id], subject);
  value_set_text(&values[part].of[FIELD_question], "Apa?", 4);
  value_set_text(&values[part].of[FIELD_response], "Itu.", 4);
}

static void save_two(int64_t first, int64_t second)
{
  set_chat(0, first);
  set_chat(1, second);
  begin(STATEMENT_chat_create, STATEMENT_chat_create);
  finish();
}

static const char *saved(void)
{
  return repo_value(superuser, "SELECT count(*) FROM chat_history");
}

static void both_parts_happen_and_both_are_answered(void)
{
  repo_execute(superuser, "DELETE FROM chat_history");
  save_two(0, 0);
  CU_ASSERT_EQUAL(answer, LONTAR_OK);
  CU_ASSERT_TRUE(rows[0] == 1 && rows[1] == 1);
  CU_ASSERT_STRING_EQUAL(saved(), "2");
  CU_ASSERT_STRING_EQUAL(repo_value(superuser, "SELECT count(DISTINCT xmin::text) FROM chat_history"), "1");
}

static void when_one_part_fails_none_has_happened(void)
{
  repo_execute(superuser, "DELETE FROM chat_history");
  save_two(0, 9999);
  CU_ASSERT_EQUAL(answer, LONTAR_BAD_REFERENCE);
  CU_ASSERT_EQUAL(told, 1);
  save_two(9999, 0);
  CU_ASSERT_EQUAL(answer, LONTAR_BAD_REFERENCE);
  CU_ASSERT_EQUAL(told, 0);
  CU_ASSERT_STRING_EQUAL(saved(), "0");
}

static void a_conflict_in_the_second_part_is_tried_again_from_the_first(void)
{
  repo_execute(superuser, "DELETE FROM chat_history");
  repo_execute(superuser, "CREATE SEQUENCE attempts");
  repo_execute(superuser, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                          " IF nextval('attempts') = 2 THEN RAISE SQLSTATE '40001'; END IF; RETURN NEW; END $$");
  repo_execute(superuser, "CREATE TRIGGER refuse BEFORE INSERT ON chat_history FOR EACH ROW EXECUTE FUNCTION refuse()");
  save_two(0, 0);
  CU_ASSERT_EQUAL(answer, LONTAR_OK);
  CU_ASSERT_STRING_EQUAL(repo_value(superuser, "SELECT last_value FROM attempts"), "4");
  CU_ASSERT_STRING_EQUAL(saved(), "2");
  repo_execute(superuser, "DROP TRIGGER refuse ON chat_history");
}

/* Whoever waits for the table when its connection ends. */
static enum lontar_error lose_while_locked(enum statement second)
{
  const int64_t end = clock_steady() + WAIT;
  set_chat(1, 0);
  value_set_integer(&values[0].of[FIELD_id], 9999);
  value_set_integer(&values[1].of[FIELD_id], 1);
  repo_execute(superuser, "BEGIN; LOCK TABLE users");
  begin(STATEMENT_subject_get, second);
  while (clock_steady() < end &&
         strcmp(repo_value(superuser, "SELECT count(pg_terminate_backend(pid, 2000)) FROM pg_stat_activity"
                                      " WHERE application_name = 'lontard/test' AND wait_event_type = 'Lock'"),
                "1") != 0)
    (void)event_base_loop(base, EVLOOP_ONCE);
  repo_execute(superuser, "COMMIT");
  finish();
  return answer;
}

static void only_a_job_that_reads_is_sent_again_after_a_loss(void)
{
  repo_execute(superuser, "DELETE FROM chat_history");
  CU_ASSERT_EQUAL(lose_while_locked(STATEMENT_user_get), LONTAR_OK);
  CU_ASSERT_TRUE(rows[0] == 0 && rows[1] == 1);
  CU_ASSERT_EQUAL(lose_while_locked(STATEMENT_chat_create), LONTAR_DEADLINE);
  CU_ASSERT_STRING_EQUAL(saved(), "0");
}

CASES(slice, before, after, CASE(both_parts_happen_and_both_are_answered), CASE(when_one_part_fails_none_has_happened),
      CASE(a_conflict_in_the_second_part_is_tried_again_from_the_first),
      CASE(only_a_job_that_reads_is_sent_again_after_a_loss));
