/* Random bits for jitter: good enough to spread things, not for secrets. Thread-safe. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

/* Never waits for the kernel. */
uint32_t random_bits(void);

#endif
