/* The one sentence with which a failing step tells its caller why. Thread-safe. */
#ifndef BASE_MESSAGE_H
#define BASE_MESSAGE_H

#include <stddef.h>

enum { MESSAGE_SIZE = 512 };

/* Writes the sentence and gives `error` back. */
__attribute__((format(printf, 4, 5))) int message_fail(int error, char *message, size_t size, const char *format, ...);

#endif
