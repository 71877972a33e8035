/* The suites of the system tests, each an array that ends with CU_TEST_INFO_NULL. */
#ifndef SYSTEM_SYSTEM_H
#define SYSTEM_SYSTEM_H

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>

#define SUITE(name, ...) extern CU_TestInfo suite_##name[];
#include "system/suites.def"
#undef SUITE

#endif
