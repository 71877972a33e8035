/* Tests of pool/trouble: what stands against a statement, and what clears it. */
#include <stddef.h>

#include "base/clock.h"
#include "pool/trouble.h"
#include "unit.h"

#define ONE STATEMENT_chat_create
#define OTHER STATEMENT_subject_create
#define READ STATEMENT_subject_get

#define NOW (1000 * CLOCK_SECOND)

static bool has(struct troubles *troubles, enum trouble trouble, int64_t now)
{
  troubles_look(troubles, now);
  return troubles->since[trouble] != 0;
}

static void an_end_has_its_trouble(void)
{
  static const struct {
    enum lontar_error error;
    const char *sqlstate;
    bool direct;
    enum trouble trouble;
  } cases[] = {
      {LONTAR_OK, NULL, true, TROUBLE_NONE},
      {LONTAR_CONFLICT, "23505", true, TROUBLE_NONE},
      {LONTAR_INVALID, "23514", true, TROUBLE_NONE},
      {LONTAR_UNAVAILABLE, "25006", true, TROUBLE_READ_ONLY},
      {LONTAR_INTERNAL, "25006", false, TROUBLE_FAULT},
      {LONTAR_UNAVAILABLE, "53100", true, TROUBLE_DISK},
      {LONTAR_UNAVAILABLE, "53100", false, TROUBLE_DISK},
      {LONTAR_UNAVAILABLE, "53200", true, TROUBLE_FAULT},
      {LONTAR_INTERNAL, "42501", true, TROUBLE_RIGHTS},
      {LONTAR_INTERNAL, "42501", false, TROUBLE_FAULT},
      {LONTAR_INTERNAL, "42P01", true, TROUBLE_SCHEMA},
      {LONTAR_INTERNAL, "42703", true, TROUBLE_SCHEMA},
      {LONTAR_INTERNAL, "42883", true, TROUBLE_SCHEMA},
      {LONTAR_INTERNAL, "3F000", true, TROUBLE_SCHEMA},
      {LONTAR_INTERNAL, "42P01", false, TROUBLE_FAULT},
      {LONTAR_INTERNAL, "XX001", true, TROUBLE_FAULT},
      {LONTAR_INTERNAL, "58030", true, TROUBLE_FAULT},
      {LONTAR_INTERNAL, "P0001", false, TROUBLE_FAULT},
      {LONTAR_DEADLINE, "55P03", true, TROUBLE_LOCKS},
      {LONTAR_DEADLINE, "57014", true, TROUBLE_WAITS},
      {LONTAR_DEADLINE, NULL, true, TROUBLE_WAITS},
      {LONTAR_BUSY, NULL, true, TROUBLE_WAITS},
      {LONTAR_RETRY, "40001", true, TROUBLE_WAITS},
      {LONTAR_UNAVAILABLE, NULL, true, TROUBLE_AWAY},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    CU_ASSERT_EQUAL(trouble_of(cases[i].error, cases[i].sqlstate, cases[i].direct), cases[i].trouble);
}

static void only_the_same_statement_clears_it(void)
{
  struct troubles troubles = {.count = 0};
  CU_ASSERT_TRUE(troubles_meet(&troubles, ONE, TROUBLE_DISK, NOW));
  CU_ASSERT_FALSE(troubles_meet(&troubles, OTHER, TROUBLE_DISK, NOW));
  troubles_pass(&troubles, ONE, NOW);
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_DISK, NOW + 3600 * CLOCK_SECOND));
  troubles_pass(&troubles, READ, NOW);
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_DISK, NOW));
  troubles_pass(&troubles, OTHER, NOW);
  CU_ASSERT_FALSE(has(&troubles, TROUBLE_DISK, NOW));
  CU_ASSERT_EQUAL(troubles.count, 0);
}

static void the_last_end_is_what_counts(void)
{
  struct troubles troubles = {.count = 0};
  (void)troubles_meet(&troubles, ONE, TROUBLE_DISK, NOW);
  CU_ASSERT_TRUE(troubles_meet(&troubles, ONE, TROUBLE_READ_ONLY, NOW));
  CU_ASSERT_FALSE(has(&troubles, TROUBLE_DISK, NOW));
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_READ_ONLY, NOW));
  CU_ASSERT_EQUAL(troubles.count, 1);
}

static void since_is_the_first_time(void)
{
  struct troubles troubles = {.count = 0};
  (void)troubles_meet(&troubles, ONE, TROUBLE_FAULT, NOW);
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_FAULT, NOW + 1));
  (void)troubles_meet(&troubles, ONE, TROUBLE_FAULT, NOW + CLOCK_SECOND);
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_FAULT, NOW + CLOCK_SECOND));
  CU_ASSERT_EQUAL(troubles.since[TROUBLE_FAULT], NOW + 1);
}

/* A worker that nobody asks any more would keep it for ever. */
static void a_success_in_another_worker_is_one_for_all(void)
{
  struct troubles troubles = {.count = 0};
  CU_ASSERT_EQUAL(troubles_bits(&troubles), 0);
  (void)troubles_meet(&troubles, ONE, TROUBLE_DISK, NOW);
  (void)troubles_meet(&troubles, OTHER, TROUBLE_DISK, NOW);
  CU_ASSERT_EQUAL(troubles_bits(&troubles), UINT64_C(1) << ONE | UINT64_C(1) << OTHER);
  troubles_passed(&troubles, ONE, NOW);
  CU_ASSERT_EQUAL(troubles.count, 2);
  troubles_passed(&troubles, ONE, NOW + 1);
  troubles_passed(&troubles, READ, NOW + 1);
  CU_ASSERT_EQUAL(troubles_bits(&troubles), UINT64_C(1) << OTHER);
  CU_ASSERT_EQUAL(troubles.count, 1);
}

/* What is wrong with a single record, or was with the disk, is not told for ever. */
static void others_success_settles_after_a_minute(void)
{
  static const struct {
    enum trouble trouble;
    int64_t after;
    enum statement speaks, is_silent;
  } cases[] = {{TROUBLE_FAULT, 60 * CLOCK_SECOND, READ, STATEMENT_none},
               {TROUBLE_DISK, 60 * CLOCK_SECOND, OTHER, READ},
               {TROUBLE_READ_ONLY, CLOCK_SECOND, OTHER, READ}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct troubles troubles = {.count = 0};
    (void)troubles_meet(&troubles, ONE, cases[i].trouble, NOW);
    troubles_pass(&troubles, cases[i].speaks, NOW + cases[i].after - 1);
    if (cases[i].is_silent != STATEMENT_none)
      troubles_pass(&troubles, cases[i].is_silent, NOW + 10 * cases[i].after);
    CU_ASSERT_TRUE(has(&troubles, cases[i].trouble, NOW + cases[i].after));
    troubles_pass(&troubles, cases[i].speaks, NOW + cases[i].after);
    CU_ASSERT_FALSE(has(&troubles, cases[i].trouble, NOW + cases[i].after));
  }
}

static void slowness_ages_and_errors_do_not(void)
{
  static const enum trouble momentary[] = {TROUBLE_WAITS, TROUBLE_LOCKS, TROUBLE_AWAY};
  static const enum trouble lasting[] = {TROUBLE_SCHEMA, TROUBLE_RIGHTS, TROUBLE_READ_ONLY, TROUBLE_DISK,
                                         TROUBLE_FAULT};
  struct troubles troubles = {.count = 0};
  for (size_t i = 0; i < sizeof momentary / sizeof momentary[0]; i++) {
    (void)troubles_meet(&troubles, ONE, momentary[i], NOW);
    CU_ASSERT_TRUE(has(&troubles, momentary[i], NOW + TROUBLE_LIFE - 1));
    CU_ASSERT_FALSE(has(&troubles, momentary[i], NOW + TROUBLE_LIFE));
  }
  for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++) {
    (void)troubles_meet(&troubles, ONE, lasting[i], NOW);
    CU_ASSERT_TRUE(has(&troubles, lasting[i], NOW + 100 * TROUBLE_LIFE));
  }
}

/* Reads go on while a standby is waited for, and say nothing of writes. */
static void of_waits_a_success_of_the_same_kind_tells_the_end(void)
{
  struct troubles troubles = {.count = 0};
  (void)troubles_meet(&troubles, ONE, TROUBLE_WAITS, NOW);
  troubles_pass(&troubles, OTHER, NOW + CLOCK_SECOND / 2);
  troubles_pass(&troubles, READ, NOW + 2 * CLOCK_SECOND);
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_WAITS, NOW + 2 * CLOCK_SECOND));
  troubles_pass(&troubles, OTHER, NOW + 2 * CLOCK_SECOND);
  CU_ASSERT_FALSE(has(&troubles, TROUBLE_WAITS, NOW + 2 * CLOCK_SECOND));
}

static void the_prober_ends_what_it_looks_at(void)
{
  static const enum trouble its[] = {TROUBLE_SCHEMA, TROUBLE_RIGHTS, TROUBLE_READ_ONLY};
  for (size_t i = 0; i < sizeof its / sizeof its[0]; i++) {
    struct troubles troubles = {.count = 0};
    CU_ASSERT_TRUE(trouble_is_the_probers(its[i]));
    (void)troubles_meet(&troubles, ONE, its[i], NOW);
    troubles_over(&troubles, NOW - 1); /* asked before */
    CU_ASSERT_TRUE(has(&troubles, its[i], NOW));
    troubles_over(&troubles, NOW + 1);
    CU_ASSERT_FALSE(has(&troubles, its[i], NOW));
  }
  struct troubles troubles = {.count = 0};
  (void)troubles_meet(&troubles, ONE, TROUBLE_DISK, NOW);
  troubles_over(&troubles, NOW + 1);
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_DISK, NOW));
}

/* As where a right on a sequence is missing, which no question touches. */
static void a_prober_that_was_wrong_once_is_not_believed_again(void)
{
  struct troubles troubles = {.count = 0};
  (void)troubles_meet(&troubles, ONE, TROUBLE_RIGHTS, NOW);
  troubles_over(&troubles, NOW + 1);
  (void)troubles_meet(&troubles, ONE, TROUBLE_RIGHTS, NOW + 2);
  troubles_over(&troubles, NOW + 3);
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_RIGHTS, NOW + 3));
  troubles_pass(&troubles, ONE, NOW + 4);
  CU_ASSERT_FALSE(has(&troubles, TROUBLE_RIGHTS, NOW + 4));
  (void)troubles_meet(&troubles, ONE, TROUBLE_RIGHTS, NOW + 5);
  troubles_over(&troubles, NOW + 6);
  CU_ASSERT_FALSE(has(&troubles, TROUBLE_RIGHTS, NOW + 6));
}

static void a_kind_can_be_over_everywhere(void)
{
  struct troubles troubles = {.count = 0};
  (void)troubles_meet(&troubles, ONE, TROUBLE_AWAY, NOW);
  (void)troubles_meet(&troubles, READ, TROUBLE_AWAY, NOW);
  (void)troubles_meet(&troubles, OTHER, TROUBLE_FAULT, NOW);
  troubles_forget(&troubles, TROUBLE_AWAY);
  CU_ASSERT_FALSE(has(&troubles, TROUBLE_AWAY, NOW));
  CU_ASSERT_TRUE(has(&troubles, TROUBLE_FAULT, NOW));
}

UNIT_CASES(trouble, UNIT_CASE(an_end_has_its_trouble), UNIT_CASE(only_the_same_statement_clears_it),
           UNIT_CASE(the_last_end_is_what_counts), UNIT_CASE(since_is_the_first_time),
           UNIT_CASE(a_success_in_another_worker_is_one_for_all), UNIT_CASE(others_success_settles_after_a_minute),
           UNIT_CASE(slowness_ages_and_errors_do_not), UNIT_CASE(of_waits_a_success_of_the_same_kind_tells_the_end),
           UNIT_CASE(the_prober_ends_what_it_looks_at), UNIT_CASE(a_prober_that_was_wrong_once_is_not_believed_again),
           UNIT_CASE(a_kind_can_be_over_everywhere));
