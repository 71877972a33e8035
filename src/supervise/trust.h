/* Whether the configuration may name commands for root to run. Thread-safe. */
#ifndef SUPERVISE_TRUST_H
#define SUPERVISE_TRUST_H

#include <stdbool.h>
#include <stddef.h>

/* As root: false, with one sentence in `message`, when another user could write into the file or put another one in its
 * place. The folder may be writable for others if it is sticky. Always true for another user than root. */
bool trust_file(const char *path, char *message, size_t size);

#endif
