/* Tests of authorize/keyring, token and principal: reading, editing and finding keys, bearer headers, roles. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lontar/error.h>

#include "authorize/keyring.h"
#include "authorize/password.h"
#include "handler/principal.h"
#include "repo/fields.h"
#include "route/route.h"
#include "unit.h"

#define HASH "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A folder of its own for each case, with the path of a keyring that is not there yet. */
struct place {
  char folder[32];
  char path[64];
  char message[MESSAGE_SIZE];
};

static void place_make(struct place *place)
{
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  (void)snprintf(place->folder, sizeof place->folder, "/tmp/unit-keyring-XXXXXX");
  CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(place->folder));
  (void)snprintf(place->path, sizeof place->path, "%s/keyring", place->folder);
}

static void place_remove(const struct place *place)
{
  (void)unlink(place->path);
  CU_ASSERT_EQUAL(rmdir(place->folder), 0); /* nothing else was left behind */
}

static void place_write(const struct place *place, const char *text, mode_t mode)
{
  FILE *file = fopen(place->path, "w");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  CU_ASSERT_TRUE(fputs(text, file) >= 0);
  CU_ASSERT_EQUAL(fclose(file), 0);
  CU_ASSERT_EQUAL(chmod(place->path, mode), 0);
}

static int place_load(struct place *place, struct keyring **ret)
{
  return keyring_load(place->path, ret, place->message, sizeof place->message);
}

static void a_missing_file_is_an_empty_keyring(void)
{
  struct place place;
  struct keyring *keyring = NULL;
  place_make(&place);
  CU_ASSERT_EQUAL_FATAL(place_load(&place, &keyring), LONTAR_OK);
  CU_ASSERT_EQUAL(keyring_count(keyring), 0);
  keyring_free(keyring);
  place_remove(&place);
}

static void an_open_file_is_refused(void)
{
  struct place place;
  struct keyring *keyring = NULL;
  place_make(&place);
  place_write(&place, "", 0640);
  CU_ASSERT_EQUAL(place_load(&place, &keyring), LONTAR_FORBIDDEN);
  CU_ASSERT_PTR_NOT_NULL(strstr(place.message, "chmod 600"));
  CU_ASSERT_PTR_NULL(keyring);
  place_remove(&place);
}

static void a_bad_line_is_named(void)
{
  static const char *const lines[] = {
      "Upper " HASH " 2026-01-02T03:04:05Z",     "name sha256:abc 2026-01-02T03:04:05Z", "name " HASH,
      "name " HASH " 2026-01-02T03:04:05Z more", "good " HASH " 2026-01-02T03:04:05Z",
  };
  struct place place;
  struct keyring *keyring = NULL;
  char text[512];
  place_make(&place);
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    (void)snprintf(text, sizeof text, "# keys\n\ngood %s 2026-01-02T03:04:05Z\n%s", HASH, lines[i]);
    place_write(&place, text, 0600);
    CU_ASSERT_EQUAL(place_load(&place, &keyring), LONTAR_MALFORMED);
    CU_ASSERT_PTR_NOT_NULL(strstr(place.message, "keyring:4: "));
  }
  place_remove(&place);
}

static void an_added_key_is_found(void)
{
  struct place place;
  struct keyring *keyring = NULL;
  struct stat status;
  char first[KEYRING_KEY_SIZE], second[KEYRING_KEY_SIZE];
  place_make(&place);
  CU_ASSERT_EQUAL(keyring_add(place.path, "nexusai", first, place.message, sizeof place.message), LONTAR_OK);
  CU_ASSERT_EQUAL(keyring_add(place.path, "report.2", second, place.message, sizeof place.message), LONTAR_OK);
  CU_ASSERT_EQUAL(strlen(first), KEYRING_KEY_SIZE - 1);
  CU_ASSERT_TRUE(stat(place.path, &status) == 0 && (status.st_mode & 07777) == 0600);
  CU_ASSERT_EQUAL_FATAL(place_load(&place, &keyring), LONTAR_OK);
  CU_ASSERT_EQUAL(keyring_count(keyring), 2);
  CU_ASSERT_STRING_EQUAL(keyring_find(keyring, first, strlen(first)), "nexusai");
  CU_ASSERT_STRING_EQUAL(keyring_find(keyring, second, strlen(second)), "report.2");
  CU_ASSERT_PTR_NULL(keyring_find(keyring, second, strlen(second) - 1));
  CU_ASSERT_PTR_NULL(keyring_find(keyring, "lontar_sk_", 10));
  CU_ASSERT_PTR_NULL(keyring_find(keyring, "", 0));
  keyring_free(keyring);
  place_remove(&place);
}

static void a_bad_or_taken_name_is_refused(void)
{
  struct place place;
  char key[KEYRING_KEY_SIZE];
  place_make(&place);
  CU_ASSERT_EQUAL(keyring_add(place.path, "", key, place.message, sizeof place.message), LONTAR_INVALID);
  CU_ASSERT_EQUAL(keyring_add(place.path, "two words", key, place.message, sizeof place.message), LONTAR_INVALID);
  CU_ASSERT_EQUAL(keyring_add(place.path, "nexusai", key, place.message, sizeof place.message), LONTAR_OK);
  CU_ASSERT_EQUAL(keyring_add(place.path, "nexusai", key, place.message, sizeof place.message), LONTAR_CONFLICT);
  place_remove(&place);
}

static void revoking_takes_one_line_out_and_keeps_comments(void)
{
  struct place place;
  struct keyring *keyring = NULL;
  char text[512] = "";
  place_make(&place);
  place_write(&place, "# ours\na " HASH " 2026-01-02T03:04:05Z\nab " HASH " 2026-01-02T03:04:05Z", 0600);
  CU_ASSERT_EQUAL(keyring_revoke(place.path, "b", place.message, sizeof place.message), LONTAR_NOT_FOUND);
  CU_ASSERT_EQUAL(keyring_revoke(place.path, "a", place.message, sizeof place.message), LONTAR_OK);
  CU_ASSERT_EQUAL_FATAL(place_load(&place, &keyring), LONTAR_OK);
  CU_ASSERT_EQUAL(keyring_count(keyring), 1);
  CU_ASSERT_STRING_EQUAL(keyring_at(keyring, 0)->name, "ab");
  keyring_free(keyring);
  FILE *file = fopen(place.path, "r");
  CU_ASSERT_PTR_NOT_NULL_FATAL(file);
  const size_t length = fread(text, 1, sizeof text - 1, file);
  CU_ASSERT_EQUAL(fclose(file), 0);
  UNIT_TEXT(text, length, "# ours\nab " HASH " 2026-01-02T03:04:05Z");
  place_remove(&place);
}

static void a_token_is_random_and_its_hash_is_not(void)
{
  char first[TOKEN_SIZE], second[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];
  CU_ASSERT_EQUAL_FATAL(password_init(), LONTAR_OK);
  token_make(first);
  token_make(second);
  CU_ASSERT_EQUAL(strlen(first), TOKEN_SIZE - 1);
  CU_ASSERT_STRING_NOT_EQUAL(first, second);
  token_hash("abc", 3, hash);
  CU_ASSERT_STRING_EQUAL(hash, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void bearer_headers(void)
{
  static const struct {
    const char *header;
    const char *token; /* NULL: refused */
  } cases[] = {
      {NULL, NULL},
      {"", NULL},
      {"Bearer", NULL},
      {"Bearer short12", NULL},
      {"Basic abcdefgh", NULL},
      {"Bearerabcdefgh", NULL},
      {"Bearer abcd\x01 efgh", NULL},
      {"Bearer abcdefgh", "abcdefgh"},
      {"bEARER   abc-._~+/= ", "abc-._~+/="},
      {"Bearer kata kunci lama", "kata kunci lama"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const char *token = NULL;
    size_t length = 0;
    const enum lontar_error error = bearer_parse(cases[i].header, &token, &length);
    CU_ASSERT_EQUAL(error, cases[i].token ? LONTAR_OK : LONTAR_UNAUTHENTICATED);
    if (error == LONTAR_OK && cases[i].token)
      UNIT_TEXT(token, length, cases[i].token);
  }
}

static void a_role_or_the_owner_may(void)
{
  struct values none = {0}, id = {0}, user_id = {0}, username = {0};
  const struct principal pupil = {.who = WHO_SISWA, .user_id = 7, .username = "sari"};
  const struct principal teacher = {.who = WHO_GURU, .user_id = 8, .username = "budi"};
  const struct principal service = {.who = WHO_SERVICE};
  const struct principal nobody = {.who = WHO_ANYONE};
  value_set_integer(&id.of[FIELD_id], 7);
  value_set_integer(&user_id.of[FIELD_user_id], 7);
  value_set_text(&username.of[FIELD_username], "sari", 4);
  CU_ASSERT_EQUAL(principal_may(&nobody, &route_rows[ROUTE_login], &none), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&nobody, &route_rows[ROUTE_metrics], &none), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&nobody, &route_rows[ROUTE_subject_list], &none), LONTAR_FORBIDDEN);
  CU_ASSERT_EQUAL(principal_may(&pupil, &route_rows[ROUTE_user_get], &id), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&teacher, &route_rows[ROUTE_user_get], &id), LONTAR_FORBIDDEN);
  CU_ASSERT_EQUAL(principal_may(&pupil, &route_rows[ROUTE_chat_list_by_user], &user_id), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&teacher, &route_rows[ROUTE_chat_list_by_user], &user_id), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&pupil, &route_rows[ROUTE_user_get_by_username], &username), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&teacher, &route_rows[ROUTE_user_get_by_username], &username), LONTAR_FORBIDDEN);
  CU_ASSERT_EQUAL(principal_may(&pupil, &route_rows[ROUTE_user_delete], &id), LONTAR_FORBIDDEN);
  CU_ASSERT_EQUAL(principal_may(&service, &route_rows[ROUTE_user_delete], &id), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&service, &route_rows[ROUTE_session_get], &none), LONTAR_FORBIDDEN);
  CU_ASSERT_EQUAL(principal_may(&service, &route_rows[ROUTE_logout], &none), LONTAR_FORBIDDEN);
  CU_ASSERT_EQUAL(principal_may(&pupil, &route_rows[ROUTE_logout], &none), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&pupil, &route_rows[ROUTE_chat_create], &user_id), LONTAR_OK);
  CU_ASSERT_EQUAL(principal_may(&teacher, &route_rows[ROUTE_chat_create], &user_id), LONTAR_FORBIDDEN);
  principal_fill(&teacher, &route_rows[ROUTE_chat_create], &none);
  CU_ASSERT_EQUAL(none.of[FIELD_user_id].integer, 8);
  none = (struct values){0};
  principal_fill(&service, &route_rows[ROUTE_chat_create], &none);
  CU_ASSERT_EQUAL(none.of[FIELD_user_id].state, VALUE_ABSENT);
  CU_ASSERT_EQUAL(role_parse("guru", 4), WHO_GURU);
  CU_ASSERT_EQUAL(role_parse("guruh", 5), WHO_ANYONE);
}

UNIT_CASES(keyring, UNIT_CASE(a_missing_file_is_an_empty_keyring), UNIT_CASE(an_open_file_is_refused),
           UNIT_CASE(a_bad_line_is_named), UNIT_CASE(an_added_key_is_found), UNIT_CASE(a_bad_or_taken_name_is_refused),
           UNIT_CASE(revoking_takes_one_line_out_and_keeps_comments), UNIT_CASE(a_token_is_random_and_its_hash_is_not),
           UNIT_CASE(bearer_headers), UNIT_CASE(a_role_or_the_owner_may));
