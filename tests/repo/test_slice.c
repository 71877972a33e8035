/* A worker's slice against a real server: jobs of several parts and their plans, from the queue to a connection and
 * back. */
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
static int lists_out;
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

/* ---- Plans ---- */

/* Books become a view that counts how its readers are planned. */
static void count_plans(void)
{
  repo_execute(superuser, "INSERT INTO subjects (id, grade, name, code) VALUES (77, 10, 'Fisika', 'fis')");
  repo_execute(superuser, "INSERT INTO books (subject_id, title) VALUES (77, 'Judul')");
  repo_execute(superuser,
               "CREATE SEQUENCE force_custom_plan MINVALUE 0; CREATE SEQUENCE force_generic_plan MINVALUE 0");
  repo_execute(superuser, "ALTER TABLE books RENAME TO buku");
  repo_execute(superuser, "CREATE FUNCTION counted() RETURNS bool LANGUAGE sql VOLATILE AS"
                          " $$ SELECT nextval(current_setting('plan_cache_mode')::regclass) IS NOT NULL $$");
  repo_execute(superuser, "CREATE VIEW books AS SELECT * FROM buku WHERE counted()");
}

static void forget_plans(void)
{
  repo_execute(superuser, "DROP VIEW books; DROP FUNCTION counted; ALTER TABLE buku RENAME TO books");
  repo_execute(superuser, "DROP SEQUENCE force_custom_plan; DROP SEQUENCE force_generic_plan");
  repo_execute(superuser, "DELETE FROM books; DELETE FROM subjects WHERE id = 77");
}

static void on_list_done(struct job *its, enum lontar_error error, const PGresult *result)
{
  (void)its;
  (void)result;
  answered = --lists_out == 0;
  answer = error;
}

static void ask_for_list(struct job *its, enum statement statement, bool filtered)
{
  struct values asked = {0};
  value_set_integer(&asked.of[FIELD_cursor_id], 0);
  value_set_integer(&asked.of[FIELD_limit], 50);
  value_set_integer(&asked.of[FIELD_offset], 0);
  if (filtered)
    value_set_integer(&asked.of[statement == STATEMENT_book_list ? FIELD_subject_id : FIELD_grade], 77);
  *its = (struct job){.first.statement = statement, .done = on_list_done, .waiter.wait_until = clock_steady() + WAIT};
  statement_bind(statement, &asked, &its->first.parameters);
  answered = false;
  lists_out++;
  pool_submit(pool, its);
}

static enum lontar_error list(enum statement statement, bool filtered)
{
  ask_for_list(&job, statement, filtered);
  finish();
  return answer;
}

/* It and nothing that is sent before or behind it, in the same round of the loop too. */
static void a_list_with_a_filter_is_planned_for_itself(void)
{
  struct job jobs[3];
  count_plans();
  for (int i = 0; i < 2; i++) {
    CU_ASSERT_EQUAL(list(STATEMENT_book_list, true), LONTAR_OK);
    CU_ASSERT_EQUAL(list(STATEMENT_book_list, false), LONTAR_OK);
    for (int k = 0; k < 3; k++)
      ask_for_list(&jobs[k], STATEMENT_book_list, k == 1);
    finish();
    CU_ASSERT_EQUAL(answer, LONTAR_OK);
  }
  CU_ASSERT_STRING_EQUAL(repo_value(superuser, "SELECT last_value FROM force_custom_plan"), "3");
  CU_ASSERT_STRING_EQUAL(repo_value(superuser, "SELECT last_value FROM force_generic_plan"), "5");
  forget_plans();
}

/* What was sent ahead of it is answered before. */
static void a_list_with_a_filter_waits_for_a_lock_as_others(void)
{
  repo_execute(superuser, "BEGIN; LOCK TABLE subjects");
  CU_ASSERT_EQUAL(list(STATEMENT_subject_list, true), LONTAR_DEADLINE);
  CU_ASSERT_EQUAL(list(STATEMENT_book_list, true), LONTAR_OK);
  repo_execute(superuser, "COMMIT");
  for (int i = 0; i < 3; i++)
    CU_ASSERT_EQUAL(list(STATEMENT_subject_list, true), LONTAR_OK);
}

CASES(slice, before, after, CASE(both_parts_happen_and_both_are_answered), CASE(when_one_part_fails_none_has_happened),
      CASE(a_conflict_in_the_second_part_is_tried_again_from_the_first),
      CASE(only_a_job_that_reads_is_sent_again_after_a_loss), CASE(a_list_with_a_filter_is_planned_for_itself),
      CASE(a_list_with_a_filter_waits_for_a_lock_as_others));
