/* Runs the tests beside a database, which tests/with-postgres provides: all suites, or those named after the folder. */
#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "repo.h"

static const char *folder;

void repo_url(const char *database, const char *user, char out[REPO_URL_SIZE])
{
  (void)snprintf(out, REPO_URL_SIZE, "postgresql:///%s?host=%s&port=%s&user=%s", database, getenv("PGHOST"),
                 getenv("PGPORT"), user);
}

PGconn *repo_connect(const char *database)
{
  char url[REPO_URL_SIZE];
  repo_url(database, "postgres", url);
  PGconn *connection = PQconnectdb(url);
  if (PQstatus(connection) != CONNECTION_OK) {
    fputs(PQerrorMessage(connection), stderr);
    exit(EXIT_FAILURE);
  }
  return connection;
}

const char *repo_value(PGconn *connection, const char *sql)
{
  static char value[REPO_TEXT_SIZE];
  PGresult *result = PQexec(connection, sql);
  if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0)
    (void)snprintf(value, sizeof value, "%s", PQgetvalue(result, 0, 0));
  else if (PQresultStatus(result) == PGRES_FATAL_ERROR)
    (void)snprintf(value, sizeof value, "ERROR %s", PQresultErrorField(result, PG_DIAG_SQLSTATE));
  else
    value[0] = '\0';
  PQclear(result);
  return value;
}

void repo_execute(PGconn *connection, const char *sql)
{
  PGresult *result = PQexec(connection, sql);
  if (PQresultStatus(result) == PGRES_FATAL_ERROR) {
    fprintf(stderr, "%s%.200s\n", PQerrorMessage(connection), sql);
    exit(EXIT_FAILURE);
  }
  PQclear(result);
}

void repo_create_database(const char *name)
{
  char sql[128];
  PGconn *connection = repo_connect("postgres");
  PQclear(PQexec(connection, "SET client_min_messages = warning"));
  (void)snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s", name);
  repo_execute(connection, sql);
  (void)snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
  repo_execute(connection, sql);
  PQfinish(connection);
}

static char *file_read(const char *name)
{
  char path[1024];
  (void)snprintf(path, sizeof path, "%s/%s", folder, name);
  char *text = calloc(1, REPO_TEXT_SIZE);
  FILE *file = fopen(path, "r");
  if (!file || !text || fread(text, 1, REPO_TEXT_SIZE - 1, file) == 0) {
    perror(path);
    exit(EXIT_FAILURE);
  }
  (void)fclose(file);
  return text;
}

void repo_load(PGconn *connection, const char *name)
{
  char *text = file_read(name);
  repo_execute(connection, text);
  free(text);
}

void repo_load_existing(const char *database)
{
  char sql[128];
  repo_create_database(database);
  PGconn *connection = repo_connect(database);
  (void)snprintf(sql, sizeof sql, "ALTER DATABASE %s SET TimeZone = 'Asia/Jakarta'", database);
  repo_execute(connection, sql);
  repo_load(connection, "existing.sql");
  PQfinish(connection);
}

int repo_lontarctl(const char *database, const char *arguments, char out[REPO_TEXT_SIZE])
{
  char url[REPO_URL_SIZE];
  repo_url(database, "postgres", url);
  return repo_lontarctl_url(url, arguments, out);
}

int repo_lontarctl_url(const char *url, const char *arguments, char out[REPO_TEXT_SIZE])
{
  char command[2048];
  (void)setenv("LONTAR_DATABASE_URL", url, 1);
  (void)snprintf(command, sizeof command, "exec 2>&1; %s %s", getenv("LONTAR_TEST_LONTARCTL"), arguments);
  FILE *pipe = popen(command, "r");
  if (!pipe)
    return -1;
  out[fread(out, 1, REPO_TEXT_SIZE - 1, pipe)] = '\0';
  int status = pclose(pipe);
  return status < 0 ? -1 : (status >> 8) & 0xff;
}

static bool suite_wanted(const char *name, int count, char **names)
{
  for (int i = 0; i < count; i++) {
    if (strcmp(names[i], name) == 0)
      return true;
  }
  return count == 0;
}

static bool suite_add(CU_SuiteInfo *suite)
{
  CU_SuiteInfo one[] = {*suite, CU_SUITE_INFO_NULL};
  return CU_register_suites(one) == CUE_SUCCESS;
}

int main(int argc, char **argv)
{
  CU_SuiteInfo *suites[] = {
#define SUITE(name) &suite_##name,
#include "suites.def"
#undef SUITE
  };
  if (argc < 2 || !getenv("PGHOST") || !getenv("LONTAR_TEST_LONTARCTL") || CU_initialize_registry() != CUE_SUCCESS)
    return EXIT_FAILURE;
  folder = argv[1];
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    if (suite_wanted(suites[i]->pName, argc - 2, argv + 2) && !suite_add(suites[i]))
      return EXIT_FAILURE;
  }
  CU_basic_set_mode(CU_BRM_VERBOSE);
  bool ran = CU_basic_run_tests() == CUE_SUCCESS && CU_get_number_of_suites_failed() == 0;
  unsigned run = CU_get_number_of_tests_run();
  unsigned failed = CU_get_number_of_tests_failed();
  CU_cleanup_registry();
  printf("%u passed, %u failed\n", run - failed, failed + !ran);
  return ran && run > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
