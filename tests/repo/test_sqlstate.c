/* SQLSTATE to our errors. */
#include "pool/sqlstate.h"
#include "repo.h"

static void states_have_their_errors(void)
{
  static const struct {
    const char *sqlstate;
    enum lontar_error error;
  } rows[] = {{"23505", LONTAR_CONFLICT},    {"23503", LONTAR_BAD_REFERENCE}, {"23514", LONTAR_INVALID},
              {"22001", LONTAR_INVALID},     {"42501", LONTAR_INTERNAL},      {"08006", LONTAR_UNAVAILABLE},
              {"53300", LONTAR_UNAVAILABLE}, {"57P01", LONTAR_UNAVAILABLE},   {"57P03", LONTAR_UNAVAILABLE},
              {"25006", LONTAR_UNAVAILABLE}, {"57014", LONTAR_DEADLINE},      {"40001", LONTAR_RETRY},
              {"40P01", LONTAR_RETRY},       {"42601", LONTAR_INTERNAL},      {"XX000", LONTAR_INTERNAL},
              {NULL, LONTAR_UNAVAILABLE}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    CU_ASSERT_EQUAL(sqlstate_error(rows[i].sqlstate), rows[i].error);
}

static void a_server_that_is_gone_is_told_from_one_that_is_full(void)
{
  CU_ASSERT_TRUE(sqlstate_server_gone(NULL));
  CU_ASSERT_TRUE(sqlstate_server_gone("57P02"));
  CU_ASSERT_TRUE(sqlstate_server_gone("25006"));
  CU_ASSERT_FALSE(sqlstate_server_gone("53300"));
  CU_ASSERT_FALSE(sqlstate_server_gone("57014"));
}

CASES(sqlstate, NULL, NULL, CASE(states_have_their_errors), CASE(a_server_that_is_gone_is_told_from_one_that_is_full));
