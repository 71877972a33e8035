/* Argon2id hashes of passwords, and the way out of the original's SHA-256. */
#include "authorize/password.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include <lontar/error.h>

_Static_assert(PASSWORD_HASH_SIZE == crypto_pwhash_STRBYTES, "libsodium's hash text has another size");

/* Hexadecimal digits of the original's hash. */
#define OLD_HASH_LENGTH (crypto_hash_sha256_BYTES * 2)

int password_init(void)
{
  return sodium_init() < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}

int password_hash(const char *password, size_t length, char out[PASSWORD_HASH_SIZE])
{
  char hash[PASSWORD_HASH_SIZE];
  if (crypto_pwhash_str_alg(hash, password, length, PASSWORD_PASSES, PASSWORD_MEMORY, crypto_pwhash_ALG_ARGON2ID13) !=
      0)
    return LONTAR_INTERNAL;
  memcpy(out, hash, sizeof hash);
  return LONTAR_OK;
}

const char *password_dummy_hash(void)
{
  return "$argon2id$v=19$m=19456,t=2,p=1$XYFZwug2t79t/mOcL/IeFg$RDccHIfUaY/NW3uL5QOy12zC83dr+34lZ8mA4mFKnIA";
}

static enum password_verdict verify_argon2(const char *hash, size_t hash_length, const char *password, size_t length)
{
  char text[PASSWORD_HASH_SIZE] = "";
  memcpy(text, hash, hash_length);
  if (crypto_pwhash_str_verify(text, password, length) != 0)
    return PASSWORD_WRONG;
  return crypto_pwhash_str_needs_rehash(text, PASSWORD_PASSES, PASSWORD_MEMORY) == 0 ? PASSWORD_RIGHT
                                                                                     : PASSWORD_RIGHT_REHASH;
}

static enum password_verdict verify_old(const char *hash, const char *password, size_t length)
{
  unsigned char digest[crypto_hash_sha256_BYTES];
  char hex[OLD_HASH_LENGTH + 1];
  (void)crypto_hash_sha256(digest, (const unsigned char *)password, length);
  (void)sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
  const bool same = sodium_memcmp(hex, hash, OLD_HASH_LENGTH) == 0;
  sodium_memzero(digest, sizeof digest);
  sodium_memzero(hex, sizeof hex);
  return same ? PASSWORD_RIGHT_REHASH : PASSWORD_WRONG;
}

enum password_verdict password_verify(const char *hash, size_t hash_length, const char *password, size_t length)
{
  if (hash_length > 0 && hash_length < PASSWORD_HASH_SIZE && hash[0] == '$')
    return verify_argon2(hash, hash_length, password, length);
  if (hash_length == OLD_HASH_LENGTH && verify_old(hash, password, length) == PASSWORD_RIGHT_REHASH)
    return PASSWORD_RIGHT_REHASH;
  /* A quick refusal would tell who has not logged in since the original's days. */
  const char *dummy = password_dummy_hash();
  (void)verify_argon2(dummy, strlen(dummy), password, length);
  return PASSWORD_WRONG;
}
