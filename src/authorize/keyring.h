/*
 * The file of service keys: one line `name sha256:<hex> <created, RFC 3339>` a key, # begins a comment line.
 *
 * Only hashes are kept, and still the file must be closed to group and others. A loaded keyring does not change and may
 * be read by any thread; the caller frees it. Editing replaces the file whole by rename, under a lock on its folder,
 * and keeps mode, owner and comments. On an error `message` holds one sentence for the operator; outputs stay
 * untouched.
 */
#ifndef AUTHORIZE_KEYRING_H
#define AUTHORIZE_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "authorize/token.h"
#include "base/message.h"

/* Every service key begins so; any other bearer token is a session's. */
#define KEYRING_KEY_PREFIX "lontar_sk_"

/* A key in the clear with its NUL: the prefix and 43 characters of URL-safe base64. */
#define KEYRING_KEY_SIZE (sizeof KEYRING_KEY_PREFIX - 1 + TOKEN_SIZE)

/* A name, [a-z0-9._-]{1,64}, with its NUL. */
#define KEYRING_NAME_SIZE 65

struct keyring;

struct keyring_entry {
  char name[KEYRING_NAME_SIZE];
  char hash[TOKEN_HASH_SIZE];
  char created[32]; /* RFC 3339 */
};

/* Reads the file; a missing one is an empty keyring. LONTAR_OK; LONTAR_FORBIDDEN when group or others may read or write
 * it; LONTAR_MALFORMED with file and line; LONTAR_INTERNAL when it cannot be read. */
int keyring_load(const char *path, struct keyring **ret, char *message, size_t size);

/* The same of a text; `path` is for messages. */
int keyring_parse(const char *path, const char *text, size_t length, struct keyring **ret, char *message, size_t size);

/* NULL is fine. */
void keyring_free(struct keyring *keyring);

/* Whether a bearer token claims to be a service key; no statement about its worth. liblontar asks it, too, and has no
 * keyring. */
static inline bool keyring_is_key(const char *token, size_t length)
{
  const size_t prefix = sizeof KEYRING_KEY_PREFIX - 1;
  return length >= prefix && memcmp(token, KEYRING_KEY_PREFIX, prefix) == 0;
}

/* The name that the key belongs to, borrowed from the keyring, or NULL. Time does not depend on the hashes. */
const char *keyring_find(const struct keyring *keyring, const char *key, size_t length);

bool keyring_name_is_valid(const char *name, size_t length);

/* Whether a key has that name. */
bool keyring_has(const struct keyring *keyring, const char *name);

/* The entries in order of the file. */
size_t keyring_count(const struct keyring *keyring);
const struct keyring_entry *keyring_at(const struct keyring *keyring, size_t index);

/* Makes a key, appends its hash and gives the key in the clear, once. LONTAR_INVALID for a bad name, LONTAR_CONFLICT
 * for one that exists, or what keyring_load says; a new file gets mode 0600. */
int keyring_add(const char *path, const char *name, char ret_key[KEYRING_KEY_SIZE], char *message, size_t size);

/* Takes the name's line out. LONTAR_NOT_FOUND when there is none, or what keyring_load says. */
int keyring_revoke(const char *path, const char *name, char *message, size_t size);

#endif
