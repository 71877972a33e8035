/* SQLSTATE to our errors. */
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "pool/sqlstate.h"
#include "repo.h"

static void states_have_their_errors(void)
{
  static const struct {
    const char *sqlstate;
    enum lontar_error error;
  } rows[] = {
      {"23505", LONTAR_CONFLICT},    {"23P01", LONTAR_CONFLICT},    {"23503", LONTAR_BAD_REFERENCE},
      {"23001", LONTAR_REFERENCED},  {"23502", LONTAR_INVALID},     {"23514", LONTAR_INVALID},
      {"22001", LONTAR_INVALID},     {"22021", LONTAR_INVALID},     {"22P05", LONTAR_INVALID},
      {"22003", LONTAR_INTERNAL},    {"2200H", LONTAR_INTERNAL},    {"22012", LONTAR_INTERNAL},
      {"22P02", LONTAR_INTERNAL},    {"22007", LONTAR_INTERNAL},    {"22XXX", LONTAR_INTERNAL},
      {"42501", LONTAR_INTERNAL},    {"P0001", LONTAR_INTERNAL},    {"0A000", LONTAR_INTERNAL},
      {"58P01", LONTAR_INTERNAL},    {"08006", LONTAR_UNAVAILABLE}, {"08XXX", LONTAR_UNAVAILABLE},
      {"53300", LONTAR_UNAVAILABLE}, {"53100", LONTAR_UNAVAILABLE}, {"57P01", LONTAR_UNAVAILABLE},
      {"57P03", LONTAR_UNAVAILABLE}, {"57P05", LONTAR_UNAVAILABLE}, {"25006", LONTAR_UNAVAILABLE},
      {"57014", LONTAR_DEADLINE},    {"55P03", LONTAR_DEADLINE},    {"40001", LONTAR_RETRY},
      {"40P01", LONTAR_RETRY},       {"40XXX", LONTAR_RETRY},       {"42601", LONTAR_INTERNAL},
      {"XX000", LONTAR_INTERNAL},    {"ZZ999", LONTAR_INTERNAL},    {NULL, LONTAR_UNAVAILABLE},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CU_ASSERT_EQUAL(sqlstate_error(rows[i].sqlstate), rows[i].error);
}

static void a_server_that_is_gone_is_told_from_one_that_is_full(void)
{
  CU_ASSERT_TRUE(sqlstate_server_gone(NULL));
  CU_ASSERT_TRUE(sqlstate_server_gone("57P02"));
  CU_ASSERT_TRUE(sqlstate_server_gone("25006"));
  CU_ASSERT_FALSE(sqlstate_server_gone("57P05"));
  CU_ASSERT_FALSE(sqlstate_server_gone("53300"));
  CU_ASSERT_FALSE(sqlstate_server_gone("57014"));
}

static void a_session_that_does_not_fit_is_told(void)
{
  static const char *const renewed[] = {"26000", "42P05", "0B000", "25P02", "34000", "08P01"};
  for (size_t i = 0; i < sizeof renewed / sizeof renewed[0]; i++)
    CU_ASSERT_EQUAL(sqlstate_find(renewed[i])->session, SQLSTATE_RENEW);
  CU_ASSERT_EQUAL(sqlstate_find("0A000")->session, SQLSTATE_STALE);
  CU_ASSERT_EQUAL(sqlstate_find("23505")->session, SQLSTATE_GOOD);
  CU_ASSERT_TRUE(sqlstate_find("22P02")->quotes_values);
  CU_ASSERT_TRUE(sqlstate_find("ZZ999")->quotes_values);
  CU_ASSERT_FALSE(sqlstate_find("53100")->quotes_values);
}

/* "42P01    E    ERRCODE_UNDEFINED_TABLE    undefined_table": a code with a name, and no warning. */
static int check_documented(const char *line)
{
  char code[8];
  char kind[8];
  char name[128];
  if (sscanf(line, "%5[0-9A-Z] %1[EWS] %*s %127s", code, kind, name) != 3 || strlen(code) != 5 || *kind != 'E')
    return 0;
  const struct sqlstate_row *row = sqlstate_find(code);
  if (strcmp(row->code, code) != 0) {
    printf("\n    %s (%s) has no row\n", code, name);
    CU_FAIL("a documented code without a row");
  }
  return 1;
}

/* Where a server's list of codes is installed. */
static void every_documented_code_has_a_row(void)
{
  glob_t found;
  if (glob("/usr/share/postgresql/*/errcodes.txt", 0, NULL, &found) != 0)
    return;
  for (size_t i = 0; i < found.gl_pathc; i++) {
    char line[256];
    int count = 0;
    FILE *file = fopen(found.gl_pathv[i], "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while (fgets(line, sizeof line, file))
      count += check_documented(line);
    fclose(file);
    CU_ASSERT_TRUE(count > 200);
  }
  globfree(&found);
}

CASES(sqlstate, NULL, NULL, CASE(states_have_their_errors), CASE(a_server_that_is_gone_is_told_from_one_that_is_full),
      CASE(a_session_that_does_not_fit_is_told), CASE(every_documented_code_has_a_row));
