/* Tries Lontar's own statements on tables that were just adopted. */
#include "tools/trial.h"

#include <string.h>

#include "authorize/token.h"
#include "repo/statement.h"
#include "tools/connect.h"

static const char PASSWORD_HASH[] = "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                                    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/* The rows are tried in order; each must give one record, whose id is remembered where `keep` names a field. */
static const struct step {
  enum statement statement;
  enum field keep;
  const char *what;
} steps[] = {
    {STATEMENT_user_create, FIELD_user_id, "save a user"},
    {STATEMENT_user_get, FIELD_none, "read a user"},
    {STATEMENT_user_credentials, FIELD_none, "read a user by name"},
    {STATEMENT_user_list, FIELD_none, "list users"},
    {STATEMENT_user_update, FIELD_none, "change a user"},
    {STATEMENT_subject_create, FIELD_subject_id, "save a subject"},
    {STATEMENT_subject_get, FIELD_none, "read a subject"},
    {STATEMENT_subject_list, FIELD_none, "list subjects"},
    {STATEMENT_session_create, FIELD_none, "save a session"},
    {STATEMENT_session_principal, FIELD_none, "read a session"},
    {STATEMENT_session_list, FIELD_none, "list sessions"},
    {STATEMENT_session_delete_all, FIELD_none, "delete sessions"},
    {STATEMENT_chat_create, FIELD_none, "save a chat"},
    {STATEMENT_chat_list_by_user, FIELD_none, "list chats"},
    {STATEMENT_book_create, FIELD_none, "save a book"},
    {STATEMENT_book_get, FIELD_none, "read a book"},
    {STATEMENT_book_delete, FIELD_none, "delete a book"},
};

/* Numbers that the trial takes would be gone, but a sequence that was altered is given back by ROLLBACK. */
static const char BEGIN_SQL[] =
    "SAVEPOINT trial; DO $$ DECLARE it record; BEGIN"
    " FOR it IN SELECT DISTINCT d.refobjid::regclass AS name FROM pg_attrdef f JOIN pg_depend d ON d.objid = f.oid"
    " AND d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass"
    " JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S' WHERE f.adrelid IN ('users'::regclass,"
    " 'sessions'::regclass, 'subjects'::regclass, 'books'::regclass, 'chat_history'::regclass)"
    " UNION SELECT d.objid::regclass FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i'"
    " AND d.refobjid IN ('users'::regclass, 'sessions'::regclass, 'subjects'::regclass, 'books'::regclass,"
    " 'chat_history'::regclass) AND (SELECT relkind FROM pg_class WHERE oid = d.objid) = 'S' LOOP"
    " DECLARE next bigint; BEGIN EXECUTE format('SELECT last_value + is_called::integer * seqincrement FROM %s,"
    " pg_sequence WHERE seqrelid = %L::regclass', it.name, it.name) INTO next;"
    " EXECUTE format('ALTER SEQUENCE %s RESTART WITH %s', it.name, next); END; END LOOP; END $$";

static const char END_SQL[] = "ROLLBACK TO SAVEPOINT trial; RELEASE SAVEPOINT trial";

static void text_set(struct values *values, enum field field, const char *text)
{
  value_set_text(&values->of[field], text, strlen(text));
}

static void values_fill(struct values *values)
{
  static char hash[TOKEN_HASH_SIZE];
  token_hash("lontar-trial", strlen("lontar-trial"), hash);
  text_set(values, FIELD_username, "lontar.trial");
  text_set(values, FIELD_password_hash, PASSWORD_HASH);
  text_set(values, FIELD_role, "siswa");
  text_set(values, FIELD_token_hash, hash);
  text_set(values, FIELD_name, "Lontar trial");
  text_set(values, FIELD_code, "LONTAR-TRIAL");
  text_set(values, FIELD_title, "Lontar trial");
  text_set(values, FIELD_question, "Lontar?");
  text_set(values, FIELD_response, "Lontar.");
  text_set(values, FIELD_changes, "{}");
  value_set_integer(&values->of[FIELD_grade], 10);
  value_set_integer(&values->of[FIELD_expires_hours], 1);
  value_set_integer(&values->of[FIELD_limit], 1);
  value_set_integer(&values->of[FIELD_offset], 0);
}

static PGresult *statement_run(PGconn *connection, enum statement statement, const struct values *values)
{
  struct statement_parameters parameters;
  Oid types[STATEMENT_FIELDS_MAX];
  statement_types(statement, types);
  statement_bind(statement, values, &parameters);
  return PQexecParams(connection, statement_rows[statement].sql, parameters.count, types, parameters.values,
                      parameters.lengths, parameters.formats, 1);
}

static int step_run(PGconn *connection, const struct step *step, struct values *values)
{
  CLEANUP_RESULT PGresult *result = statement_run(connection, step->statement, values);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) {
    connect_complain(result, connection);
    return command_fail("Look at the table's constraints, triggers and defaults.",
                        "Lontar could not %s in the adopted tables", step->what);
  }
  struct value id = {0};
  const int column = statement_column(step->statement, FIELD_id);
  if (PQntuples(result) == 0 ||
      (column >= 0 && !statement_read(FIELD_id, PQgetvalue(result, 0, column), PQgetlength(result, 0, column), &id)))
    return command_fail("Look at the table's triggers and rules.",
                        "Lontar could not %s in the adopted tables: no record came back", step->what);
  if (column >= 0 && !statement_reads(step->statement))
    values->of[FIELD_id] = id;
  if (step->keep != FIELD_none)
    values->of[step->keep] = id;
  return COMMAND_DONE;
}

/* Cursors of the lists' first pages: of ids before all, of times after all. */
static void cursor_set(struct values *values, enum statement statement)
{
  const bool by_time = statement == STATEMENT_chat_list_by_user;
  value_set_integer(&values->of[FIELD_cursor_time], INT64_MAX);
  value_set_integer(&values->of[FIELD_cursor_id], by_time ? INT64_MAX : 0);
}

int trial_run(PGconn *connection)
{
  if (connect_execute(connection, BEGIN_SQL) != COMMAND_DONE)
    return COMMAND_FAILED;
  struct values values = {0};
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
    values_fill(&values);
    cursor_set(&values, steps[i].statement);
    if (step_run(connection, &steps[i], &values) != COMMAND_DONE)
      return COMMAND_FAILED;
  }
  return connect_execute(connection, END_SQL);
}
