/* Bearer tokens: making them, and the hash that is stored of them. */
#include "authorize/token.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "authorize/keyring.h"

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

/* Letters, digits and a few others, then perhaps equals signs. */
static bool is_b64token(const char *token, size_t length)
{
  static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
  while (length > 1 && token[length - 1] == '=')
    length--;
  for (size_t i = 0; i < length; i++)
    if (token[i] == '\0' || !strchr(characters, token[i]))
      return false;
  return length > 0;
}

const char *token_check(const char *token, size_t length)
{
  if (!is_b64token(token, length))
    return "must be made of letters, digits and - . _ ~ + /, with = at the end only";
  if (length < TOKEN_CHOSEN_MIN || length > TOKEN_CHOSEN_MAX)
    return "must be 32 to 255 characters long";
  return keyring_is_key(token, length) ? "must not begin as a service key does" : NULL;
}

void token_hash(const char *token, size_t length, char out[TOKEN_HASH_SIZE])
{
  unsigned char digest[crypto_hash_sha256_BYTES];
  const size_t prefix = sizeof PREFIX - 1;
  (void)crypto_hash_sha256(digest, (const unsigned char *)token, length);
  memcpy(out, PREFIX, prefix);
  (void)sodium_bin2hex(out + prefix, TOKEN_HASH_SIZE - prefix, digest, sizeof digest);
}
