/* Reads JSON: arrays, objects, and the whole. */
#include "json/reader.h"

#include <limits.h>
#include <stdio.h>

#include "base/text.h"
#include "json/token.h"

static void put_object(json_object **object)
{
  (void)json_object_put(*object);
}

/* ---- Values ---- */

static bool read_value(struct reader *reader, json_object **ret_value);

static bool read_text(struct reader *reader, json_object **ret_value)
{
  struct span string;
  if (!token_string(reader, &string))
    return false;
  *ret_value = json_object_new_string_len(string.text, (int)string.length);
  return *ret_value != NULL || token_fail_memory(reader);
}

static bool take_word(struct reader *reader, const char *word)
{
  size_t length = strlen(word);
  if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, word, length) != 0)
    return false;
  reader->at += length;
  return true;
}

static bool read_word(struct reader *reader, json_object **ret_value)
{
  bool yes = take_word(reader, "true");
  if (yes || take_word(reader, "false")) {
    *ret_value = json_object_new_boolean(yes);
    return *ret_value != NULL || token_fail_memory(reader);
  }
  *ret_value = NULL;
  return take_word(reader, "null") || token_fail_here(reader, "a word that is none of true, false and null");
}

/* What stands here where a value is expected. */
static bool fail_value(struct reader *reader)
{
  const char *begin = reader->at;
  if (take_word(reader, "NaN") || take_word(reader, "Infinity"))
    return token_fail(reader, begin, "NaN and Infinity are no numbers in JSON: leave the member out, or give null");
  return token_fail_here(reader, reader->at < reader->end && *reader->at == '\''
                                     ? "a string must stand in double quotes"
                                     : "a value is missing, or is not JSON");
}

static bool enter(struct reader *reader)
{
  if (reader->depth == reader->depth_max)
    return token_fail(reader, reader->at, "arrays and objects are nested too deep");
  reader->depth++;
  reader->at++;
  token_skip_blanks(reader);
  return true;
}

static bool leave(struct reader *reader)
{
  reader->depth--;
  return true;
}

/* Takes the comma, or the end of the array or object; false when something else is there. */
static bool read_separator(struct reader *reader, char end, bool *ret_more)
{
  token_skip_blanks(reader);
  *ret_more = token_take(reader, ',');
  if (*ret_more)
    token_skip_blanks(reader);
  return *ret_more || token_take(reader, end) || token_fail_here(reader, "a comma or the closing bracket is missing");
}

static bool read_array(struct reader *reader, json_object **ret_value)
{
  CLEANUP(put_object) json_object *array = json_object_new_array();
  if (array == NULL)
    return token_fail_memory(reader);
  if (!enter(reader))
    return false;
  for (bool more = !token_take(reader, ']'); more;) {
    json_object *item = NULL;
    if (!read_value(reader, &item))
      return false;
    if (reader->flat)
      json_object_put(item);
    else if (json_object_array_add(array, item) != 0) {
      json_object_put(item);
      return token_fail_memory(reader);
    }
    if (!read_separator(reader, ']', &more))
      return false;
  }
  *ret_value = TAKE(array);
  return leave(reader);
}

/* A name is copied: reading the value may use the scratch. */
static bool read_name(struct reader *reader, struct span *ret_name, struct copy *ret_copy)
{
  if (!token_is_next(reader, '"'))
    return token_fail_here(reader, "a name in double quotes is missing");
  if (!token_string(reader, ret_name))
    return false;
  if (!copy_make(ret_copy, *ret_name))
    return token_fail_memory(reader);
  ret_name->text = ret_copy->text;
  if (memchr(ret_name->text, '\0', ret_name->length) != NULL) {
    reader->error = LONTAR_INVALID;
    return false;
  }
  return true;
}

static bool read_member(struct reader *reader, json_object *object)
{
  const char *begin = reader->at;
  const int count = json_object_object_length(object);
  const bool outermost = reader->depth == 1;
  CLEANUP_COPY struct copy copy = {.text = copy.small};
  struct span name;
  json_object *value = NULL;
  if (!read_name(reader, &name, &copy))
    return false;
  if (outermost)
    reader->member = name;
  token_skip_blanks(reader);
  if (!token_take(reader, ':'))
    return token_fail_here(reader, "a colon is missing behind a name");
  if (!read_value(reader, &value))
    return false;
  if (reader->flat && !outermost) {
    json_object_put(value);
    return true;
  }
  if (json_object_object_add(object, name.text, value) != 0) {
    json_object_put(value);
    return token_fail_memory(reader);
  }
  if (outermost && reader->names_differ && json_object_object_length(object) == count)
    return token_fail(reader, begin, "this name was given before");
  if (outermost)
    reader->member.length = 0;
  return true;
}

static bool read_object(struct reader *reader, json_object **ret_value)
{
  CLEANUP(put_object) json_object *object = json_object_new_object();
  if (object == NULL)
    return token_fail_memory(reader);
  if (!enter(reader))
    return false;
  for (bool more = !token_take(reader, '}'); more;)
    if (!read_member(reader, object) || !read_separator(reader, '}', &more))
      return false;
  *ret_value = TAKE(object);
  return leave(reader);
}

static bool read_value(struct reader *reader, json_object **ret_value)
{
  token_skip_blanks(reader);
  if (reader->at == reader->end)
    return token_fail_here(reader, "");
  switch (*reader->at) {
  case '{':
    return read_object(reader, ret_value);
  case '[':
    return read_array(reader, ret_value);
  case '"':
    return read_text(reader, ret_value);
  case 't':
  case 'f':
  case 'n':
    return read_word(reader, ret_value);
  default:
    return *reader->at == '-' || token_is_digit(*reader->at) ? token_number(reader, ret_value) : fail_value(reader);
  }
}

/* ---- The whole ---- */

/* What other encodings begin with; in UTF-16 and UTF-32 a byte of JSON's first two characters is 0. */
static const char *wrong_encoding(const char *text, size_t length)
{
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
    return "a byte order mark, which JSON does not have";
  if (length >= 2 &&
      (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0 || text[0] == '\0' || text[1] == '\0'))
    return "UTF-16 or UTF-32, where UTF-8 is read";
  return NULL;
}

static bool read_whole(struct reader *reader, bool object_only, json_object **ret_value)
{
  CLEANUP(put_object) json_object *value = NULL;
  token_skip_blanks(reader);
  if (object_only && !token_is_next(reader, '{'))
    return token_fail_here(reader, "an object is expected, which begins with {");
  if (!read_value(reader, &value))
    return false;
  token_skip_blanks(reader);
  if (reader->at < reader->end || reader->cut)
    return token_fail_here(reader, "nothing may follow here");
  *ret_value = TAKE(value);
  return true;
}

enum wanted { ANY_VALUE, ANY_OBJECT, FLAT_OBJECT };

static enum lontar_error read_json(const char *text, size_t length, int depth_max, enum wanted wanted,
                                   json_object **ret_value, struct json_fault *ret_fault)
{
  const size_t valid = length <= INT_MAX ? text_utf8_length(text, length) : 0;
  struct reader reader = {
      .text = text,
      .at = text,
      .end = text + valid,
      .cut = valid < length,
      .names_differ = wanted != ANY_VALUE,
      .flat = wanted == FLAT_OBJECT,
      .depth_max = depth_max,
      .member = {"", 0},
      .fault = ret_fault,
  };
  const char *wrong = wrong_encoding(text, length);
  if (wrong != NULL)
    (void)token_fail(&reader, text, wrong);
  else
    (void)read_whole(&reader, wanted != ANY_VALUE, ret_value);
  free(reader.scratch);
  return reader.error;
}

enum lontar_error json_read_object(const char *text, size_t length, int depth_max, json_object **ret_object,
                                   struct json_fault *ret_fault)
{
  return read_json(text, length, depth_max, ANY_OBJECT, ret_object, ret_fault);
}

enum lontar_error json_read_flat_object(const char *text, size_t length, int depth_max, json_object **ret_object,
                                        struct json_fault *ret_fault)
{
  return read_json(text, length, depth_max, FLAT_OBJECT, ret_object, ret_fault);
}

enum lontar_error json_read_value(const char *text, size_t length, int depth_max, json_object **ret_value,
                                  struct json_fault *ret_fault)
{
  return read_json(text, length, depth_max, ANY_VALUE, ret_value, ret_fault);
}

void json_fault_tell(const struct json_fault *fault, const char *text, char *out, size_t size)
{
  size_t line = 1;
  const char *begin = text;
  const char *const end = text + fault->at;
  for (const char *feed; (feed = memchr(begin, '\n', (size_t)(end - begin))) != NULL; begin = feed + 1)
    line++;
  (void)snprintf(out, size, "line %zu, column %zu%s%s: %s", line, text_characters(begin, (size_t)(end - begin)) + 1,
                 fault->member != FIELD_none ? ", in " : "", field_rows[fault->member].name, fault->what);
}
