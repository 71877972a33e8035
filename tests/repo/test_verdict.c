/* Whose fault a refusal is, at the library's door: the database of an administrator who added rules, triggers and
 * tables of their own. The daemon's door is tests/system/verdict.c. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include <lontar/lontar.h>

#include "repo.h"

#define DATABASE "verdict_test"

typedef enum lontar_error repository_call(struct lontar_database *database, struct json_object *input,
                                          struct json_object **ret, struct lontar_failure *failure);

static struct lontar_database *database;
static struct lontar_failure failure;
static PGconn *superuser;

#define FUNCTION(body) "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " body " END $$;"
#define TRIGGER(when, table) "CREATE TRIGGER t " when " ON " table " FOR EACH ROW EXECUTE FUNCTION f();"
#define RAISE(when, table, what) FUNCTION(what " RETURN NULL;") TRIGGER(when, table)
#define DROP "; DROP FUNCTION f() CASCADE"

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  char url[REPO_URL_SIZE];
  repo_create_database(DATABASE);
  repo_url(DATABASE, "postgres", url);
  if (repo_lontarctl(DATABASE, "migrate", out) || lontar_open(url, NULL, &database, &failure) != LONTAR_OK)
    return 1;
  superuser = repo_connect(DATABASE);
  repo_execute(superuser, "INSERT INTO users (username, password_hash, role) VALUES ('budi', 'x', 'siswa');"
                          "INSERT INTO subjects (grade, name, code) VALUES (10, 'Kimia', 'KIM');"
                          "INSERT INTO books (subject_id, title) VALUES (1, 'Atom')");
  return 0;
}

static int after(void)
{
  PQfinish(superuser);
  lontar_close(database);
  return 0;
}

#define SUBJECT "{\"grade\": 10, \"name\": \"Fisika\", \"code\": \"FIS\"}"
#define CHAT(subject) "{\"user_id\": 1, \"subject_id\": " subject ", \"question\": \"Apa?\", \"response\": \"Itu.\"}"

static const struct refusal {
  const char *change; /* what the administrator did */
  repository_call *call;
  const char *input;
  enum lontar_error error;
  const char *message; /* a part of it */
  const char *undo;
} refusals[] = {
    {"CREATE UNIQUE INDEX i ON users (lower(username::text))", lontar_repository_user_create,
     "{\"username\": \"BUDI\", \"password\": \"rahasia\", \"role\": \"siswa\"}", LONTAR_CONFLICT, "", "DROP INDEX i"},
    {"ALTER TABLE subjects ADD CONSTRAINT satu UNIQUE (grade)", lontar_repository_subject_create, SUBJECT,
     LONTAR_CONFLICT, "satu", "ALTER TABLE subjects DROP CONSTRAINT satu"},
    {"SELECT setval('subjects_id_seq', 1, false)", lontar_repository_subject_create, SUBJECT, LONTAR_INTERNAL,
     "subjects_id_seq", "SELECT setval('subjects_id_seq', 100)"},
    {"ALTER SEQUENCE subjects_id_seq MAXVALUE 100", lontar_repository_subject_create, SUBJECT, LONTAR_INTERNAL,
     "lontarctl check", "ALTER SEQUENCE subjects_id_seq NO MAXVALUE"},
    {"CREATE TABLE nilai (user_id integer REFERENCES users); INSERT INTO nilai VALUES (1)",
     lontar_repository_user_delete, "{\"id\": 1}", LONTAR_REFERENCED, "still referenced by nilai", "DROP TABLE nilai"},
    {"CREATE TABLE nilai (code varchar REFERENCES subjects (code)); INSERT INTO nilai VALUES ('KIM')",
     lontar_repository_subject_update, "{\"id\": 1, \"code\": \"KIM-2\"}", LONTAR_REFERENCED, "nilai",
     "DROP TABLE nilai"},
    {"CREATE TABLE nilai (book_id integer REFERENCES books); INSERT INTO nilai VALUES (1)", /* by a cascade */
     lontar_repository_subject_delete, "{\"id\": 1}", LONTAR_REFERENCED, "nilai", "DROP TABLE nilai"},
    {"CREATE TABLE catatan (user_id integer REFERENCES users);" RAISE("BEFORE DELETE", "users",
                                                                      "INSERT INTO catatan VALUES (9999);"),
     lontar_repository_user_delete, "{\"id\": 1}", LONTAR_INTERNAL, "", "DROP TABLE catatan" DROP},
    {"CREATE TABLE catatan (code text UNIQUE); INSERT INTO catatan VALUES ('FIS');" RAISE(
         "AFTER INSERT", "subjects", "INSERT INTO catatan VALUES (NEW.code);"),
     lontar_repository_subject_create, SUBJECT, LONTAR_INTERNAL, "", "DROP TABLE catatan" DROP},
    {RAISE("BEFORE INSERT", "subjects", "RAISE EXCEPTION 'tidak boleh';"), lontar_repository_subject_create, SUBJECT,
     LONTAR_INTERNAL, "", "SELECT 1" DROP},
    {RAISE("BEFORE INSERT", "subjects", "RAISE EXCEPTION 'jauh' USING ERRCODE = '08006';"),
     lontar_repository_subject_create, SUBJECT, LONTAR_INTERNAL, "", "SELECT 1" DROP},
    {RAISE("BEFORE INSERT", "subjects", ""), lontar_repository_subject_create, SUBJECT, LONTAR_INTERNAL, "trigger",
     "SELECT 1" DROP},
    {RAISE("BEFORE UPDATE", "subjects", ""), lontar_repository_subject_update, "{\"id\": 1, \"grade\": 11}",
     LONTAR_INTERNAL, "trigger", "SELECT 1" DROP},
    {RAISE("BEFORE DELETE", "books", ""), lontar_repository_book_delete, "{\"id\": 1}", LONTAR_INTERNAL, "trigger",
     "SELECT 1" DROP},
    {"SELECT 1", lontar_repository_book_delete, "{\"id\": 999}", LONTAR_NOT_FOUND, "", "SELECT 1"},
    {"ALTER TABLE books ALTER title TYPE varchar(5)", lontar_repository_book_create,
     "{\"subject_id\": 1, \"title\": \"Molekul\"}", LONTAR_INVALID, "at most 5 characters",
     "ALTER TABLE books ALTER title TYPE varchar(255)"},
    {"ALTER TABLE users ALTER password_hash TYPE varchar(64)", lontar_repository_user_create,
     "{\"username\": \"wati\", \"password\": \"rahasia\", \"role\": \"siswa\"}", LONTAR_INTERNAL, "",
     "ALTER TABLE users ALTER password_hash TYPE varchar(255)"},
    {"ALTER TABLE subjects ADD CONSTRAINT aturan CHECK (grade > 10) NOT VALID", lontar_repository_subject_create,
     SUBJECT, LONTAR_INVALID, "aturan", "ALTER TABLE subjects DROP CONSTRAINT aturan"},
    {"ALTER TABLE subjects ADD CONSTRAINT subjects_created_at_check CHECK (created_at < '2020-01-01') NOT VALID",
     lontar_repository_subject_create, SUBJECT, LONTAR_INTERNAL, "",
     "ALTER TABLE subjects DROP CONSTRAINT subjects_created_at_check"},
    {"ALTER TABLE subjects ADD sekolah text NOT NULL DEFAULT 'x'; ALTER TABLE subjects ALTER sekolah DROP DEFAULT",
     lontar_repository_subject_create, SUBJECT, LONTAR_INTERNAL, "sekolah", "ALTER TABLE subjects DROP sekolah"},
    {"UPDATE books SET filename = 'f'; ALTER TABLE books ALTER filename SET NOT NULL", lontar_repository_book_create,
     "{\"subject_id\": 1, \"title\": \"Molekul\"}", LONTAR_INVALID, "",
     "ALTER TABLE books ALTER filename DROP NOT NULL"},
    {"ALTER TABLE chat_history ALTER CONSTRAINT chat_history_subject_id_fkey DEFERRABLE INITIALLY DEFERRED",
     lontar_repository_chat_create, CHAT("9999"), LONTAR_BAD_REFERENCE, "", "SELECT 1"},
    {"SELECT 1", lontar_repository_chat_create, CHAT("1"), LONTAR_OK, "",
     "ALTER TABLE chat_history ALTER CONSTRAINT chat_history_subject_id_fkey NOT DEFERRABLE"},
    {"CREATE INDEX i ON chat_history (question)", lontar_repository_chat_create, NULL, LONTAR_INVALID, "too long",
     "DROP INDEX i"},
    {"ALTER TABLE subjects ADD teks text DEFAULT 'x'; ALTER TABLE subjects ADD angka integer GENERATED ALWAYS AS"
     " (length(teks) / (grade - 10 + 1 - 1 + CASE WHEN code = 'FIS' THEN 0 ELSE 1 END)) STORED",
     lontar_repository_subject_create, SUBJECT, LONTAR_INTERNAL, "",
     "ALTER TABLE subjects DROP angka; ALTER TABLE subjects DROP teks"}, /* 22012 */
};

/* A text that no index of a B-tree holds: it must not be compressible. */
static json_object *long_chat(void)
{
  char text[16001];
  unsigned state = 1;
  for (size_t i = 0; i < sizeof text - 1; i++) {
    state = state * 1103515245 + 12345;
    text[i] = (char)('!' + (state >> 16) % 90);
    if (text[i] == '"' || text[i] == '\\')
      text[i] = 'x';
  }
  text[sizeof text - 1] = '\0';
  json_object *chat = json_tokener_parse(CHAT("1"));
  json_object_object_add(chat, "question", json_object_new_string(text));
  return chat;
}

static void check_case(const struct refusal *it)
{
  json_object *answer = NULL;
  json_object *input = it->input ? json_tokener_parse(it->input) : long_chat();
  repo_execute(superuser, it->change);
  enum lontar_error error = it->call(database, input, &answer, &failure);
  repo_execute(superuser, it->undo);
  if (error != it->error || (error != LONTAR_OK && !strstr(failure.message, it->message)))
    printf("\n    %s\n    got %s: %s\n", it->change, lontar_error_code(error), failure.message);
  CU_ASSERT_EQUAL(error, it->error);
  CU_ASSERT_TRUE(error == LONTAR_OK || strstr(failure.message, it->message));
  CU_ASSERT_FALSE(failure.retriable && error != LONTAR_OK);
  json_object_put(input);
  json_object_put(answer);
}

/* And none of them costs a connection. */
static void each_refusal_is_told_to_whom_it_concerns(void)
{
  struct lontar_numbers numbers;
  for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
    check_case(&refusals[i]);
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.closed_lost, 0);
  CU_ASSERT_EQUAL(numbers.opened, 1);
}

/* The server shows a statement's parameters with each error then; that is no function's context. */
static void shown_parameters_change_nothing(void)
{
  json_object *answer = NULL;
  json_object *input = json_tokener_parse("{\"grade\": 10, \"name\": \"Kimia\", \"code\": \"KIM\"}");
  CU_ASSERT_EQUAL(lontar_execute(database, "SET log_parameter_max_length_on_error = -1", NULL, NULL, &failure),
                  LONTAR_OK);
  CU_ASSERT_EQUAL(lontar_repository_subject_create(database, input, &answer, &failure), LONTAR_CONFLICT);
  CU_ASSERT_EQUAL(lontar_execute(database, "RESET log_parameter_max_length_on_error", NULL, NULL, &failure), LONTAR_OK);
  json_object_put(input);
}

/* A program's own SQL: its values were not checked before, and a commit may say no as well. */
static void sql_of_the_program_is_judged_too(void)
{
  static const struct lontar_statement deferred[] = {
      {"INSERT INTO books (subject_id, title) VALUES (1, 'Gas')", NULL},
      {"INSERT INTO chat_history (user_id, subject_id, question, response) VALUES (1, 9999, 'a', 'b')", NULL}};
  struct lontar_numbers numbers;
  CU_ASSERT_EQUAL(lontar_execute(database, "SELECT 'x'::integer", NULL, NULL, &failure), LONTAR_INVALID);
  repo_execute(superuser, "CREATE TABLE nilai (user_id integer REFERENCES users); INSERT INTO nilai VALUES (1);"
                          "ALTER TABLE chat_history ALTER CONSTRAINT chat_history_subject_id_fkey DEFERRABLE"
                          " INITIALLY DEFERRED");
  CU_ASSERT_EQUAL(lontar_execute(database, "DELETE FROM users", NULL, NULL, &failure), LONTAR_REFERENCED);
  CU_ASSERT_EQUAL(lontar_execute(database, "INSERT INTO nilai VALUES (9999)", NULL, NULL, &failure),
                  LONTAR_BAD_REFERENCE);
  CU_ASSERT_EQUAL(lontar_transaction(database, deferred, 2, &failure), LONTAR_BAD_REFERENCE);
  CU_ASSERT_STRING_EQUAL(failure.constraint, "chat_history_subject_id_fkey");
  CU_ASSERT_STRING_EQUAL(repo_value(superuser, "SELECT count(*) FROM books WHERE title = 'Gas'"), "0");
  repo_execute(superuser, "DROP TABLE nilai; ALTER TABLE chat_history ALTER CONSTRAINT chat_history_subject_id_fkey"
                          " NOT DEFERRABLE");
  lontar_numbers(database, &numbers);
  CU_ASSERT_EQUAL(numbers.closed_lost, 0);
}

/* In a database of another encoding: what a caller sent is theirs, what was stored is not. */
static void a_character_is_whose_it_came_from(void)
{
  static const struct {
    repository_call *call;
    const char *input;
    enum lontar_error error;
  } calls[] = {
      {lontar_repository_subject_create, "{\"grade\": 10, \"name\": \"\u6f22\u5b57\", \"code\": \"KAN\"}",
       LONTAR_INVALID},
      {lontar_repository_subject_list, "{\"code\": \"\u6f22\u5b57\"}", LONTAR_INVALID},
      {lontar_repository_subject_create, "{\"grade\": 10, \"name\": \"\u00c9mile\", \"code\": \"EMI\"}", LONTAR_OK},
      {lontar_repository_subject_list, "{\"code\": \"RUSAK\"}", LONTAR_INTERNAL},
  };
  char url[REPO_URL_SIZE];
  struct lontar_database *other = NULL;
  repo_execute(superuser, "DROP DATABASE IF EXISTS verdict_test_other");
  repo_execute(superuser, "CREATE DATABASE verdict_test_other ENCODING 'WIN1252' TEMPLATE template0 LC_COLLATE 'C'"
                          " LC_CTYPE 'C'");
  PGconn *owner = repo_connect("verdict_test_other");
  repo_execute(owner,
               "CREATE TABLE subjects (id serial PRIMARY KEY, grade integer, name varchar(100), code varchar(50),"
               " created_at timestamptz DEFAULT now()); SET client_encoding = 'WIN1252';"
               "INSERT INTO subjects (grade, name, code) VALUES (10, E'x\\x81', 'RUSAK')");
  PQfinish(owner);
  repo_url("verdict_test_other", "postgres", url);
  CU_ASSERT_EQUAL_FATAL(lontar_open(url, NULL, &other, &failure), LONTAR_OK);
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
    json_object *answer = NULL;
    json_object *input = json_tokener_parse(calls[i].input);
    enum lontar_error error = calls[i].call(other, input, &answer, &failure);
    if (error != calls[i].error)
      printf("\n    %s: %s: %s\n", calls[i].input, lontar_error_code(error), failure.message);
    CU_ASSERT_EQUAL(error, calls[i].error);
    json_object_put(input);
    json_object_put(answer);
  }
  lontar_close(other);
}

CASES(verdict, before, after, CASE(each_refusal_is_told_to_whom_it_concerns), CASE(shown_parameters_change_nothing),
      CASE(sql_of_the_program_is_judged_too), CASE(a_character_is_whose_it_came_from));
