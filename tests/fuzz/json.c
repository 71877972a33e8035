/*
 * Fuzzes the reader of JSON beside a second one, which goes byte by byte, keeps nothing, and holds what it reads
 * against the objects that the first one made: they take the same texts, and find the same values in them.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/reader.h"

enum { DEPTH = 32, TEXT_MOST = 512, MEMBERS_MOST = TEXT_MOST / 4 };

static void fail(const char *what)
{
  fprintf(stderr, "%s\n", what);
  abort();
}

/* ---- The second reader. Each returns what follows, or NULL when it is not JSON; `end` is where a NUL stands. ---- */

struct oracle {
  const unsigned char *end;
  int depth;
  bool nul_in_name;
};

/* What is compared; `node` NULL may be null, or with `looks` false nothing at all. */
struct view {
  json_object *node;
  bool looks;
};

static const unsigned char *value(struct oracle *oracle, const unsigned char *at, struct view view);

static const unsigned char *blanks(const unsigned char *at)
{
  while (*at == 0x20 || *at == 0x09 || *at == 0x0a || *at == 0x0d)
    at++;
  return at;
}

/* A character in UTF-8 by what its bits say: the shortest form of what is no surrogate. */
static const unsigned char *character(const unsigned char *at, const unsigned char *end, uint32_t *ret)
{
  int more = *at < 0x80 ? 0 : *at >> 5 == 6 ? 1 : *at >> 4 == 14 ? 2 : *at >> 3 == 30 ? 3 : -1;
  static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  if (more < 0 || end - at <= more)
    return NULL;
  uint32_t got = more == 0 ? *at : *at & (0x3Fu >> more);
  for (int i = 1; i <= more; i++) {
    if (at[i] >> 6 != 2)
      return NULL;
    got = got * 64 + at[i] % 64;
  }
  *ret = got;
  return got < least[more] || got > 0x10FFFF || (got >= 0xD800 && got < 0xE000) ? NULL : at + more + 1;
}

static int hex(unsigned char byte)
{
  const char *digit = byte == 0 ? NULL : strchr("0123456789abcdef0123456789ABCDEF", byte);
  return digit == NULL ? -1 : (int)((digit - "0123456789abcdef0123456789ABCDEF") % 16);
}

static int32_t unit(const unsigned char *at)
{
  int32_t got = 0;
  for (int i = 0; i < 4; i++) {
    if (hex(at[i]) < 0)
      return -1;
    got = got * 16 + hex(at[i]);
  }
  return got;
}

static const unsigned char *escape(const unsigned char *at, uint32_t *ret)
{
  static const char pairs[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
  for (const char *pair = pairs; *pair != '\0'; pair += 2)
    if ((unsigned char)*pair == *at) {
      *ret = (uint32_t)pair[1];
      return at + 1;
    }
  int32_t first = *at == 'u' ? unit(at + 1) : -1;
  if (first < 0 || (first >= 0xDC00 && first < 0xE000))
    return NULL;
  *ret = (uint32_t)first;
  if (first < 0xD800 || first >= 0xE000)
    return at + 5;
  int32_t second = at[5] == '\\' && at[6] == 'u' ? unit(at + 7) : -1;
  if (second < 0xDC00 || second >= 0xE000)
    return NULL;
  *ret = 0x10000 + (uint32_t)(first - 0xD800) * 0x400 + (uint32_t)(second - 0xDC00);
  return at + 11;
}

static size_t encode(uint32_t from, char *out)
{
  size_t size = 0;
  int more = from < 0x80 ? 0 : from < 0x800 ? 1 : from < 0x10000 ? 2 : 3;
  static const uint32_t marks[] = {0, 0xC0, 0xE0, 0xF0};
  uint32_t power = 1;
  for (int i = 0; i < more; i++)
    power *= 64;
  out[size++] = (char)(marks[more] + from / power);
  for (; power > 1; power /= 64)
    out[size++] = (char)(0x80 + from % power / (power / 64));
  return size;
}

static const unsigned char *string(struct oracle *oracle, const unsigned char *at, char out[TEXT_MOST],
                                   size_t *ret_size)
{
  *ret_size = 0;
  if (*at++ != '"')
    return NULL;
  while (*at != '"') {
    uint32_t got;
    if (*at < 0x20)
      return NULL;
    at = *at == '\\' ? escape(at + 1, &got) : character(at, oracle->end, &got);
    if (at == NULL)
      return NULL;
    *ret_size += encode(got, out + *ret_size);
  }
  return at + 1;
}

static const unsigned char *digits(const unsigned char *at)
{
  const unsigned char *begin = at;
  while (*at >= '0' && *at <= '9')
    at++;
  return at == begin ? NULL : at;
}

static void look_at_number(const char *text, bool whole, json_object *node)
{
  char *rest;
  errno = 0;
  if (whole && *text == '-') {
    long long number = strtoll(text, &rest, 10);
    if (errno == 0 && (json_object_get_type(node) != json_type_int || json_object_get_int64(node) != number))
      fail("a negative number is another");
  } else if (whole) {
    unsigned long long number = strtoull(text, &rest, 10);
    if (errno == 0 && (json_object_get_type(node) != json_type_int || json_object_get_uint64(node) != number))
      fail("a number is another");
  }
  if (whole && errno == 0)
    return;
  double number = strtod(text, &rest);
  if (json_object_get_type(node) != json_type_double || json_object_get_double(node) != number)
    fail("a real number is another");
  if (strcmp(json_object_to_json_string(node), text) != 0)
    fail("a number is written otherwise");
}

static const unsigned char *number(const unsigned char *at, struct view view)
{
  const unsigned char *begin = at;
  at += *at == '-';
  at = *at == '0' ? at + 1 : digits(at);
  bool whole = at != NULL && *at != '.' && *at != 'e' && *at != 'E';
  if (at != NULL && *at == '.')
    at = digits(at + 1);
  if (at != NULL && (*at == 'e' || *at == 'E'))
    at = digits(at + 1 + (at[1] == '+' || at[1] == '-'));
  if (at != NULL && view.looks) {
    char text[TEXT_MOST];
    (void)snprintf(text, sizeof text, "%.*s", (int)(at - begin), (const char *)begin);
    look_at_number(text, whole, view.node);
  }
  return at;
}

static const unsigned char *word(const unsigned char *at, const char *want, json_object *node, struct view view)
{
  size_t length = strlen(want);
  if (strncmp((const char *)at, want, length) != 0)
    return NULL;
  if (view.looks && (json_object_get_type(view.node) != json_object_get_type(node) ||
                     json_object_get_boolean(view.node) != json_object_get_boolean(node)))
    fail("a word is another");
  return at + length;
}

static const unsigned char *array(struct oracle *oracle, const unsigned char *at, struct view view)
{
  size_t count = 0;
  if (view.looks && json_object_get_type(view.node) != json_type_array)
    fail("an array is none");
  at = blanks(at + 1);
  for (bool first = true; first ? *at != ']' : *at == ','; first = false) {
    bool there = view.looks && count < json_object_array_length(view.node);
    at = value(oracle, first ? at : at + 1,
               (struct view){there ? json_object_array_get_idx(view.node, count) : NULL, view.looks});
    count++;
    if (at == NULL)
      return NULL;
  }
  if (view.looks && count != json_object_array_length(view.node))
    fail("an array has another length");
  return *at == ']' ? at + 1 : NULL;
}

struct member {
  char *name;
  const unsigned char *value;
};

/* Of members with the same name the last one is there. */
static void look_at_members(struct oracle *oracle, const struct member *members, int count, struct view view)
{
  int different = 0;
  for (int i = 0; i < count; i++) {
    bool last = true;
    for (int j = i + 1; j < count; j++)
      last = last && strcmp(members[i].name, members[j].name) != 0;
    json_object *node = NULL;
    different += last;
    if (last && !json_object_object_get_ex(view.node, members[i].name, &node))
      fail("a member is missing");
    if (last)
      (void)value(oracle, members[i].value, (struct view){node, true});
  }
  if (different != json_object_object_length(view.node))
    fail("there are other members");
}

static void free_members(struct member *members, int count)
{
  for (int i = 0; i < count; i++)
    free(members[i].name);
  free(members);
}

static const unsigned char *object(struct oracle *oracle, const unsigned char *at, struct view view)
{
  struct member *members = calloc(MEMBERS_MOST, sizeof *members);
  int count = 0;
  if (members == NULL || (view.looks && json_object_get_type(view.node) != json_type_object))
    fail("an object is none");
  at = blanks(at + 1);
  for (bool first = true; at != NULL && (first ? *at != '}' : *at == ','); first = false) {
    struct member *member = &members[count++];
    char name[TEXT_MOST];
    size_t size;
    at = string(oracle, blanks(first ? at : at + 1), name, &size);
    oracle->nul_in_name = oracle->nul_in_name || (at != NULL && memchr(name, '\0', size) != NULL);
    member->name = strndup(name, size);
    if (at != NULL)
      at = *blanks(at) == ':' ? blanks(at) + 1 : NULL;
    member->value = at;
    if (at != NULL)
      at = value(oracle, at, (struct view){NULL, false});
  }
  if (at != NULL && view.looks)
    look_at_members(oracle, members, count, view);
  free_members(members, count);
  return at != NULL && *at == '}' ? at + 1 : NULL;
}

static const unsigned char *text(struct oracle *oracle, const unsigned char *at, struct view view)
{
  char out[TEXT_MOST];
  size_t size;
  at = string(oracle, at, out, &size);
  if (at != NULL && view.looks &&
      (json_object_get_type(view.node) != json_type_string || (size_t)json_object_get_string_len(view.node) != size ||
       memcmp(json_object_get_string(view.node), out, size) != 0))
    fail("a string is another");
  return at;
}

static const unsigned char *value(struct oracle *oracle, const unsigned char *at, struct view view)
{
  static json_object *yes, *no;
  yes = yes != NULL ? yes : json_object_new_boolean(1);
  no = no != NULL ? no : json_object_new_boolean(0);
  at = blanks(at);
  if ((*at == '[' || *at == '{') && oracle->depth == DEPTH)
    return NULL;
  oracle->depth += *at == '[' || *at == '{';
  const bool nests = *at == '[' || *at == '{';
  const unsigned char *behind = *at == '['   ? array(oracle, at, view)
                                : *at == '{' ? object(oracle, at, view)
                                : *at == '"' ? text(oracle, at, view)
                                : *at == 't' ? word(at, "true", yes, view)
                                : *at == 'f' ? word(at, "false", no, view)
                                : *at == 'n' ? word(at, "null", NULL, view)
                                             : number(at, view);
  oracle->depth -= nests;
  return behind == NULL ? NULL : blanks(behind);
}

/* ---- Side by side ---- */

static void compare(const char *copy, size_t size)
{
  struct oracle oracle = {.end = (const unsigned char *)copy + size};
  struct json_fault fault = {.at = 0};
  json_object *read = NULL;
  char told[192] = "";
  const enum lontar_error error = json_read_value(copy, size, DEPTH, &read, &fault);
  const bool good = value(&oracle, (const unsigned char *)copy, (struct view){NULL, false}) == oracle.end;
  if (error == LONTAR_OK && !good)
    fail("a text was read that is not JSON");
  if (good && error != (oracle.nul_in_name ? LONTAR_INVALID : LONTAR_OK))
    fail("a text was refused that is JSON");
  if (error == LONTAR_OK)
    (void)value(&oracle, (const unsigned char *)copy, (struct view){read, true});
  if (error == LONTAR_MALFORMED && fault.at > size)
    fail("a fault lies behind the text");
  if (error == LONTAR_MALFORMED)
    json_fault_tell(&fault, copy, told, sizeof told);
  json_object_put(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  if (size >= TEXT_MOST)
    return 0;
  char copy[TEXT_MOST + 16] = ""; /* the second reader stops at NUL, and may look a little beyond */
  memcpy(copy, data, size);
  char *exact = malloc(size > 0 ? size : 1); /* the first one may not */
  if (exact == NULL)
    return 0;
  memcpy(exact, data, size);
  struct json_fault fault;
  json_object *object = NULL;
  if (json_read_object(exact, size, DEPTH, &object, &fault) == LONTAR_OK &&
      !json_object_is_type(object, json_type_object))
    fail("an object is none");
  json_object_put(object);
  free(exact);
  compare(copy, size);
  return 0;
}
