/* Tests of health/question: what the row says. */
#include <stdlib.h>

#include "health/question.h"
#include "unit.h"

/* One row of texts. */
static PGresult *row(int count, char *const *values)
{
  static char name[] = "column";
  PGresAttDesc columns[] = {{.name = name}, {.name = name}, {.name = name}, {.name = name}};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  CU_ASSERT_TRUE_FATAL(PQsetResultAttrs(result, count, columns) == 1);
  for (int i = 0; i < count; i++)
    CU_ASSERT_TRUE_FATAL(PQsetvalue(result, 0, i, values[i], (int)strlen(values[i])) == 1);
  return result;
}

static struct sighting read_lacks(const char *lacks)
{
  struct sighting sighting = {.takes_writes = false};
  char text[128];
  char off[] = "off", system[] = "7713955631676401783", timeline[] = "0000000A";
  (void)snprintf(text, sizeof text, "%s", lacks);
  char *const values[] = {off, system, timeline, text};
  PGresult *result = row(4, values);
  CU_ASSERT_TRUE(question_read(result, QUESTION_WHOLE, &sighting));
  PQclear(result);
  CU_ASSERT_TRUE(sighting.takes_writes);
  CU_ASSERT_EQUAL(sighting.system, UINT64_C(7713955631676401783));
  CU_ASSERT_EQUAL(sighting.timeline, 10);
  return sighting;
}

static void what_is_lacking_is_told(void)
{
  struct sighting sighting = read_lacks("");
  CU_ASSERT_EQUAL(sighting.lacks, QUESTION_LACKS_NOTHING);
  CU_ASSERT_EQUAL(sighting.lacking, 0);
  CU_ASSERT_STRING_EQUAL(sighting.lack, "");
  CU_ASSERT_EQUAL(read_lacks("schema").lacks, QUESTION_LACKS_SCHEMA);
  CU_ASSERT_EQUAL(read_lacks("use").lacks, QUESTION_LACKS_USE);
  sighting = read_lacks("INSERT on users");
  CU_ASSERT_EQUAL(sighting.lacks, QUESTION_LACKS_RIGHTS);
  CU_ASSERT_EQUAL(sighting.lacking, 1);
  CU_ASSERT_STRING_EQUAL(sighting.lack, "INSERT on users");
  sighting = read_lacks("INSERT on users,DELETE on books,EXECUTE on lontar_deletion");
  CU_ASSERT_EQUAL(sighting.lacking, 3);
  CU_ASSERT_STRING_EQUAL(sighting.lack, "INSERT on users");
}

static void the_plain_answer_says_nothing_more(void)
{
  struct sighting sighting;
  char on[] = "on";
  char *const values[] = {on};
  PGresult *result = row(1, values);
  CU_ASSERT_TRUE(question_read(result, QUESTION_PLAIN, &sighting));
  CU_ASSERT_FALSE(sighting.takes_writes);
  CU_ASSERT_EQUAL(sighting.lacks, QUESTION_LACKS_NOTHING);
  PQclear(result);
}

UNIT_CASES(question, UNIT_CASE(what_is_lacking_is_told), UNIT_CASE(the_plain_answer_says_nothing_more));
