/* Runs the unit tests: all, or the modules named on the command line. */
#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"

static const struct {
  const char *module;
  CU_TestInfo *cases;
} units[] = {
#define UNIT(module) {#module, unit_##module},
#include "units.def"
#undef UNIT
};

void unit_check_text(const char *data, size_t length, const char *expected, const char *file, unsigned line)
{
  bool same = strlen(expected) == length && memcmp(data, expected, length) == 0;
  if (!same)
    printf("\n    got:  %.*s\n    want: %s\n", (int)length, data, expected);
  CU_assertImplementation(same, line, "text is as expected", file, "", CU_FALSE);
}

bool unit_is_under_valgrind(void)
{
  const char *preload = getenv("LD_PRELOAD");
  return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

static bool is_wanted(const char *module, int count, char **names)
{
  for (int i = 0; i < count; i++)
    if (strcmp(names[i], module) == 0)
      return true;
  return count == 0;
}

static bool add_unit(const char *module, const CU_TestInfo *cases)
{
  CU_pSuite suite = CU_add_suite(module, NULL, NULL);
  for (; suite != NULL && cases->pName != NULL; cases++)
    if (CU_add_test(suite, cases->pName, cases->pTestFunc) == NULL)
      return false;
  return suite != NULL;
}

int main(int argc, char **argv)
{
  if (CU_initialize_registry() != CUE_SUCCESS)
    return EXIT_FAILURE;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (is_wanted(units[i].module, argc - 1, argv + 1) && !add_unit(units[i].module, units[i].cases))
      return EXIT_FAILURE;
  CU_basic_set_mode(CU_BRM_NORMAL);
  bool ran = CU_basic_run_tests() == CUE_SUCCESS && CU_get_number_of_tests_run() > 0;
  unsigned failures = CU_get_number_of_tests_failed();
  printf("unit: %u passed, %u failed\n", CU_get_number_of_tests_run() - failures, failures);
  CU_cleanup_registry();
  return ran && failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
