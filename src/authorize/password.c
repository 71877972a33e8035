/* Argon2id hashes of passwords, and the way out of the original's SHA-256. */
#include "authorize/password.h"

#include <errno.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <lontar/error.h>

_Static_assert(PASSWORD_HASH_SIZE == crypto_pwhash_STRBYTES, "libsodium's hash text has another size");

/* Hexadecimal digits of the original's hash. */
#define OLD_HASH_LENGTH (crypto_hash_sha256_BYTES * 2)

/* Bytes of an Argon2 hash that crypto_pwhash_str makes. */
enum { HASH_BYTES = 32 };

int password_init(void)
{
  return sodium_init() < 0 ? LONTAR_INTERNAL : LONTAR_OK;
}

int password_hash(const char *password, size_t length, char out[PASSWORD_HASH_SIZE])
{
  char hash[PASSWORD_HASH_SIZE];
  if (crypto_pwhash_str_alg(hash, password, length, PASSWORD_PASSES, PASSWORD_MEMORY, crypto_pwhash_ALG_ARGON2ID13) !=
      0)
    return LONTAR_BUSY;
  memcpy(out, hash, sizeof hash);
  return LONTAR_OK;
}

const char *password_dummy_hash(void)
{
  return "$argon2id$v=19$m=19456,t=2,p=1$XYFZwug2t79t/mOcL/IeFg$RDccHIfUaY/NW3uL5QOy12zC83dr+34lZ8mA4mFKnIA";
}

/* A hash of the form that crypto_pwhash_str makes, taken apart. */
struct argon2 {
  unsigned memory; /* KiB */
  unsigned passes;
  unsigned char salt[crypto_pwhash_SALTBYTES];
  unsigned char hash[HASH_BYTES];
};

/* Reads exactly `size` bytes in base64, which end at `end`; returns what follows, or NULL. */
static const char *base64_read(const char *text, char end, unsigned char *out, size_t size)
{
  size_t length;
  const char *rest;
  if (sodium_base642bin(out, size, text, strlen(text), NULL, &length, &rest,
                        sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0 ||
      length != size || *rest != end)
    return NULL;
  return rest + 1;
}

/* The number behind `name`, such as "$m=". */
static bool parameter_read(const char *text, const char *name, unsigned *ret_number)
{
  const char *at = strstr(text, name);
  if (!at || at[strlen(name)] < '0' || at[strlen(name)] > '9')
    return false;
  const unsigned long number = strtoul(at + strlen(name), NULL, 10);
  *ret_number = (unsigned)number;
  return number <= UINT32_MAX;
}

static bool argon2_parse(const char *text, struct argon2 *ret_parts)
{
  char head[PASSWORD_HASH_SIZE];
  if (!parameter_read(text, "$m=", &ret_parts->memory) || !parameter_read(text, ",t=", &ret_parts->passes))
    return false;
  int length = snprintf(head, sizeof head, "$argon2id$v=19$m=%u,t=%u,p=1$", ret_parts->memory, ret_parts->passes);
  if (strncmp(text, head, (size_t)length) != 0)
    return false;
  const char *hash = base64_read(text + length, '$', ret_parts->salt, sizeof ret_parts->salt);
  return hash && base64_read(hash, '\0', ret_parts->hash, sizeof ret_parts->hash);
}

/* Parameters that libsodium does not take are a hash's fault, all else is memory's. */
static enum password_verdict argon2_verify(const struct argon2 *parts, const char *password, size_t length)
{
  unsigned char hash[HASH_BYTES];
  errno = 0;
  if (crypto_pwhash(hash, sizeof hash, password, length, parts->salt, parts->passes, (size_t)parts->memory * 1024,
                    crypto_pwhash_ALG_ARGON2ID13) != 0)
    return errno == EINVAL || errno == EFBIG ? PASSWORD_WRONG : PASSWORD_FAILED;
  const bool same = sodium_memcmp(hash, parts->hash, sizeof hash) == 0;
  sodium_memzero(hash, sizeof hash);
  return same ? PASSWORD_RIGHT : PASSWORD_WRONG;
}

/* Whether so much memory can be had at this moment. */
static bool memory_is_there(const char *text)
{
  unsigned kibibytes = 0;
  if (!parameter_read(text, "$m=", &kibibytes) || kibibytes == 0)
    return true;
  void *room = mmap(NULL, (size_t)kibibytes * 1024, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return room != MAP_FAILED && munmap(room, (size_t)kibibytes * 1024) == 0;
}

/* crypto_pwhash_str_verify of libsodium 1.0.18 says of a lack of memory that the password does not match, errno and
 * all. So hashes of our own form are compared here; with others, of several lanes say, the memory is looked at
 * afterwards. */
static enum password_verdict verify_text(const char *text, const char *password, size_t length)
{
  struct argon2 parts;
  if (argon2_parse(text, &parts))
    return argon2_verify(&parts, password, length);
  if (crypto_pwhash_str_verify(text, password, length) == 0)
    return PASSWORD_RIGHT;
  return memory_is_there(text) ? PASSWORD_WRONG : PASSWORD_FAILED;
}

static enum password_verdict verify_argon2(const char *hash, size_t hash_length, const char *password, size_t length)
{
  char text[PASSWORD_HASH_SIZE] = "";
  memcpy(text, hash, hash_length);
  enum password_verdict verdict = verify_text(text, password, length);
  if (verdict == PASSWORD_RIGHT && crypto_pwhash_str_needs_rehash(text, PASSWORD_PASSES, PASSWORD_MEMORY) != 0)
    return PASSWORD_RIGHT_REHASH;
  return verdict;
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
  return verify_argon2(dummy, strlen(dummy), password, length) == PASSWORD_FAILED ? PASSWORD_FAILED : PASSWORD_WRONG;
}

int password_check(const char *stored, size_t stored_length, const char *password, size_t length,
                   enum password_verdict *ret_verdict, char ret_hash[PASSWORD_HASH_SIZE])
{
  const char *dummy = password_dummy_hash();
  enum password_verdict verdict = stored != NULL ? password_verify(stored, stored_length, password, length)
                                                 : password_verify(dummy, strlen(dummy), password, length);
  if (verdict == PASSWORD_FAILED)
    return LONTAR_BUSY;
  ret_hash[0] = '\0';
  *ret_verdict = stored != NULL ? verdict : PASSWORD_WRONG;
  if (*ret_verdict == PASSWORD_RIGHT_REHASH)
    (void)password_hash(password, length, ret_hash);
  return LONTAR_OK;
}
