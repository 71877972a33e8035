/* The schema changes under load: no request fails that need not, and none after the change is undone. */
#include <signal.h>
#include <stdio.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/renewal.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CONNECTIONS = 16, AFTERWARDS = 60, LABEL_SIZE = 160 };

/* How long each lasts, and how long its undoing is waited for before requests must be answered (seconds). */
static const double LASTS = 0.4, SETTLES = 0.3;

static const struct change {
  const char *label;
  bool breaks; /* while it lasts, requests cannot be answered */
  const char *change;
  const char *undo;
} changes[] = {
    {"a wider column", false, "ALTER TABLE subjects ALTER name TYPE varchar(200)",
     "ALTER TABLE subjects ALTER name TYPE varchar(100)"},
    {"text", false, "ALTER TABLE chat_history ALTER question TYPE varchar(2000000)",
     "ALTER TABLE chat_history ALTER question TYPE text"},
    {"a larger number", false, "ALTER TABLE subjects ALTER grade TYPE bigint",
     "ALTER TABLE subjects ALTER grade TYPE integer"},
    {"a smaller real", false, "ALTER TABLE chat_history ALTER confidence TYPE real",
     "ALTER TABLE chat_history ALTER confidence TYPE double precision"},
    {"another column", false, "ALTER TABLE books ADD catatan text", "ALTER TABLE books DROP catatan"},
    {"an index", false, "CREATE INDEX percobaan ON subjects (name)", "DROP INDEX percobaan"},
    {"statistics", false, "ANALYZE", "ANALYZE"},
    {"not null and back", false, "ALTER TABLE subjects ALTER created_at SET NOT NULL",
     "ALTER TABLE subjects ALTER created_at DROP NOT NULL"},
    {"a setting of the role", false, "ALTER ROLE lontar_daemon SET work_mem = '8MB'",
     "ALTER ROLE lontar_daemon RESET work_mem"},
    {"another search path", false, "ALTER DATABASE lontar_system SET search_path = public, pg_catalog",
     "ALTER DATABASE lontar_system RESET search_path"},
    {"a column renamed", true, "ALTER TABLE subjects RENAME name TO nama", "ALTER TABLE subjects RENAME nama TO name"},
    {"a table renamed", true, "ALTER TABLE books RENAME TO buku", "ALTER TABLE buku RENAME TO books"},
    {"rights", true, "REVOKE SELECT ON subjects FROM lontar_daemon", "GRANT SELECT ON subjects TO lontar_daemon"},
};

static const struct change *current;
static double begun;
static bool done, undone;

/* A few hundred milliseconds without it, with it, and without it again. */
static void change_and_undo(void)
{
  double age = stack_clock() - begun;
  if (!done && age > LASTS / 2) {
    done = true;
    sql_script(current->change);
  }
  if (done && !undone && age > LASTS * 1.5) {
    undone = true;
    sql_script(current->undo);
  }
}

static void check_afterwards(const struct change *change)
{
  double end = stack_clock() + SETTLES;
  while (stack_clock() < end)
    ;
  for (int i = 0; i < AFTERWARDS; i++) {
    ANSWER subjects = get("~/subjects", world.siswa.token);
    ANSWER books = get("~/books", world.siswa.token);
    (void)check_status(change->label, &subjects, 200);
    (void)check_status(change->label, &books, 200);
  }
}

static void no_failure_outlives_a_change(void)
{
  for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
    struct crowd crowd = {.connections = CONNECTIONS, .seconds = LASTS * 2, .turn = change_and_undo};
    char label[LABEL_SIZE];
    current = &changes[i];
    begun = stack_clock();
    done = undone = false;
    crowd_run(&crowd);
    (void)snprintf(label, sizeof label, "during %s", current->label);
    if (!current->breaks)
      crowd_check(label, &crowd);
    CHECK(crowd.lost == 0 && crowd.answered > 0, "%s: %zu without an answer", label, crowd.lost);
    check_afterwards(current);
  }
}

/* No statement that writes them can be prepared while it stands. */
static void a_rule_on_one_table_harms_no_other(void)
{
  TEXT body = expand("{\"subject_id\": <subject>, \"title\": \"Judul\"}");
  sql_script("CREATE RULE r AS ON INSERT TO books DO INSTEAD NOTHING");
  for (int i = 0; i < AFTERWARDS; i++) {
    ANSWER refused = post("~/books", world.admin.token, body);
    ANSWER read = get("~/subjects", world.siswa.token);
    (void)check_status("a book that a rule keeps out", &refused, 500);
    (void)check_status("a read of another table meanwhile", &read, 200);
  }
  sql_script("DROP RULE r ON books");
  ANSWER made = post("~/books", world.admin.token, body);
  (void)check_status("a book afterwards", &made, 201);
  renewal_run(SIGHUP); /* the next test is not about a pool whose last attempts to connect were refused */
}

/* As a trigger can: what was prepared on that connection is gone. */
static void a_session_that_lost_its_statements_is_replaced(void)
{
  sql_script("CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
             " $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN NEW; END $$;"
             "CREATE TRIGGER t AFTER INSERT ON books FOR EACH ROW EXECUTE FUNCTION f()");
  for (int i = 0; i < AFTERWARDS; i++) {
    TEXT body = expand("{\"subject_id\": <subject>, \"title\": \"Judul\"}");
    ANSWER made = post("~/books", world.admin.token, body);
    ANSWER read = get("~/subjects", world.siswa.token);
    (void)check_status("a write where DEALLOCATE ALL was said", &made, 201);
    (void)check_status("a read afterwards", &read, 200);
  }
  sql_script("DROP FUNCTION f() CASCADE");
}

CU_TestInfo suite_schema[] = {
    {"no failure outlives a change", no_failure_outlives_a_change},
    {"a rule on one table harms no other", a_rule_on_one_table_harms_no_other},
    {"a session that lost its statements is replaced", a_session_that_lost_its_statements_is_replaced},
    CU_TEST_INFO_NULL};
