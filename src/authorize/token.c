/* Bearer tokens: making them, and the hash that is stored of them. */
#include "authorize/token.h"

#include <sodium.h>
#include <string.h>

#define PREFIX "sha256:"

_Static_assert(TOKEN_SIZE == sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING),
               "a token is 32 bytes in base64");
_Static_assert(TOKEN_HASH_SIZE == sizeof PREFIX + crypto_hash_sha256_BYTES * 2, "a token's hash is one SHA-256");

void token_make(char out[TOKEN_SIZE])
{
  unsigned char secret[32];
  randombytes_buf(secret, sizeof secret);
  (void)sodium_bin2base64(out, TOKEN_SIZE, secret, sizeof secret, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  sodium_memzero(secret, sizeof secret);
}

void token_hash(const char *token, size_t length, char out[TOKEN_HASH_SIZE])
{
  unsigned char digest[crypto_hash_sha256_BYTES];
  const size_t prefix = sizeof PREFIX - 1;
  (void)crypto_hash_sha256(digest, (const unsigned char *)token, length);
  memcpy(out, PREFIX, prefix);
  (void)sodium_bin2hex(out + prefix, TOKEN_HASH_SIZE - prefix, digest, sizeof digest);
}
