/* Our sessions at the server against the board: whose they are, and which shall end. */
#include "health/census.h"
#include "place.h"

#define INSTALLATION UINT64_C(0x1f2e3d4c)

/* No process has this number. */
enum { NOBODY = 2147483646 };

static const char *name_of(pid_t pid)
{
  static char name[CENSUS_NAME_SIZE];
  (void)snprintf(name, sizeof name, "lontard/0 %08x.%d", (unsigned)INSTALLATION, (int)pid);
  return name;
}

/* An answer to CENSUS_QUESTION, to which rows are added. */
static PGresult *answer(void)
{
  static char first[] = "pid", second[] = "application_name", third[] = "standby";
  PGresAttDesc columns[] = {{.name = first}, {.name = second}, {.name = third}};
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
  CU_ASSERT_TRUE_FATAL(PQsetResultAttrs(result, 3, columns) == 1);
  return result;
}

static void add_waiting(PGresult *result, int backend, const char *name, bool waits)
{
  static char yes[] = "t", no[] = "f";
  char number[16], text[CENSUS_NAME_SIZE];
  const int row = PQntuples(result);
  (void)snprintf(number, sizeof number, "%d", backend);
  (void)snprintf(text, sizeof text, "%s", name);
  CU_ASSERT_TRUE_FATAL(PQsetvalue(result, row, 0, number, (int)strlen(number)) == 1);
  CU_ASSERT_TRUE_FATAL(PQsetvalue(result, row, 1, text, (int)strlen(text)) == 1);
  CU_ASSERT_TRUE_FATAL(PQsetvalue(result, row, 2, waits ? yes : no, 1) == 1);
}

static void add(PGresult *result, int backend, const char *name)
{
  add_waiting(result, backend, name, false);
}

static void names_are_those_of_this_process_and_place(void)
{
  char name[CENSUS_NAME_SIZE], expected[CENSUS_NAME_SIZE];
  census_name(name, "3", INSTALLATION);
  (void)snprintf(expected, sizeof expected, "lontard/3 1f2e3d4c.%d", (int)getpid());
  CU_ASSERT_STRING_EQUAL(name, expected);
  CU_ASSERT_EQUAL(census_installation("/run/a"), census_installation("/run/a"));
  CU_ASSERT_NOT_EQUAL(census_installation("/run/a"), census_installation("/run/b"));
}

static void whose_worker_is_gone_shall_end_and_others_are_nobodys_business(void)
{
  static const char *const strangers[] = {"lontard/0",
                                          "lontard/prober 1f2e3d4c.7",
                                          "lontard/0 1f2e3d4d.7",
                                          "lontard/0 1f2e3d4c",
                                          "lontard/0 1f2e3d4c.7x",
                                          "lontard/x 1f2e3d4c.7",
                                          "lontard/0 1f2e3d4c.0",
                                          "psql"};
  struct place place;
  struct census census = {.installation = INSTALLATION};
  place_make(&place);
  board_worker_begin(board_slot(place.board, 0), (uint64_t)getpid());
  census_begin(&census, place.board);
  PGresult *result = answer();
  for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
    add(result, 10 + (int)i, strangers[i]);
  add(result, 100, name_of(getpid()));
  add(result, 101, name_of(NOBODY));
  add(result, 102, name_of(1)); /* not on this board, but it lives */
  CU_ASSERT_TRUE(census_take(&census, place.board, result));
  CU_ASSERT_EQUAL(census.left, 2);
  CU_ASSERT_EQUAL(census.victim_count, 1);
  CU_ASSERT_EQUAL(census.victims[0], 101);
  PQclear(result);
  place_remove(&place);
}

static void what_was_noted_ends_or_is_crossed_out(void)
{
  struct place place;
  struct census census = {.installation = INSTALLATION};
  place_make(&place);
  struct board_slot *slot = board_slot(place.board, 0);
  board_worker_begin(slot, (uint64_t)getpid());
  const int there = board_note(slot, 100), gone = board_note(slot, 101);
  census_begin(&census, place.board);
  const int later = board_note(slot, 102);
  PGresult *result = answer();
  add(result, 100, name_of(getpid()));
  add(result, 103, name_of(getpid()));
  CU_ASSERT_TRUE(census_take(&census, place.board, result));
  CU_ASSERT_EQUAL(census.left, 0);
  CU_ASSERT_TRUE(census.victim_count == 1 && census.victims[0] == 100);
  CU_ASSERT_FALSE(board_note_is_over(slot, there));
  CU_ASSERT_TRUE(board_note_is_over(slot, gone));
  CU_ASSERT_FALSE(board_note_is_over(slot, later));
  PQclear(result);
  place_remove(&place);
}

static void who_waits_for_a_standby_is_counted(void)
{
  struct place place;
  struct census census = {.installation = INSTALLATION};
  place_make(&place);
  board_worker_begin(board_slot(place.board, 0), (uint64_t)getpid());
  census_begin(&census, place.board);
  PGresult *result = answer();
  add_waiting(result, 100, name_of(getpid()), true);
  add(result, 101, name_of(getpid()));
  add_waiting(result, 102, "lontard/0 1f2e3d4d.7", true); /* of another installation */
  CU_ASSERT_TRUE(census_take(&census, place.board, result));
  CU_ASSERT_EQUAL(census.standby, 1);
  PQclear(result);
  place_remove(&place);
}

static void another_answer_is_told_and_counts_as_nothing_left(void)
{
  struct place place;
  struct census census = {.installation = INSTALLATION, .left = 7};
  place_make(&place);
  PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_FATAL_ERROR);
  CU_ASSERT_FALSE(census_take(&census, place.board, result));
  CU_ASSERT_EQUAL(census.left, 0);
  PQclear(result);
  place_remove(&place);
}

static void the_order_names_the_victims(void)
{
  const struct census census = {.installation = INSTALLATION, .victims = {5, 6}, .victim_count = 2};
  struct buffer sql;
  buffer_init(&sql, 1024);
  census_order(&census, &sql);
  buffer_append(&sql, "", 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(sql.data, "IN (0, 5, 6)"));
  CU_ASSERT_PTR_NOT_NULL(strstr(sql.data, "LIKE 'lontard/% 1f2e3d4c.%'"));
  buffer_free(&sql);
}

UNIT_CASES(census, UNIT_CASE(names_are_those_of_this_process_and_place),
           UNIT_CASE(whose_worker_is_gone_shall_end_and_others_are_nobodys_business),
           UNIT_CASE(what_was_noted_ends_or_is_crossed_out), UNIT_CASE(who_waits_for_a_standby_is_counted),
           UNIT_CASE(another_answer_is_told_and_counts_as_nothing_left), UNIT_CASE(the_order_names_the_victims));
