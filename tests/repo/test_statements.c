/* The table of statements against a real server: each prepares and runs, and lists use their indexes. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "repo.h"
#include "repo/statement.h"

#define DATABASE "statements_test"

/* As many subjects, users and sessions as a school has; with a handful, other plans would be right. */
static const char GROW_SQL[] =
    "INSERT INTO subjects (grade, name, code) SELECT 10, 'Pelajaran', 'P' || n FROM generate_series(3, 30) n;"
    "UPDATE chat_history SET subject_id = 1 + id % 30 WHERE subject_id IS NOT NULL;"
    "INSERT INTO users (username, password_hash, role) SELECT 'lagi' || n, 'x', 'siswa' FROM generate_series(1, 500) n;"
    "INSERT INTO sessions (user_id, token, expires_at) SELECT u.id, 'token-' || u.id || '-' || n, '2099-01-01'"
    " FROM users u, generate_series(1, 3) n WHERE u.id > 203; ANALYZE";

static int before(void)
{
  static char out[REPO_TEXT_SIZE];
  repo_load_existing(DATABASE);
  int status = repo_lontarctl(DATABASE, "migrate", out);
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, GROW_SQL);
  PQfinish(connection);
  return status;
}

/* A value that suits the field. */
static struct value sample(enum field field)
{
  static const struct {
    enum field field;
    const char *text;
  } texts[] = {{FIELD_role, "siswa"},    {FIELD_vkp_version, "1.0.0"}, {FIELD_changes, "{full_name,filename}"},
               {FIELD_username, "wati"}, {FIELD_code, "KIM-12"},       {FIELD_token_hash, "sha256:none"}};
  struct value value = {.state = VALUE_SET};
  if (field_rows[field].type == FIELD_TIME)
    value.integer = INT64_MAX;
  else if (field_rows[field].type == FIELD_REAL)
    value.real = 0.5;
  else if (field_rows[field].type == FIELD_INTEGER)
    value.integer = field == FIELD_cursor_id ? 1000000 : field_rows[field].least;
  else
    value_set_text(&value, "sample", 6);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    if (texts[i].field == field)
      value_set_text(&value, texts[i].text, strlen(texts[i].text));
  }
  return value;
}

static PGresult *statement_execute(PGconn *connection, enum statement statement, const struct values *values)
{
  Oid types[STATEMENT_FIELDS_MAX];
  struct statement_parameters parameters;
  const struct statement_row *row = &statement_rows[statement];
  statement_bind(statement, values, &parameters);
  PQclear(PQprepare(connection, row->name, row->sql, statement_types(statement, types), types));
  return PQexecPrepared(connection, row->name, parameters.count, parameters.values, parameters.lengths,
                        parameters.formats, 1);
}

static void columns_check(enum statement statement, const PGresult *result)
{
  const enum field *columns = statement_rows[statement].columns;
  CU_ASSERT_EQUAL(PQnfields(result), statement_field_count(columns));
  for (int row = 0; row < PQntuples(result); row++) {
    for (int column = 0; columns[column] != FIELD_none; column++) {
      struct value value;
      const char *data = PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
      if (!statement_read(columns[column], data, PQgetlength(result, row, column), &value))
        CU_FAIL("a column is not of its field's type");
    }
  }
}

static void every_statement_runs(void)
{
  PGconn *connection = repo_connect(DATABASE);
  struct values values;
  for (int field = FIELD_none + 1; field < FIELD_COUNT; field++)
    values.of[field] = sample((enum field)field);
  for (int statement = STATEMENT_none + 1; statement < STATEMENT_COUNT; statement++) {
    repo_execute(connection, "BEGIN");
    PGresult *result = statement_execute(connection, (enum statement)statement, &values);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
      printf("\n    %s: %s", statement_rows[statement].name, PQresultErrorMessage(result));
    CU_ASSERT_EQUAL(PQresultStatus(result), PGRES_TUPLES_OK);
    columns_check((enum statement)statement, result);
    PQclear(result);
    repo_execute(connection, "ROLLBACK");
  }
  PQfinish(connection);
}

/* The plan of a prepared statement with any parameters, as one text. */
static const char *statement_plan(PGconn *connection, enum statement statement)
{
  static char plan[REPO_TEXT_SIZE];
  char sql[512];
  Oid types[STATEMENT_FIELDS_MAX];
  const struct statement_row *row = &statement_rows[statement];
  int count = statement_types(statement, types);
  PQclear(PQprepare(connection, row->name, row->sql, count, types));
  size_t length = (size_t)snprintf(sql, sizeof sql, "EXPLAIN EXECUTE %s (", row->name);
  for (int i = 0; i < count; i++)
    length += (size_t)snprintf(sql + length, sizeof sql - length, "%sNULL", i ? ", " : "");
  (void)snprintf(sql + length, sizeof sql - length, ")");
  PGresult *result = PQexec(connection, sql);
  plan[0] = '\0';
  for (int line = 0; line < PQntuples(result); line++) {
    size_t used = strlen(plan);
    (void)snprintf(plan + used, sizeof plan - used, "%s\n", PQgetvalue(result, line, 0));
  }
  PQclear(result);
  return plan;
}

static void lists_use_their_indexes(void)
{
  static const struct {
    enum statement statement;
    const char *index;
    bool sorts; /* what is deleted in batches need not come in order */
  } rows[] = {
      {STATEMENT_chat_list_by_user, "lontar_chats_by_user", false},
      {STATEMENT_chat_list_by_user_before, "lontar_chats_by_user", false},
      {STATEMENT_chat_list_by_subject, "lontar_chats_by_subject", false},
      {STATEMENT_chat_list_by_subject_before, "lontar_chats_by_subject", false},
      {STATEMENT_chat_list_recent, "lontar_chats_by_time", false},
      {STATEMENT_chat_list_recent_before, "lontar_chats_by_time", false},
      {STATEMENT_chat_count_by_user, "lontar_chats_by_user", false},
      {STATEMENT_chat_delete_old, "lontar_chats_by_time", true},
      {STATEMENT_chat_delete_by_user, "lontar_chats_by_user", true},
      {STATEMENT_chat_leave_subject, "lontar_chats_by_subject", true},
      {STATEMENT_session_delete_all, "lontar_sessions_by_user", true},
      {STATEMENT_session_delete_expired, "lontar_sessions_by_end", true},
      {STATEMENT_user_delete, "lontar_chats_by_user", false},
      {STATEMENT_subject_delete, "lontar_chats_by_subject", true}, /* of a handful of books */
      {STATEMENT_session_principal, "sessions_token_key", false},
      {STATEMENT_user_get_by_username, "users_username_key", false},
  };
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "SET plan_cache_mode = force_generic_plan");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *plan = statement_plan(connection, rows[i].statement);
    bool good = strstr(plan, rows[i].index) && (rows[i].sorts || !strstr(plan, "Sort"));
    if (!good)
      printf("\n    %s\n%s", statement_rows[rows[i].statement].name, plan);
    CU_ASSERT_TRUE(good);
  }
  PQfinish(connection);
}

CASES(statements, before, NULL, CASE(every_statement_runs), CASE(lists_use_their_indexes));
