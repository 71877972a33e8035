/* Whose fault a refusal of the database is: an administrator's rules, triggers and tables, and what caller and log are
 * told of each. The library's door is tests/repo/test_verdict.c. */
#include <stdio.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

/* Stands in what is sent, and may stand neither in an answer nor in the log. */
#define MARK "rahasiapenanda"

#define FUNCTION(body) "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " body " END $$;"
#define TRIGGER(when, table) "CREATE TRIGGER t " when " ON " table " FOR EACH ROW EXECUTE FUNCTION f()"
#define RAISE(when, table, body) FUNCTION(body " RETURN NULL;") TRIGGER(when, table)
#define DROP "DROP FUNCTION f() CASCADE"

#define SUBJECT "{\"grade\": 10, \"name\": \"" MARK "\", \"code\": \"<name>\"}"
#define BOOK "{\"subject_id\": <subject>, \"title\": \"" MARK " buku\"}"
#define CHAT "{\"user_id\": <siswa>, \"subject_id\": <subject>, \"question\": \"" MARK "\", \"response\": \"" MARK "\"}"
#define ORPHAN "{\"user_id\": <siswa>, \"subject_id\": <absent>, \"question\": \"" MARK "\", \"response\": \"x\"}"

static const struct verdict_case {
  const char *label;
  const char *change; /* what the administrator did; expanded */
  const char *method;
  const char *path;
  const char *body;
  long status;
  const char *code;
  const char *field;  /* that `errors` names, or NULL */
  const char *detail; /* a part of it, or NULL */
  const char *log;    /* in the line of the log; NULL: there is none of level error */
  const char *undo;
} cases[] = {
    {"a unique index on an expression", "CREATE UNIQUE INDEX i ON subjects (lower(name::text), grade, id)", "POST",
     "~/subjects", "{\"grade\": 11, \"name\": \"<subject.code>\", \"code\": \"<name>\"}", 201, NULL, NULL, NULL, NULL,
     "DROP INDEX i"},
    {"a constraint of another name", "ALTER TABLE subjects RENAME CONSTRAINT subjects_code_key TO kunci_unik", "POST",
     "~/subjects", "{\"grade\": 11, \"name\": \"" MARK "\", \"code\": \"<subject.code>\"}", 409, "conflict", "code",
     NULL, NULL, "ALTER TABLE subjects RENAME CONSTRAINT kunci_unik TO subjects_code_key"},
    {"a sequence behind its rows", "SELECT setval('subjects_id_seq', (SELECT min(id) FROM subjects), false)", "POST",
     "~/subjects", SUBJECT, 500, "internal", NULL, NULL, "subjects_id_seq",
     "SELECT setval('subjects_id_seq', (SELECT max(id) FROM subjects))"},
    {"a sequence at its end",
     "CREATE TEMPORARY TABLE unused (i int); DO $$ BEGIN EXECUTE format('ALTER SEQUENCE sessions_id_seq MAXVALUE %s',"
     " (SELECT last_value FROM sessions_id_seq)); PERFORM setval('sessions_id_seq', last_value) FROM sessions_id_seq;"
     " END $$",
     "POST", "~/auth/login", "{\"username\": \"<siswa.name>\", \"password\": \"" WORLD_PASSWORD "\"}", 500, "internal",
     NULL, NULL, "sessions_id_seq", "ALTER SEQUENCE sessions_id_seq NO MAXVALUE; DROP TABLE unused"},
    {"a table that refers to the record",
     "CREATE TABLE nilai (user_id integer REFERENCES users); INSERT INTO nilai VALUES (<other>)", "DELETE",
     "~/users/<other>", NULL, 409, "referenced", NULL, "still referenced by nilai", NULL, "DROP TABLE nilai"},
    {"a trigger's own broken reference",
     "CREATE TABLE catatan (user_id integer REFERENCES users); GRANT ALL ON catatan TO PUBLIC;" RAISE(
         "BEFORE DELETE", "users", "INSERT INTO catatan VALUES (-1);"),
     "DELETE", "~/users/<other>", NULL, 500, "internal", NULL, NULL, "catatan_user_id_fkey",
     "DROP TABLE catatan; " DROP},
    {"a trigger's own unique value",
     "CREATE TABLE catatan (name text UNIQUE); GRANT ALL ON catatan TO PUBLIC; INSERT INTO catatan VALUES ('" MARK
     "');" RAISE("AFTER INSERT", "subjects", "INSERT INTO catatan VALUES (NEW.name);"),
     "POST", "~/subjects", SUBJECT, 500, "internal", NULL, NULL, "catatan_name_key", "DROP TABLE catatan; " DROP},
    {"what a trigger raises",
     RAISE("BEFORE INSERT", "chat_history", "RAISE EXCEPTION 'kata %', NEW.question USING DETAIL = NEW.response;"),
     "POST", "~/chats", CHAT, 500, "internal", NULL, NULL, "function=\"PL/pgSQL function f() line 1 at RAISE\"", DROP},
    {"what a trigger raises in another's name",
     RAISE(
         "BEFORE INSERT", "chat_history",
         "RAISE EXCEPTION '%', NEW.question USING ERRCODE = '23505', TABLE = NEW.question, CONSTRAINT = NEW.question;"),
     "POST", "~/chats", CHAT, 500, "internal", NULL, NULL, "sqlstate=23505", DROP},
    {"a trigger whose SQL is broken",
     RAISE("BEFORE INSERT", "chat_history", "EXECUTE format('SELECT %s', NEW.question);"), "POST", "~/chats", CHAT, 500,
     "internal", NULL, NULL, "sqlstate=42703 name=undefined_column", DROP},
    {"a trigger that casts", RAISE("BEFORE INSERT", "chat_history", "PERFORM NEW.question::integer;"), "POST",
     "~/chats", CHAT, 500, "internal", NULL, NULL, "sqlstate=22P02 name=invalid_text_representation", DROP},
    {"a generated column that casts",
     "ALTER TABLE subjects ADD angka integer GENERATED ALWAYS AS (CASE WHEN name = '" MARK
     "' THEN name::integer END) STORED",
     "POST", "~/subjects", SUBJECT, 500, "internal", NULL, NULL, "invalid input syntax for type integer: ...",
     "ALTER TABLE subjects DROP angka"},
    {"a trigger that keeps records out", RAISE("BEFORE INSERT", "chat_history", ""), "POST", "~/chats", CHAT, 500,
     "internal", NULL, NULL, "gave no row", DROP},
    {"a trigger that keeps a record as it is", RAISE("BEFORE UPDATE", "subjects", ""), "PATCH", "~/subjects/<subject>",
     "{\"name\": \"" MARK "\"}", 500, "internal", NULL, NULL, "keeps it from being changed", DROP},
    {"a trigger that keeps a record", RAISE("BEFORE DELETE", "books", ""), "DELETE", "~/books/<book>", NULL, 500,
     "internal", NULL, NULL, "keeps it from being changed", DROP},
    {"a record that is not there", "SELECT 1", "DELETE", "~/books/<absent>", NULL, 404, "not_found", NULL, NULL, NULL,
     "SELECT 1"},
    {"a narrower column", "ALTER TABLE books ALTER title TYPE varchar(12) USING left(title, 12)", "POST", "~/books",
     BOOK, 422, "invalid", "title", "at most 12 characters", NULL, "ALTER TABLE books ALTER title TYPE varchar(255)"},
    {"a check of another name", "ALTER TABLE subjects ADD CONSTRAINT aturan CHECK (name <> '" MARK "') NOT VALID",
     "POST", "~/subjects", SUBJECT, 422, "invalid", NULL, "aturan", NULL,
     "ALTER TABLE subjects DROP CONSTRAINT aturan"},
    {"a column that nobody fills",
     "ALTER TABLE books ADD sekolah text NOT NULL DEFAULT ''; ALTER TABLE books ALTER"
     " sekolah DROP DEFAULT",
     "POST", "~/books", BOOK, 500, "internal", NULL, NULL, "column=sekolah", "ALTER TABLE books DROP sekolah"},
    {"a column that must be given", "UPDATE books SET filename = 'f'; ALTER TABLE books ALTER filename SET NOT NULL",
     "POST", "~/books", BOOK, 422, "invalid", "filename", NULL, NULL, "ALTER TABLE books ALTER filename DROP NOT NULL"},
    {"a reference checked at the commit",
     "ALTER TABLE chat_history ALTER CONSTRAINT chat_history_subject_id_fkey DEFERRABLE INITIALLY DEFERRED", "POST",
     "~/chats", ORPHAN, 422, "bad_reference", "subject_id", NULL, NULL,
     "ALTER TABLE chat_history ALTER CONSTRAINT chat_history_subject_id_fkey NOT DEFERRABLE"},
    {"a trigger at the commit",
     FUNCTION(
         "RAISE EXCEPTION '%', NEW.question; RETURN NULL;") "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON chat_history"
                                                            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
                                                            "FUNCTION f()",
     "POST", "~/chats", CHAT, 500, "internal", NULL, NULL, "sqlstate=P0001 name=raise_exception", DROP},
    {"another server's end in a trigger",
     RAISE("BEFORE INSERT", "chat_history", "RAISE EXCEPTION 'x' USING ERRCODE = '08006';"), "POST", "~/chats", CHAT,
     500, "internal", NULL, NULL, "sqlstate=08006", DROP},
    {"a full disk", RAISE("BEFORE INSERT", "chat_history", "RAISE EXCEPTION 'x' USING ERRCODE = '53100';"), "POST",
     "~/chats", CHAT, 503, "unavailable", NULL, NULL, "sqlstate=53100 name=disk_full", DROP},
    {"rights that were taken", "REVOKE SELECT ON books FROM lontar_daemon", "GET", "~/books", NULL, 500, "internal",
     NULL, NULL, "permission denied for table books", "GRANT SELECT ON books TO lontar_daemon"},
    {"parameters that the server shows", "ALTER ROLE lontar_daemon SET log_parameter_max_length_on_error = -1", "POST",
     "~/subjects", "{\"grade\": 11, \"name\": \"" MARK "\", \"code\": \"<subject.code>\"}", 409, "conflict", "code",
     NULL, NULL, "ALTER ROLE lontar_daemon RESET log_parameter_max_length_on_error"},
};

static void check_log(const struct verdict_case *it, const char *log)
{
  CHECK(strstr(log, MARK) == NULL, "%s: the log holds what was sent: %s", it->label, log);
  if (it->log)
    CHECK(strstr(log, it->log) != NULL, "%s: want \"%s\" in the log, got %s", it->label, it->log, log);
  else
    CHECK(strstr(log, " error ") == NULL, "%s: an error in the log: %s", it->label, log);
}

static void check_answer(const struct verdict_case *it, const struct answer *answer)
{
  if (!it->code)
    (void)check_status(it->label, answer, it->status);
  else if (it->field)
    (void)check_field(it->label, answer, it->status, it->code, it->field);
  else
    (void)check_problem(it->label, answer, it->status, it->code);
  CHECK(!it->detail || strstr(answer_text(answer, "detail"), it->detail) != NULL, "%s: the detail is \"%s\", want %s",
        it->label, answer_text(answer, "detail"), it->detail);
  CHECK(it->status == 201 || strstr(answer->body, MARK) == NULL, "%s: the answer holds what was sent: %s", it->label,
        answer->body);
}

/* And each time the next request of that kind finds everything as it was, over connections that were kept. */
static void each_refusal_is_told_to_whom_it_concerns(void)
{
  long long lost = stack_metric("lontar_pool_closed_lost_total");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct verdict_case *it = &cases[i];
    long begin = stack_log_end();
    TEXT change = expand(it->change);
    TEXT path = expand(it->path);
    TEXT body = it->body ? expand(it->body) : NULL;
    sql_script(change);
    ANSWER answer = request(it->method, path, world.service, body);
    check_answer(it, &answer);
    check_log(it, stack_log_since(begin));
    sql_script(it->undo);
  }
  (void)check_number("connections that were lost", stack_metric("lontar_pool_closed_lost_total"), lost);
}

CU_TestInfo suite_verdict[] = {{"each refusal is told to whom it concerns", each_refusal_is_told_to_whom_it_concerns},
                               CU_TEST_INFO_NULL};
