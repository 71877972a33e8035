/*
 * Passwords: Argon2id by libsodium, and the original's unsalted SHA-256, accepted once and then replaced.
 *
 * Every call but password_dummy_hash and password_init takes tens of milliseconds and PASSWORD_MEMORY bytes: workers
 * use authorize/hasher.h, so that their loop never waits. Thread-safe after password_init. Nothing here keeps a
 * password.
 */
#ifndef AUTHORIZE_PASSWORD_H
#define AUTHORIZE_PASSWORD_H

#include <stddef.h>

/* OWASP's recommendation for Argon2id with one lane: two passes over 19 MiB. A change makes older hashes REHASH. */
#define PASSWORD_PASSES 2
#define PASSWORD_MEMORY ((size_t)19 * 1024 * 1024)

/* Room for a hash as text with its NUL; the same as crypto_pwhash_STRBYTES. */
#define PASSWORD_HASH_SIZE 128

enum password_verdict {
  PASSWORD_WRONG,
  PASSWORD_FAILED, /* there was no memory to find out: neither wrong nor right */
  PASSWORD_RIGHT,
  PASSWORD_RIGHT_REHASH, /* right, and the stored hash should be replaced by a new one */
};

/* Makes libsodium ready; once per process, before everything else in this folder. LONTAR_OK or LONTAR_INTERNAL. */
int password_init(void);

/* Hashes with a fresh salt. LONTAR_OK, or LONTAR_BUSY when there is no memory for it; `out` then stays as it was. */
int password_hash(const char *password, size_t length, char out[PASSWORD_HASH_SIZE]);

/* Compares in constant time. `hash` is an Argon2 string or 64 lower-case hexadecimal digits; anything else is WRONG, or
 * FAILED like any other, so that no memory tells nothing about a user. */
enum password_verdict password_verify(const char *hash, size_t hash_length, const char *password, size_t length);

/* The whole check of a login: the verdict on what is stored of the user, NULL for an unknown one, which takes as long
 * and is WRONG; and a new hash in place of a dated one, "" where none was or could be made: that must keep nobody out,
 * the next login tries again. LONTAR_OK, or LONTAR_BUSY when there is no memory to find out. */
int password_check(const char *stored, size_t stored_length, const char *password, size_t length,
                   enum password_verdict *ret_verdict, char ret_hash[PASSWORD_HASH_SIZE]);

/* A valid hash of today's parameters that belongs to nobody: verify against it where there is no such user, and take
 * what is not FAILED as WRONG, so that the time does not tell. Static. */
const char *password_dummy_hash(void);

#endif
