/* lontarctl user: add, passwd, list, as a client of liblontar. */
#include <getopt.h>
#include <json-c/json.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include <lontar/repository.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "repo/fields.h"
#include "tools/connect.h"
#include "tools/password_prompt.h"

enum { LIST_PAGE = 100 };

static void put_object(json_object **object)
{
  json_object_put(*object);
}
#define CLEANUP_OBJECT CLEANUP(put_object)

/* Reads an argument as a field, before anything is asked for; prints what is wrong with it. */
static int argument_read(enum field field, const char *text, json_object *input)
{
  struct value value;
  const char *wrong = field_parse(field, text, strlen(text), &value);
  if (!wrong && !text_is_utf8(text, strlen(text)))
    wrong = "must be valid UTF-8";
  if (wrong)
    return command_fail(NULL, "%s %s", field_rows[field].name, wrong);
  (void)json_object_object_add(input, field_rows[field].name, json_object_new_string(text));
  return COMMAND_DONE;
}

static int password_read(json_object *input)
{
  char line[PASSWORD_LINE_SIZE];
  size_t length;
  int status = password_prompt(line, &length);
  if (status == COMMAND_DONE)
    (void)json_object_object_add(input, "password", json_object_new_string_len(line, (int)length));
  sodium_memzero(line, sizeof line);
  return status;
}

static int user_add(const struct invocation *invocation, int argc, char **argv)
{
  static const struct option long_options[] = {
      {"role", required_argument, NULL, 'r'}, {"full-name", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
  CLEANUP_OBJECT json_object *input = json_object_new_object();
  LONTAR_SCOPE struct lontar_database *database = NULL;
  struct lontar_failure failure;
  int letter;
  while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
    if (letter == '?')
      return command_misuse("user add does not take this");
    if (argument_read(letter == 'r' ? FIELD_role : FIELD_full_name, optarg, input) != COMMAND_DONE)
      return COMMAND_FAILED;
  }
  if (optind + 1 != argc)
    return command_misuse("user add takes one USERNAME");
  if (!json_object_object_get(input, "role"))
    return command_misuse("user add needs --role siswa, guru or admin");
  if (argument_read(FIELD_username, argv[optind], input) != COMMAND_DONE || password_read(input) != COMMAND_DONE)
    return COMMAND_FAILED;
  database = connect_library(invocation);
  if (!database)
    return COMMAND_FAILED;
  enum lontar_error error = lontar_repository_user_create(database, input, NULL, &failure);
  if (error == LONTAR_CONFLICT)
    return command_fail("Choose another name, or set its password with user passwd.", "the user %s exists already",
                        argv[optind]);
  if (error != LONTAR_OK)
    return connect_tell(&failure);
  printf("the user %s is made\n", argv[optind]);
  return COMMAND_DONE;
}

static int user_passwd(const struct invocation *invocation, int argc, char **argv)
{
  CLEANUP_OBJECT json_object *name = json_object_new_object();
  CLEANUP_OBJECT json_object *input = json_object_new_object();
  CLEANUP_OBJECT json_object *user = NULL;
  LONTAR_SCOPE struct lontar_database *database = NULL;
  struct lontar_failure failure;
  if (argc != 2)
    return command_misuse("user passwd takes one USERNAME");
  database = connect_library(invocation);
  if (!database)
    return COMMAND_FAILED;
  (void)json_object_object_add(name, "username", json_object_new_string(argv[1]));
  enum lontar_error error = lontar_repository_user_get_by_username(database, name, &user, &failure);
  if (error == LONTAR_NOT_FOUND || error == LONTAR_INVALID)
    return command_fail("lontarctl user list shows all users.", "there is no user %s", argv[1]);
  if (error != LONTAR_OK)
    return connect_tell(&failure);
  if (password_read(input) != COMMAND_DONE)
    return COMMAND_FAILED;
  (void)json_object_object_add(input, "id", json_object_get(json_object_object_get(user, "id")));
  error = lontar_repository_user_update(database, input, NULL, &failure);
  if (error == LONTAR_NOT_FOUND)
    return command_fail(NULL, "the user %s was deleted meanwhile", argv[1]);
  if (error != LONTAR_OK)
    return connect_tell(&failure);
  printf("the user %s has a new password, and no session any more\n", argv[1]);
  return COMMAND_DONE;
}

static const char *record_text(json_object *record, const char *name)
{
  json_object *value = json_object_object_get(record, name);
  return value ? json_object_get_string(value) : "";
}

static void list_print(json_object *users, bool json)
{
  if (json) {
    puts(json_object_to_json_string_ext(users, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    return;
  }
  printf("%8s  %-7s %-30s %s\n", "ID", "ROLE", "USERNAME", "FULL NAME");
  for (size_t i = 0; i < json_object_array_length(users); i++) {
    json_object *user = json_object_array_get_idx(users, i);
    printf("%8s  %-7s %-30s %s\n", record_text(user, "id"), record_text(user, "role"), record_text(user, "username"),
           record_text(user, "full_name"));
  }
}

/* Reads all pages of the list of users. */
static int list_fetch(struct lontar_database *database, json_object *users)
{
  CLEANUP_OBJECT json_object *input = json_object_new_object();
  (void)json_object_object_add(input, "limit", json_object_new_int(LIST_PAGE));
  for (bool more = true; more;) {
    CLEANUP_OBJECT json_object *page = NULL;
    struct lontar_failure failure;
    if (lontar_repository_user_list(database, input, &page, &failure) != LONTAR_OK)
      return connect_tell(&failure);
    json_object *items = json_object_object_get(page, "items");
    json_object *next = json_object_object_get(page, "next");
    for (size_t i = 0; i < json_object_array_length(items); i++)
      (void)json_object_array_add(users, json_object_get(json_object_array_get_idx(items, i)));
    (void)json_object_object_add(input, "after", json_object_get(next));
    more = next != NULL;
  }
  return COMMAND_DONE;
}

static int user_list(const struct invocation *invocation, int argc, char **argv)
{
  bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json)
    return command_misuse("user list takes --json or nothing");
  LONTAR_SCOPE struct lontar_database *database = connect_library(invocation);
  if (!database)
    return COMMAND_FAILED;
  CLEANUP_OBJECT json_object *users = json_object_new_array();
  int status = list_fetch(database, users);
  if (status == COMMAND_DONE)
    list_print(users, json);
  return status;
}

int command_user(const struct invocation *invocation, int argc, char **argv)
{
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "add") == 0)
    return user_add(invocation, argc - 1, argv + 1);
  if (strcmp(what, "passwd") == 0)
    return user_passwd(invocation, argc - 1, argv + 1);
  if (strcmp(what, "list") == 0)
    return user_list(invocation, argc - 1, argv + 1);
  return command_misuse("user takes add, passwd or list");
}
