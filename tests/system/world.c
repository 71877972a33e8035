/* Makes the people and records of the tests. */
#include "system/world.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"

enum { SQL_PARAMETERS_MAX = 8, VALUE_SIZE = 65536 };

struct world world;

static PGconn *database;
static char sql_value[VALUE_SIZE];

PGconn *sql_connect(void)
{
  PGconn *connection = PQconnectdb("application_name=lontar-tests");
  if (PQstatus(connection) != CONNECTION_OK)
    fprintf(stderr, "system: %s", PQerrorMessage(connection));
  need(PQstatus(connection) == CONNECTION_OK, "the tests cannot reach the database by PGHOST and its like");
  return connection;
}

/* An idle connection has something to say only when it ends. */
static bool has_ended(PGconn *connection)
{
  struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN};
  return PQstatus(connection) != CONNECTION_OK || poll(&socket, 1, 0) != 0;
}

/* The database may have been away since the last time. */
static void reconnect(void)
{
  if (database && !has_ended(database))
    return;
  PQfinish(database);
  database = sql_connect();
}

static const char *sql_run(const char *statement, int count, const char *const *parameters)
{
  reconnect();
  PGresult *result = PQexecParams(database, statement, count, NULL, parameters, NULL, NULL, 0);
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    fprintf(stderr, "system: %s: %s", statement, PQerrorMessage(database));
    exit(2);
  }
  bool value = status == PGRES_TUPLES_OK && PQntuples(result) > 0 && PQnfields(result) > 0;
  (void)snprintf(sql_value, sizeof sql_value, "%s", value ? PQgetvalue(result, 0, 0) : "");
  PQclear(result);
  return sql_value;
}

void sql_script(const char *statements)
{
  reconnect();
  PGresult *result = PQexec(database, statements);
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
    fprintf(stderr, "system: %s: %s", statements, PQerrorMessage(database));
    exit(2);
  }
  PQclear(result);
}

const char *sql(const char *statement, ...)
{
  const char *parameters[SQL_PARAMETERS_MAX];
  int count = 0;
  va_list arguments;
  va_start(arguments, statement);
  for (const char *text; count < SQL_PARAMETERS_MAX && (text = va_arg(arguments, const char *));)
    parameters[count++] = text;
  va_end(arguments);
  return sql_run(statement, count, parameters);
}

long long sql_number(const char *statement, long long parameter)
{
  char text[32];
  (void)snprintf(text, sizeof text, "%lld", parameter);
  return strtoll(sql_run(statement, 1, (const char *[]){text}), NULL, 10);
}

const char *world_name(char *out, const char *prefix)
{
  static long long mark;
  static int number;
  if (mark == 0)
    mark = (long long)time(NULL) % 10000000 * 1000 + getpid() % 1000;
  (void)snprintf(out, WORLD_NAME_SIZE, "%s-%llx-%d", prefix, mark, ++number);
  return out;
}

void text_done(char **text)
{
  free(*text);
}

static void need_made(const struct answer *answer, const char *what)
{
  if (answer->status != 201)
    fprintf(stderr, "system: making a %s was answered %ld %s\n", what, answer->status, answer->body);
  need(answer->status == 201, "the tests need it");
}

static long long make(const char *what, const char *path, char *body)
{
  ANSWER answer = post(path, world.service, body);
  free(body);
  need_made(&answer, what);
  return answer_number(&answer, "id");
}

void world_token(long long user_id, char out[WORLD_TOKEN_SIZE])
{
  TEXT body = document("{\"user_id\": %lld}", user_id);
  ANSWER answer = post("~/sessions", world.service, body);
  need_made(&answer, "session");
  (void)snprintf(out, WORLD_TOKEN_SIZE, "%s", answer_text(&answer, "token"));
}

struct person world_person(const char *role)
{
  struct person person = {0};
  world_name(person.username, role);
  person.id = make("user", "~/users",
                   document("{\"username\": \"%s\", \"password\": \"" WORLD_PASSWORD "\", \"role\": \"%s\"}",
                            person.username, role));
  world_token(person.id, person.token);
  return person;
}

long long world_subject(void)
{
  return make("subject", "~/subjects", document("{\"grade\": 10, \"name\": \"Biologi\", \"code\": \"<name>\"}"));
}

long long world_book(long long subject)
{
  return make("book", "~/books", document("{\"subject_id\": %lld, \"title\": \"Buku\"}", subject));
}

long long world_chat(long long user, long long subject)
{
  return make("chat", "~/chats",
              document("{\"user_id\": %lld, \"subject_id\": %lld, \"question\": \"Apa?\", \"response\": \"Itu.\"}",
                       user, subject));
}

/* Sessions are made by the service with the token that we want, then their time is moved into the past. */
static void make_expired(void)
{
  world_token(world.siswa.id, world.expired);
  (void)sql_number("UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id ="
                   " (SELECT max(id) FROM sessions WHERE user_id = $1)",
                   world.siswa.id);
}

void world_init(void)
{
  world.admin_name = need_environment("LONTAR_ADMIN");
  world.admin_password = need_environment("LONTAR_ADMIN_PASSWORD");
  world.service = need_environment("LONTAR_SERVICE_KEY");
  reconnect();
  world.admin = world_person("admin");
  world.guru = world_person("guru");
  world.siswa = world_person("siswa");
  world.other = world_person("siswa");
  make_expired();
  world.subject = world_subject();
  (void)sql_number("SELECT code FROM subjects WHERE id = $1", world.subject);
  (void)snprintf(world.subject_code, sizeof world.subject_code, "%.*s", WORLD_NAME_SIZE - 1, sql_value);
  world.book = world_book(world.subject);
  world.chat = world_chat(world.siswa.id, world.subject);
}

void world_done(void)
{
  PQfinish(database);
  database = NULL;
}

static bool repeated(FILE *out, const char *word)
{
  static const struct {
    char name;
    const char *letter;
  } letters[] = {{'x', "x"}, {'u', "é"}, {'e', "😀"}};
  for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
    char *end = NULL;
    if (*word != letters[i].name)
      continue;
    long count = strtol(word + 1, &end, 10);
    if (end == word + 1 || *end != '\0')
      continue;
    while (count-- > 0)
      fputs(letters[i].letter, out);
    return true;
  }
  return false;
}

static bool is_number(FILE *out, const char *word)
{
  const struct {
    const char *word;
    long long id;
  } ids[] = {{"siswa", world.siswa.id},  {"other", world.other.id}, {"guru", world.guru.id},
             {"admin", world.admin.id},  {"book", world.book},      {"chat", world.chat},
             {"subject", world.subject}, {"absent", 2147483000}};
  for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
    if (strcmp(word, ids[i].word) == 0)
      return fprintf(out, "%lld", ids[i].id) > 0;
  return false;
}

static bool is_name(FILE *out, const char *word)
{
  char name[WORLD_NAME_SIZE];
  const struct {
    const char *word;
    const char *text;
  } names[] = {
      {"siswa.name", world.siswa.username}, {"other.name", world.other.username}, {"subject.code", world.subject_code}};
  if (strcmp(word, "name") == 0)
    return fputs(world_name(name, "baru"), out) >= 0;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(word, names[i].word) == 0)
      return fputs(names[i].text, out) >= 0;
  return false;
}

char *expand(const char *text)
{
  char *expanded = NULL;
  size_t size;
  FILE *out = open_memstream(&expanded, &size);
  need(out != NULL, "no memory");
  while (*text) {
    char word[32];
    int length = 0;
    bool marked = sscanf(text, "<%31[a-z0-9.]>%n", word, &length) == 1 && length > 0;
    if (marked && (repeated(out, word) || is_number(out, word) || is_name(out, word)))
      text += length;
    else
      fputc(*text++, out);
  }
  fclose(out);
  return expanded;
}

char *document(const char *format, ...)
{
  char *text = NULL;
  va_list arguments;
  va_start(arguments, format);
  need(vasprintf(&text, format, arguments) >= 0, "no memory");
  va_end(arguments);
  char *expanded = expand(text);
  free(text);
  return expanded;
}
