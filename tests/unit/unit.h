/* How a unit test is written: cases as static functions, listed by UNIT_CASES, the module named in units.def. */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <string.h>

/* The list of a module's cases: UNIT_CASES(buffer, UNIT_CASE(grows_to_its_ceiling), …) at the end of its file. */
#define UNIT_CASES(module, ...) CU_TestInfo unit_##module[] = {__VA_ARGS__, CU_TEST_INFO_NULL}
/* clang-format off */
#define UNIT_CASE(function) {#function, function}
/* clang-format on */

#define UNIT(module) extern CU_TestInfo unit_##module[];
#include "units.def"
#undef UNIT

/* A span holds exactly that text; what it holds is shown when not. */
#define UNIT_TEXT(data, length, expected) unit_check_text((data), (length), (expected), __FILE__, __LINE__)
void unit_check_text(const char *data, size_t length, const char *expected, const char *file, unsigned line);

/* Then programs and limits are not what /proc says of them. */
bool unit_is_under_valgrind(void);

#endif
