/* Bodies and query strings into values, by a list of inputs. */
#include "json/body.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const char not_known[] = "is not known here";
static const char is_required[] = "is required";

/* What the text of a body tells that the parsed tree has lost. */
struct members {
  int count; /* of the outermost object, doubled ones too */
  bool name_has_nul;
};

static bool is_listed(const struct field_input *inputs, enum field field)
{
  for (; inputs->field != FIELD_none; inputs++)
    if (inputs->field == field)
      return true;
  return false;
}

/* Sees which required fields were not given; those that were given and refused have their own problem. */
static void check_required(const struct field_input *inputs, const bool *given, struct problems *problems)
{
  for (; inputs->field != FIELD_none; inputs++) {
    const char *name = field_rows[inputs->field].name;
    if (inputs->required && !given[inputs->field])
      problems_add(problems, name, strlen(name), is_required);
  }
}

static enum lontar_error outcome(const struct problems *problems)
{
  return problems->count > 0 ? LONTAR_INVALID : LONTAR_OK;
}

static bool is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

/* The number of an escape \uXXXX whose u is at `at`, -1 when there is none. */
static long escape_number(const char *at, const char *end)
{
  char digits[5] = "";
  if (end - at < 5 || *at != 'u')
    return -1;
  memcpy(digits, at + 1, 4);
  return strtol(digits, NULL, 16);
}

/* Steps from the byte behind a backslash to the last one of its escape; NULL for half a surrogate pair. */
static const char *skip_escape(const char *at, const char *end)
{
  long number = escape_number(at, end);
  if (number < 0)
    return at;
  at += 4;
  if (number < 0xD800 || number > 0xDFFF)
    return at;
  long low = end - at > 2 && at[1] == '\\' ? escape_number(at + 2, end) : -1;
  return number < 0xDC00 && low >= 0xDC00 && low <= 0xDFFF ? at + 6 : NULL;
}

/* Steps over a string from behind its opening quote; NULL when it holds a bare control character or half a pair. */
static const char *skip_string(const char *at, const char *end, bool *ret_nul)
{
  *ret_nul = false;
  for (; at < end && *at != '"'; at++) {
    if ((unsigned char)*at < 0x20)
      return NULL;
    if (*at == '\\') {
      *ret_nul |= escape_number(at + 1, end) == 0;
      at = skip_escape(at + 1, end);
      if (at == NULL)
        return NULL;
    }
  }
  return at + 1;
}

/*
 * What json-c takes although it is no JSON, at a byte outside of strings: names in single quotes, NaN, Infinity, 1. and
 * -01. The text is an object, so bytes lie on either side.
 */
static bool is_loose(const char *at)
{
  switch (*at) {
  case '\'':
  case 'N':
  case 'I':
    return true;
  case '.':
    return !is_digit(at[1]);
  case '-':
    return at[1] == '0' && is_digit(at[2]) && at[-1] != 'e' && at[-1] != 'E';
  default:
    return false;
  }
}

/*
 * json-c also keeps the last of doubled members, ends a name at NUL, takes bare control characters in strings, and
 * replaces half a surrogate pair. A walk over the text that it took tells. False when it is not JSON.
 */
static bool scan_members(const char *data, size_t length, struct members *ret_members)
{
  struct members members = {0};
  bool string_has_nul = false;
  int depth = 0;
  for (const char *at = data, *end = data + length; at < end; at++) {
    if (*at == '"') {
      at = skip_string(at + 1, end, &string_has_nul);
      if (at == NULL)
        return false;
      at--;
    } else if (*at == '{' || *at == '[') {
      depth++;
    } else if (*at == '}' || *at == ']') {
      depth--;
    } else if (is_loose(at)) {
      return false;
    } else if (*at == ':' && depth == 1) {
      members.count++;
      members.name_has_nul |= string_has_nul;
    }
  }
  *ret_members = members;
  return true;
}

/* Returns NULL, or what is wrong. */
static const char *read_integer(struct json_object *member, struct value *ret_value)
{
  if (!json_object_is_type(member, json_type_int))
    return "must be a whole number";
  /* json-c keeps what is larger than INT64_MAX apart, as an unsigned number. */
  int64_t number = json_object_get_int64(member);
  if (number == INT64_MAX && json_object_get_uint64(member) > (uint64_t)INT64_MAX)
    return "is too large";
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

static const char *read_text(struct json_object *member, bool boolean, struct value *ret_value)
{
  if (boolean && json_object_is_type(member, json_type_boolean)) {
    bool yes = json_object_get_boolean(member) != 0;
    value_set_text(ret_value, yes ? "true" : "false", yes ? 4 : 5);
    return NULL;
  }
  if (boolean || !json_object_is_type(member, json_type_string))
    return boolean ? "must be true or false" : "must be a string";
  value_set_text(ret_value, json_object_get_string(member), (size_t)json_object_get_string_len(member));
  return NULL;
}

static bool is_required_here(const struct field_input *inputs, enum field field)
{
  while (inputs->field != field)
    inputs++;
  return inputs->required;
}

/* Reads a member by its field's type and rules; what is required may not be null either. */
static const char *read_member(enum field field, bool required, struct json_object *member, struct value *ret_value)
{
  const struct field_row *row = &field_rows[field];
  struct value value = {.state = VALUE_NULL};
  const char *wrong = NULL;
  if (member == NULL) {
    if (required || !(row->rules & RULE_NULLABLE))
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
    wrong = read_text(member, row->rules & RULE_BOOLEAN, &value);
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

static void read_members(struct json_object *root, const struct field_input *inputs, struct values *values,
                         struct problems *problems)
{
  bool given[FIELD_COUNT] = {false};
  json_object_object_foreach(root, name, member)
  {
    size_t length = strlen(name);
    enum field field = field_find(name, length);
    const char *wrong = not_known;
    if (field != FIELD_none && is_listed(inputs, field)) {
      given[field] = true;
      wrong = read_member(field, is_required_here(inputs, field), member, &values->of[field]);
    }
    if (wrong != NULL)
      problems_add(problems, name, length, wrong);
  }
  check_required(inputs, given, problems);
}

static void free_tokener(struct json_tokener **tokener)
{
  if (*tokener != NULL)
    json_tokener_free(*tokener);
}

/* The text as a tree, which is an object; nothing may follow it but white space. */
static enum lontar_error parse_object(const char *data, size_t length, struct json_object **ret_root)
{
  CLEANUP(free_tokener) struct json_tokener *tokener = json_tokener_new_ex(BODY_DEPTH_MAX);
  if (tokener == NULL)
    return LONTAR_INTERNAL;
  json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
  struct json_object *root = json_tokener_parse_ex(tokener, data, (int)length);
  enum json_tokener_error error = json_tokener_get_error(tokener);
  if (error == json_tokener_success && json_object_is_type(root, json_type_object)) {
    *ret_root = root;
    return LONTAR_OK;
  }
  json_object_put(root);
  return LONTAR_MALFORMED;
}

/* JSON's white space and nothing else. */
static bool is_blank(const char *data, size_t length)
{
  for (size_t i = 0; i < length; i++)
    if (data[i] != ' ' && data[i] != '\t' && data[i] != '\r' && data[i] != '\n')
      return false;
  return true;
}

enum lontar_error body_parse(const char *data, size_t length, const struct field_input *inputs, struct body *ret_body,
                             struct values *values, struct problems *problems)
{
  static const bool nothing_given[FIELD_COUNT];
  ret_body->root = NULL;
  if (is_blank(data, length)) {
    check_required(inputs, nothing_given, problems);
    return outcome(problems);
  }
  if (length > INT_MAX || !text_is_utf8(data, length) || memchr(data, '\0', length) != NULL)
    return LONTAR_MALFORMED;
  enum lontar_error error = parse_object(data, length, &ret_body->root);
  if (error != LONTAR_OK)
    return error;
  struct members members;
  if (!scan_members(data, length, &members))
    return LONTAR_MALFORMED;
  if (members.name_has_nul) {
    problems_add(problems, "", 0, "a name must not contain the character NUL");
    return LONTAR_INVALID;
  }
  if (members.count != json_object_object_length(ret_body->root))
    return LONTAR_MALFORMED;
  read_members(ret_body->root, inputs, values, problems);
  return outcome(problems);
}

void body_free(struct body *body)
{
  json_object_put(body->root);
  body->root = NULL;
}

/* Decodes one side of a pair into `out`. */
static bool decode(const char *text, size_t length, char *out, size_t *ret_length)
{
  for (size_t i = 0; i < length; i++)
    out[i] = text[i] == '+' ? ' ' : text[i];
  return text_percent_decode(out, length, out, ret_length) && text_is_utf8(out, *ret_length);
}

struct pair {
  const char *name;
  size_t name_length;
  const char *value;
  size_t value_length;
};

/* Decodes a pair into `*scratch`, which moves behind it. Without = the value is empty. */
static bool decode_pair(const char *text, size_t length, char **scratch, struct pair *ret_pair)
{
  const char *equals = memchr(text, '=', length);
  size_t name_length = equals != NULL ? (size_t)(equals - text) : length;
  ret_pair->name = *scratch;
  if (!decode(text, name_length, *scratch, &ret_pair->name_length))
    return false;
  *scratch += ret_pair->name_length;
  ret_pair->value = *scratch;
  ret_pair->value_length = 0;
  if (equals != NULL && !decode(equals + 1, length - name_length - 1, *scratch, &ret_pair->value_length))
    return false;
  *scratch += ret_pair->value_length;
  return true;
}

static const char *read_pair(const struct pair *pair, const struct field_input *inputs, bool *given,
                             struct values *values)
{
  enum field field = field_find(pair->name, pair->name_length);
  if (field == FIELD_none || !is_listed(inputs, field))
    return not_known;
  if (given[field])
    return "is given twice";
  given[field] = true;
  return field_parse(field, pair->value, pair->value_length, &values->of[field]);
}

enum lontar_error query_parse(const char *query, size_t length, const struct field_input *inputs, char *scratch,
                              struct values *values, struct problems *problems)
{
  bool given[FIELD_COUNT] = {false};
  const char *end = query + length;
  while (query < end) {
    const char *ampersand = memchr(query, '&', (size_t)(end - query));
    const char *pair_end = ampersand != NULL ? ampersand : end;
    if (pair_end > query) {
      struct pair pair;
      if (!decode_pair(query, (size_t)(pair_end - query), &scratch, &pair))
        return LONTAR_MALFORMED;
      const char *wrong = read_pair(&pair, inputs, given, values);
      if (wrong != NULL)
        problems_add(problems, pair.name, pair.name_length, wrong);
    }
    query = pair_end + (ampersand != NULL);
  }
  check_required(inputs, given, problems);
  return outcome(problems);
}
