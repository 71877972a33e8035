/* Reading the file of service keys and finding a key in it. */
#include "authorize/keyring.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include <lontar/error.h>

#include "authorize/keyring_file.h"
#include "base/buffer.h"
#include "base/cleanup.h"

struct keyring {
  size_t count;
  size_t capacity;
  struct keyring_entry *entries;
};

bool keyring_name_is_valid(const char *name, size_t length)
{
  if (length == 0 || length >= KEYRING_NAME_SIZE)
    return false;
  for (size_t i = 0; i < length; i++)
    if (name[i] == '\0' || !strchr("abcdefghijklmnopqrstuvwxyz0123456789._-", name[i]))
      return false;
  return true;
}

static bool hash_is_valid(const char *text, size_t length)
{
  if (length != TOKEN_HASH_SIZE - 1 || memcmp(text, "sha256:", 7) != 0)
    return false;
  for (size_t i = 7; i < length; i++)
    if (text[i] == '\0' || !strchr("0123456789abcdef", text[i]))
      return false;
  return true;
}

/* Puts the three words of a line into an entry; the reason why not, or NULL. */
static const char *parse_line(const char *line, const char *end, struct keyring_entry *entry)
{
  size_t length = keyring_word(&line, end);
  if (!keyring_name_is_valid(line, length))
    return "the name must be 1 to 64 of a-z 0-9 . _ -";
  memcpy(entry->name, line, length);
  line += length;
  length = keyring_word(&line, end);
  if (!hash_is_valid(line, length))
    return "the second word must be sha256: and 64 lower-case hexadecimal digits";
  memcpy(entry->hash, line, length);
  line += length;
  length = keyring_word(&line, end);
  if (length == 0 || length >= sizeof entry->created)
    return "the third word must be the time of its making";
  memcpy(entry->created, line, length);
  line += length;
  return keyring_word(&line, end) == 0 ? NULL : "a line has three words";
}

bool keyring_has(const struct keyring *keyring, const char *name)
{
  for (size_t i = 0; i < keyring->count; i++)
    if (strcmp(keyring->entries[i].name, name) == 0)
      return true;
  return false;
}

static const char no_memory[] = "out of memory";

static const char *add_line(struct keyring *keyring, const char *line, const char *end)
{
  struct keyring_entry entry = {0};
  const char *reason = parse_line(line, end, &entry);
  if (reason)
    return reason;
  if (keyring_has(keyring, entry.name))
    return "this name is there already";
  if (keyring->count == keyring->capacity) {
    const size_t capacity = keyring->capacity ? keyring->capacity * 2 : 8;
    struct keyring_entry *entries = reallocarray(keyring->entries, capacity, sizeof entry);
    if (!entries)
      return no_memory;
    keyring->entries = entries;
    keyring->capacity = capacity;
  }
  keyring->entries[keyring->count++] = entry;
  return NULL;
}

static void cleanup_keyring(struct keyring **keyring)
{
  keyring_free(*keyring);
}

int keyring_parse(const char *path, const char *text, size_t length, struct keyring **ret, char *message, size_t size)
{
  CLEANUP(cleanup_keyring) struct keyring *keyring = calloc(1, sizeof *keyring);
  if (!keyring)
    return message_fail(LONTAR_INTERNAL, message, size, "keyring %s: out of memory", path);
  const char *end = text + length;
  for (int number = 1; length > 0 && text < end; number++) {
    const char *stop = memchr(text, '\n', (size_t)(end - text));
    if (!stop)
      stop = end;
    const char *word = text;
    const bool empty = keyring_word(&word, stop) == 0 || *word == '#';
    const char *reason = empty ? NULL : add_line(keyring, text, stop);
    if (reason)
      return message_fail(reason == no_memory ? LONTAR_INTERNAL : LONTAR_MALFORMED, message, size, "%s:%d: %s", path,
                          number, reason);
    text = stop < end ? stop + 1 : end;
  }
  *ret = TAKE(keyring);
  return LONTAR_OK;
}

int keyring_load(const char *path, struct keyring **ret, char *message, size_t size)
{
  CLEANUP(buffer_free) struct buffer text;
  struct stat status;
  buffer_init(&text, KEYRING_FILE_MAX);
  const int error = keyring_read_file(path, &text, &status, message, size);
  return error ? error : keyring_parse(path, text.data, text.length, ret, message, size);
}

void keyring_free(struct keyring *keyring)
{
  if (!keyring)
    return;
  free(keyring->entries);
  free(keyring);
}

const char *keyring_find(const struct keyring *keyring, const char *key, size_t length)
{
  char hash[TOKEN_HASH_SIZE];
  const char *name = NULL;
  if (!keyring_is_key(key, length))
    return NULL;
  token_hash(key, length, hash);
  for (size_t i = 0; i < keyring->count; i++)
    if (sodium_memcmp(keyring->entries[i].hash, hash, sizeof hash) == 0)
      name = keyring->entries[i].name;
  return name;
}

size_t keyring_count(const struct keyring *keyring)
{
  return keyring->count;
}

const struct keyring_entry *keyring_at(const struct keyring *keyring, size_t index)
{
  return &keyring->entries[index];
}
