/* Standard input, output and error: what a program looks at before it opens anything. */
#ifndef BASE_STANDARD_H
#define BASE_STANDARD_H

#include <stdbool.h>

/* Opens /dev/null in place of each of the descriptors 0, 1 and 2 that is closed; else the next file opened would be
 * there, and get what is meant for people. False when that cannot be done. */
bool standard_open(void);

#endif
