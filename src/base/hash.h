/* FNV-1a, for telling things apart that nobody forges. Pure, thread-safe. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t hash_mix(uint64_t hash, const void *data, size_t length)
{
  const unsigned char *bytes = data;
  for (size_t i = 0; i < length; i++)
    hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  return hash;
}

#endif
