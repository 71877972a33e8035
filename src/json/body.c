/* Bodies and query strings into values, by a list of inputs. */
#include "json/body.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "json/reader.h"

static const char not_known[] = "is not known here";
static const char too_large[] = "is too large";

/* From here on whole numbers are out of an integer's range. */
#define LARGE 9223372036854775808.0

static bool is_listed(const struct field_inputs *inputs, enum field field)
{
  return field != FIELD_none && ((inputs->must | inputs->may) & field_set_of(field));
}

static enum lontar_error outcome(const struct problems *problems)
{
  return problems->count > 0 ? LONTAR_INVALID : LONTAR_OK;
}

/* Returns NULL, or what is wrong. What 64 bits cannot hold is a double. */
static const char *read_integer(struct json_object *member, struct value *ret_value)
{
  const double real = json_object_is_type(member, json_type_double) ? json_object_get_double(member) : 0;
  if (real >= LARGE || real <= -LARGE)
    return real > 0 ? too_large : "is too small";
  if (!json_object_is_type(member, json_type_int))
    return "must be a whole number";
  /* json-c keeps what is larger than INT64_MAX apart, as an unsigned number. */
  int64_t number = json_object_get_int64(member);
  if (number == INT64_MAX && json_object_get_uint64(member) > (uint64_t)INT64_MAX)
    return too_large;
  value_set_integer(ret_value, number);
  return NULL;
}

static const char *read_real(struct json_object *member, struct value *ret_value)
{
  if (!json_object_is_type(member, json_type_double) && !json_object_is_type(member, json_type_int))
    return "must be a number";
  ret_value->state = VALUE_SET;
  ret_value->real = json_object_get_double(member);
  return NULL;
}

static const char *read_text(struct json_object *member, bool boolean, bool foreign, struct value *ret_value)
{
  if (boolean && json_object_is_type(member, json_type_boolean)) {
    bool yes = json_object_get_boolean(member) != 0;
    value_set_text(ret_value, yes ? "true" : "false", yes ? 4 : 5);
    return NULL;
  }
  if (boolean || !json_object_is_type(member, json_type_string))
    return boolean ? "must be true or false" : "must be a string";
  value_set_text(ret_value, json_object_get_string(member), (size_t)json_object_get_string_len(member));
  return !foreign || text_is_utf8(ret_value->text, ret_value->length) ? NULL : "must be valid UTF-8";
}

/* Reads a member by its field's type and rules; what is required may not be null either. */
static const char *read_member(enum field field, const struct field_inputs *inputs, bool foreign,
                               struct json_object *member, struct value *ret_value)
{
  const struct field_row *row = &field_rows[field];
  struct value value = {.state = VALUE_NULL};
  const char *wrong = NULL;
  if (member == NULL) {
    if ((inputs->must & field_set_of(field)) || !(row->rules & RULE_NULLABLE))
      return "must not be null";
    *ret_value = value;
    return NULL;
  }
  switch (row->type) {
  case FIELD_INTEGER:
    wrong = read_integer(member, &value);
    break;
  case FIELD_REAL:
    wrong = read_real(member, &value);
    break;
  case FIELD_TEXT:
    wrong = read_text(member, row->rules & RULE_BOOLEAN, foreign, &value);
    break;
  case FIELD_TIME:
    return "cannot be given";
  }
  if (wrong == NULL)
    wrong = field_check(field, &value);
  if (wrong == NULL)
    *ret_value = value;
  return wrong;
}

enum lontar_error body_read(struct json_object *object, const struct field_inputs *inputs, bool foreign,
                            struct values *values, struct problems *problems)
{
  json_object_object_foreach(object, name, member)
  {
    const size_t length = strlen(name);
    const enum field field = field_find(name, length);
    const char *wrong =
        is_listed(inputs, field) ? read_member(field, inputs, foreign, member, &values->of[field]) : not_known;
    if (wrong != NULL)
      problems_add(problems, name, length, wrong);
  }
  return outcome(problems);
}

/* JSON's white space and nothing else. */
static bool is_blank(const char *data, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (data[i] != ' ' && data[i] != '\t' && data[i] != '\r' && data[i] != '\n')
      return false;
  return true;
}

static void tell_fault(const struct json_fault *fault, const char *data, struct problems *problems)
{
  char place[sizeof problems->detail];
  json_fault_tell(fault, data, place, sizeof place);
  problems_tell(problems, "In the body, %s", place);
}

enum lontar_error body_parse(const char *data, size_t length, const struct field_inputs *inputs,
                             struct json_object **ret_body, struct values *values, struct problems *problems)
{
  *ret_body = NULL;
  if (is_blank(data, length))
    return outcome(problems);
  struct json_fault fault;
  enum lontar_error error = json_read_flat_object(data, length, BODY_DEPTH_MAX, ret_body, &fault);
  if (error == LONTAR_INVALID)
    problems_add(problems, "", 0, "a name must not contain the character NUL");
  if (error == LONTAR_MALFORMED)
    tell_fault(&fault, data, problems);
  if (error != LONTAR_OK)
    return error;
  return body_read(*ret_body, inputs, false, values, problems);
}

/* Decodes one side of a pair into `out`; returns NULL, or what is wrong. */
static const char *decode(const char *text, size_t length, char *out, size_t *ret_length)
{
  for (size_t i = 0; i < length; i++)
    out[i] = text[i] == '+' ? ' ' : text[i];
  return text_decode(out, length, out, ret_length);
}

struct pair {
  const char *name;
  size_t name_length;
  const char *value;
  size_t value_length;
};

/* Decodes a pair into `*scratch`, which moves behind it. Without = the value is empty. Returns NULL, or what is wrong;
 * `ret_pair` has a name then if that could be read. */
static const char *decode_pair(const char *text, size_t length, char **scratch, struct pair *ret_pair)
{
  const char *equals = memchr(text, '=', length);
  size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
  *ret_pair = (struct pair){.name = *scratch};
  const char *wrong = decode(text, name_length, *scratch, &ret_pair->name_length);
  if (wrong != NULL)
    return wrong;
  *scratch += ret_pair->name_length;
  ret_pair->value = *scratch;
  if (equals != NULL)
    wrong = decode(equals + 1, length - name_length - 1, *scratch, &ret_pair->value_length);
  *scratch += ret_pair->value_length;
  return wrong;
}

/* `at` counts bytes of the query, from 1. */
static void tell_pair(const struct pair *pair, size_t at, const char *wrong, struct problems *problems)
{
  enum field field = field_find(pair->name, pair->name_length);
  problems_tell(problems, "In the query, in %s, which begins at byte %zu: %s",
                field != FIELD_none ? field_rows[field].name : "a parameter", at, wrong);
}

static const char *read_pair(const struct pair *pair, const struct field_inputs *inputs, field_set *given,
                             struct values *values)
{
  enum field field = field_find(pair->name, pair->name_length);
  if (!is_listed(inputs, field))
    return not_known;
  if (*given & field_set_of(field))
    return "is given twice";
  *given |= field_set_of(field);
  return field_parse(field, pair->value, pair->value_length, &values->of[field]);
}

enum lontar_error query_parse(const char *query, size_t length, const struct field_inputs *inputs, char *scratch,
                              struct values *values, struct problems *problems)
{
  field_set given = 0;
  const char *const begin = query;
  const char *const end = query + length;
  while (query < end) {
    const char *ampersand = memchr(query, '&', (size_t)(end - query));
    const char *pair_end = ampersand != NULL ? ampersand : end;
    if (pair_end > query) {
      struct pair pair;
      const char *wrong = decode_pair(query, (size_t)(pair_end - query), &scratch, &pair);
      if (wrong != NULL) {
        tell_pair(&pair, (size_t)(query - begin) + 1, wrong, problems);
        return LONTAR_MALFORMED;
      }
      wrong = read_pair(&pair, inputs, &given, values);
      if (wrong != NULL)
        problems_add(problems, pair.name, pair.name_length, wrong);
    }
    query = pair_end + (ampersand != NULL);
  }
  return outcome(problems);
}
