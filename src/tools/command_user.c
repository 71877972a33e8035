/* lontarctl user: add, passwd, list. */
#include <getopt.h>
#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "authorize/password.h"
#include "base/clock.h"
#include "tools/connect.h"
#include "tools/password_prompt.h"

enum { LIST_PAGE = 100 };

/* Reads an argument as a field; prints what is wrong with it. */
static int argument_read(enum field field, const char *text, struct values *values)
{
  const char *wrong = field_parse(field, text, strlen(text), &values->of[field]);
  return wrong ? command_fail(NULL, "%s %s", field_rows[field].name, wrong) : COMMAND_DONE;
}

/* Asks for a password and keeps its hash. */
static int password_read(char ret_hash[PASSWORD_HASH_SIZE])
{
  char line[PASSWORD_LINE_SIZE];
  size_t length;
  int status = password_prompt(line, &length);
  if (status == COMMAND_DONE && password_hash(line, length, ret_hash) != 0)
    status = command_fail(NULL, "no memory is left to hash the password");
  sodium_memzero(line, sizeof line);
  return status;
}

/* Runs a statement that gives one record. */
static int record_write(PGconn *connection, enum statement statement, const struct values *values, const char *username)
{
  CLEANUP_RESULT PGresult *result = connect_statement(connection, statement, values);
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (sqlstate && strcmp(sqlstate, "23505") == 0)
    return command_fail("Choose another name, or set its password with user passwd.", "the user %s exists already",
                        username);
  if (PQresultStatus(result) != PGRES_TUPLES_OK)
    return connect_complain(result, connection);
  if (PQntuples(result) == 0)
    return command_fail(NULL, "the user %s was deleted meanwhile", username);
  return COMMAND_DONE;
}

static int sessions_end(PGconn *connection, const struct values *values)
{
  CLEANUP_RESULT PGresult *result = connect_statement(connection, STATEMENT_session_delete_others, values);
  return PQresultStatus(result) == PGRES_TUPLES_OK ? COMMAND_DONE : connect_complain(result, connection);
}

/* In one transaction, so that a changed user's sessions end with that of a login that was under way, too. */
static int user_write(PGconn *connection, enum statement statement, const struct values *values, const char *username)
{
  if (connect_execute(connection, "BEGIN") != COMMAND_DONE)
    return COMMAND_FAILED;
  int status = record_write(connection, statement, values, username);
  if (status == COMMAND_DONE && statement == STATEMENT_user_update)
    status = sessions_end(connection, values);
  return status == COMMAND_DONE ? connect_execute(connection, "COMMIT") : status;
}

static int user_add(const struct invocation *invocation, int argc, char **argv)
{
  static const struct option long_options[] = {
      {"role", required_argument, NULL, 'r'}, {"full-name", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
  struct values values = {0};
  int letter;
  while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    if (letter == '?')
      return command_misuse("user add does not take this");
    if (argument_read(letter == 'r' ? FIELD_role : FIELD_full_name, optarg, &values) != COMMAND_DONE)
      return COMMAND_FAILED;
  }
  if (optind + 1 != argc)
    return command_misuse("user add takes one USERNAME");
  if (values.of[FIELD_role].state != VALUE_SET)
    return command_misuse("user add needs --role siswa, guru or admin");
  if (argument_read(FIELD_username, argv[optind], &values) != COMMAND_DONE)
    return COMMAND_FAILED;
  char hash[PASSWORD_HASH_SIZE];
  if (password_read(hash) != COMMAND_DONE)
    return COMMAND_FAILED;
  value_set_text(&values.of[FIELD_password_hash], hash, strlen(hash));
  CLEANUP_CONNECTION PGconn *connection = connect_database(invocation);
  if (!connection)
    return COMMAND_FAILED;
  int status = user_write(connection, STATEMENT_user_create, &values, argv[optind]);
  if (status == COMMAND_DONE)
    printf("the user %s is made\n", argv[optind]);
  return status;
}

/* The id of a user by name. */
static int user_find(PGconn *connection, const char *username, struct value *ret_id)
{
  struct values values = {0};
  value_set_text(&values.of[FIELD_username], username, strlen(username));
  CLEANUP_RESULT PGresult *result = connect_statement(connection, STATEMENT_user_get_by_username, &values);
  if (PQresultStatus(result) != PGRES_TUPLES_OK)
    return connect_complain(result, connection);
  if (PQntuples(result) == 0)
    return command_fail("lontarctl user list shows all users.", "there is no user %s", username);
  if (!statement_read(FIELD_id, PQgetvalue(result, 0, 0), PQgetlength(result, 0, 0), ret_id))
    return command_fail(NULL, "the database's answer cannot be read");
  return COMMAND_DONE;
}

static int user_passwd(const struct invocation *invocation, int argc, char **argv)
{
  if (argc != 2)
    return command_misuse("user passwd takes one USERNAME");
  CLEANUP_CONNECTION PGconn *connection = connect_database(invocation);
  struct values values = {0};
  if (!connection || user_find(connection, argv[1], &values.of[FIELD_id]) != COMMAND_DONE)
    return COMMAND_FAILED;
  char hash[PASSWORD_HASH_SIZE];
  if (password_read(hash) != COMMAND_DONE)
    return COMMAND_FAILED;
  value_set_text(&values.of[FIELD_password_hash], hash, strlen(hash));
  int status = user_write(connection, STATEMENT_user_update, &values, argv[1]);
  if (status == COMMAND_DONE)
    printf("the user %s has a new password, and no session any more\n", argv[1]);
  return status;
}

/* One column of a record as JSON, by the type of its field. */
static json_object *column_json(enum field field, const PGresult *result, int row, int column)
{
  struct value value;
  if (PQgetisnull(result, row, column) ||
      !statement_read(field, PQgetvalue(result, row, column), PQgetlength(result, row, column), &value))
    return NULL;
  char stamp[CLOCK_RFC3339_SIZE];
  switch (field_rows[field].type) {
  case FIELD_INTEGER:
    return json_object_new_int64(value.integer);
  case FIELD_REAL:
    return json_object_new_double(value.real);
  case FIELD_TIME:
    return field_time_text(value.integer, stamp) > 0 ? json_object_new_string(stamp) : NULL;
  case FIELD_TEXT:
    break;
  }
  return json_object_new_string_len(value.text, (int)value.length);
}

static json_object *record_json(const PGresult *result, int row)
{
  json_object *record = json_object_new_object();
  const enum field *columns = statement_rows[STATEMENT_user_list].columns;
  for (int column = 0; columns[column] != FIELD_none; column++)
    json_object_object_add(record, field_rows[columns[column]].name, column_json(columns[column], result, row, column));
  return record;
}

static const char *record_text(json_object *record, const char *name)
{
  json_object *value = json_object_object_get(record, name);
  return value ? json_object_get_string(value) : "";
}

static void list_print(json_object *users, bool json)
{
  if (json) {
    puts(json_object_to_json_string_ext(users, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    return;
  }
  printf("%8s  %-7s %-30s %s\n", "ID", "ROLE", "USERNAME", "FULL NAME");
  for (size_t i = 0; i < json_object_array_length(users); i++) {
    json_object *user = json_object_array_get_idx(users, i);
    printf("%8s  %-7s %-30s %s\n", record_text(user, "id"), record_text(user, "role"), record_text(user, "username"),
           record_text(user, "full_name"));
  }
}

/* Reads all pages of the list of users. */
static int list_fetch(PGconn *connection, json_object *users)
{
  struct values values = {0};
  value_set_integer(&values.of[FIELD_cursor_id], 0);
  value_set_integer(&values.of[FIELD_limit], LIST_PAGE);
  value_set_integer(&values.of[FIELD_offset], 0);
  for (int rows = LIST_PAGE + 1; rows > LIST_PAGE;) {
    CLEANUP_RESULT PGresult *result = connect_statement(connection, STATEMENT_user_list, &values);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
      return connect_complain(result, connection);
    rows = PQntuples(result);
    for (int row = 0; row < rows && row < LIST_PAGE; row++) {
      json_object *record = record_json(result, row);
      values.of[FIELD_cursor_id].integer = json_object_get_int64(json_object_object_get(record, "id"));
      json_object_array_add(users, record);
    }
  }
  return COMMAND_DONE;
}

static int user_list(const struct invocation *invocation, int argc, char **argv)
{
  bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json)
    return command_misuse("user list takes --json or nothing");
  CLEANUP_CONNECTION PGconn *connection = connect_database(invocation);
  if (!connection)
    return COMMAND_FAILED;
  json_object *users = json_object_new_array();
  int status = list_fetch(connection, users);
  if (status == COMMAND_DONE)
    list_print(users, json);
  json_object_put(users);
  return status;
}

int command_user(const struct invocation *invocation, int argc, char **argv)
{
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "add") == 0)
    return user_add(invocation, argc - 1, argv + 1);
  if (strcmp(what, "passwd") == 0)
    return user_passwd(invocation, argc - 1, argv + 1);
  if (strcmp(what, "list") == 0)
    return user_list(invocation, argc - 1, argv + 1);
  return command_misuse("user takes add, passwd or list");
}
