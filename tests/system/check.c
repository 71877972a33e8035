/* Assertions of the system tests. */
#include "system/check.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/client.h"

enum { TEXT_SIZE = 1024, PATH_SIZE = 256 };

void need(bool condition, const char *message)
{
  if (condition)
    return;
  fprintf(stderr, "system: %s\n", message);
  exit(2);
}

const char *need_environment(const char *name)
{
  const char *value = getenv(name);
  if (!value || !*value) {
    fprintf(stderr, "system: %s is not set; start this program with tests/system/run\n", name);
    exit(2);
  }
  return value;
}

bool check_at(const char *file, int line, bool good, const char *format, ...)
{
  char text[TEXT_SIZE];
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  (void)CU_assertImplementation(good, (unsigned)line, text, file, "", CU_FALSE);
  return good;
}

bool check_status(const char *label, const struct answer *answer, long status)
{
  return CHECK(answer->status == status, "%s: got status %ld, want %ld; body: %.300s", label, answer->status, status,
               answer->body ? answer->body : "");
}

bool check_text(const char *label, const char *got, const char *want)
{
  return CHECK(strcmp(got, want) == 0, "%s: got \"%.300s\", want \"%.300s\"", label, got, want);
}

bool check_number(const char *label, long long got, long long want)
{
  return CHECK(got == want, "%s: got %lld, want %lld", label, got, want);
}

bool check_problem(const char *label, const struct answer *answer, long status, const char *code)
{
  char type[PATH_SIZE];
  char id[PATH_SIZE];
  answer_header(answer, "Content-Type", type, sizeof type);
  answer_header(answer, "X-Request-Id", id, sizeof id);
  bool good = check_status(label, answer, status);
  good &= CHECK(strcmp(type, "application/problem+json") == 0, "%s: got content type \"%s\"", label, type);
  good &= CHECK(strcmp(answer_text(answer, "code"), code) == 0, "%s: got code \"%s\", want \"%s\"", label,
                answer_text(answer, "code"), code);
  good &= CHECK(answer_number(answer, "status") == status, "%s: got member status %lld, want %ld", label,
                answer_number(answer, "status"), status);
  good &= CHECK(*answer_text(answer, "title") != '\0', "%s: the problem has no title", label);
  good &= CHECK(*id != '\0', "%s: the answer has no X-Request-Id", label);
  good &= CHECK(strcmp(answer_text(answer, "request_id"), id) == 0, "%s: got request_id \"%s\", header \"%s\"", label,
                answer_text(answer, "request_id"), id);
  return good;
}

static bool names_field(const struct answer *answer, const char *field)
{
  json_object *errors = answer_member(answer, "errors");
  if (!json_object_is_type(errors, json_type_array))
    return false;
  for (size_t i = 0; i < json_object_array_length(errors); i++) {
    json_object *entry = json_object_array_get_idx(errors, i);
    json_object *name = NULL;
    json_object *message = NULL;
    json_object_object_get_ex(entry, "field", &name);
    json_object_object_get_ex(entry, "message", &message);
    if (name && message && strcmp(json_object_get_string(name), field) == 0)
      return json_object_get_string_len(message) > 0;
  }
  return false;
}

bool check_field(const char *label, const struct answer *answer, long status, const char *code, const char *field)
{
  bool good = check_problem(label, answer, status, code);
  return CHECK(names_field(answer, field), "%s: errors do not name the field %s: %.300s", label, field, answer->body) &&
         good;
}

bool check_members(const char *label, json_object *object, const char *names)
{
  int count = 0;
  bool good = CHECK(json_object_is_type(object, json_type_object), "%s: there is no record", label);
  if (!good)
    return false;
  char copy[PATH_SIZE];
  (void)snprintf(copy, sizeof copy, "%s", names);
  char *rest = copy;
  for (char *name; (name = strsep(&rest, " ")); count++)
    good &= CHECK(json_object_object_get_ex(object, name, NULL), "%s: the member %s is missing: %.300s", label, name,
                  json_object_to_json_string(object));
  good &= CHECK(json_object_object_length(object) == count, "%s: got %d members, want %d (%s): %.300s", label,
                json_object_object_length(object), count, names, json_object_to_json_string(object));
  return good;
}

/* Whether the text has a digit wherever the pattern has a 0, and the pattern's own characters elsewhere. */
static bool looks_like(const char *text, const char *pattern, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (pattern[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i])
      return false;
  return true;
}

bool check_time(const char *label, json_object *object, const char *name)
{
  static const char SECONDS[] = "0000-00-00T00:00:00";
  json_object *member = NULL;
  json_object_object_get_ex(object, name, &member);
  const char *text = json_object_is_type(member, json_type_string) ? json_object_get_string(member) : "";
  size_t head = sizeof SECONDS - 1;
  bool good = strlen(text) > head && looks_like(text, SECONDS, head);
  const char *rest = good ? text + head : text;
  if (*rest == '.' && strspn(rest + 1, "0123456789") > 0)
    rest += 1 + strspn(rest + 1, "0123456789");
  return CHECK(good && strcmp(rest, "Z") == 0, "%s: %s is \"%s\", want RFC 3339 in UTC with Z", label, name, text);
}

bool check_created(const char *label, const struct answer *answer, const char *members, const char *location_base)
{
  char location[PATH_SIZE];
  char want[PATH_SIZE];
  bool good = check_status(label, answer, 201) && check_members(label, answer->json, members);
  if (!good)
    return false;
  answer_header(answer, "Location", location, sizeof location);
  (void)snprintf(want, sizeof want, "%s/%lld", location_base, answer_number(answer, "id"));
  size_t want_length = strlen(want);
  size_t length = strlen(location);
  good = length >= want_length && strcmp(location + length - want_length, want) == 0;
  return CHECK(good, "%s: got Location \"%s\", want one that ends in \"%s\"", label, location, want) &&
         check_time(label, answer->json, "created_at");
}
