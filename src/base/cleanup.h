/* Scope-bound clean-up: a variable marked CLEANUP(function) is given back when its scope ends, on every path. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* For pointers from malloc: CLEANUP_FREE char *text = strdup(…). */
#define CLEANUP_FREE CLEANUP(cleanup_free_pointer)
static inline void cleanup_free_pointer(void *pointer)
{
  free(*(void **)pointer);
}

/* For descriptors; -1 means none. */
#define CLEANUP_CLOSE CLEANUP(cleanup_close_descriptor)
static inline void cleanup_close_descriptor(const int *descriptor)
{
  if (*descriptor >= 0)
    (void)close(*descriptor);
}

/* Hands a pointer on and clears the variable, so that its clean-up does nothing. */
#define TAKE(pointer)                                                                                                  \
  ({                                                                                                                   \
    __typeof__(pointer) taken_ = (pointer);                                                                            \
    (pointer) = NULL;                                                                                                  \
    taken_;                                                                                                            \
  })

#endif
