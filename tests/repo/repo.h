/* What the tests beside a database share: databases, lontarctl, and how suites are listed. */
#ifndef REPO_REPO_H
#define REPO_REPO_H

#include <CUnit/CUnit.h>
#include <libpq-fe.h>
#include <stddef.h>

/* Suites: CASES(name, before, after, CASE(function), …) at the end of a file, listed in suites.def; both may be NULL.
 */
#define CASES(name, before, after, ...)                                                                                \
  CU_SuiteInfo suite_##name = {#name, (before), (after), NULL, NULL, (CU_TestInfo[]){__VA_ARGS__, CU_TEST_INFO_NULL}}
/* clang-format off */
#define CASE(function) {#function, function}
/* clang-format on */

#define SUITE(name) extern CU_SuiteInfo suite_##name;
#include "suites.def"
#undef SUITE

enum { REPO_TEXT_SIZE = 16384, REPO_URL_SIZE = 512 };

/* Makes an empty database, after dropping one of that name. */
void repo_create_database(const char *name);

/* The URL of a database for a user. */
void repo_url(const char *database, const char *user, char out[REPO_URL_SIZE]);

/* Connects as superuser; ends the program when that fails. PQfinish ends it. */
PGconn *repo_connect(const char *database);

/* Runs SQL and gives the first value of the last result as text, in a static buffer; "ERROR SQLSTATE" when it fails. */
const char *repo_value(PGconn *connection, const char *sql);

/* Runs SQL that must succeed. */
void repo_execute(PGconn *connection, const char *sql);

/* Runs a file of this folder. */
void repo_load(PGconn *connection, const char *name);

/* Loads tests/repo/existing.sql into a database whose times are Asia/Jakarta's. */
void repo_load_existing(const char *database);

/* Runs `lontarctl ARGUMENTS` (words for the shell) on a database; what it prints goes to `out`. Its exit code. */
int repo_lontarctl(const char *database, const char *arguments, char out[REPO_TEXT_SIZE]);

/* The same with any URL. */
int repo_lontarctl_url(const char *url, const char *arguments, char out[REPO_TEXT_SIZE]);

#endif
