/* Named parameters of SQL text. */
#include "library/named.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_name_start(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name(char c)
{
  return is_name_start(c) || (c >= '0' && c <= '9');
}

static bool is_word(char c)
{
  return is_name(c) || c == '$';
}

/* Each skip_ function gets the beginning of something that is left alone and returns what follows it; something without
 * an end reaches to the end of the text, where the server complains about it. */

static const char *skip_quoted(const char *at, char quote, bool backslashes)
{
  for (at++; *at; at++) {
    bool escapes = (backslashes && *at == '\\' && at[1]) || (*at == quote && at[1] == quote);
    if (escapes)
      at++;
    else if (*at == quote)
      return at + 1;
  }
  return at;
}

static const char *skip_line(const char *at)
{
  return at + strcspn(at, "\r\n");
}

static const char *skip_comment(const char *at)
{
  int depth = 0;
  while (*at) {
    if (at[0] == '/' && at[1] == '*') {
      depth++;
      at += 2;
    } else if (at[0] == '*' && at[1] == '/') {
      at += 2;
      if (--depth == 0)
        return at;
    } else {
      at++;
    }
  }
  return at;
}

/* $tag$ … $tag$; a dollar that begins no quote is one character. */
static const char *skip_dollar(const char *at)
{
  const char *end = at + 1;
  if (is_name_start(*end)) {
    while (is_name(*end))
      end++;
  }
  if (*end != '$')
    return at + 1;
  size_t length = (size_t)(end + 1 - at);
  for (const char *close = end + 1; (close = strchr(close, '$')); close++) {
    if (strncmp(close, at, length) == 0)
      return close + length;
  }
  return at + strlen(at);
}

/* The next part of a string that goes on after white space with a line end, as SQL allows; NULL when it does not. */
static const char *string_continuation(const char *at)
{
  bool line_end = false;
  for (;;) {
    size_t blanks = strspn(at, " \t\n\r\f\v");
    line_end = line_end || strcspn(at, "\r\n") < blanks;
    at += blanks;
    if (at[0] != '-' || at[1] != '-')
      return line_end && *at == '\'' ? at : NULL;
    at = skip_line(at);
  }
}

/* What follows an E'' string, whose later parts know backslashes too. */
static const char *skip_escaped(const char *at)
{
  const char *end = at;
  while (at) {
    end = skip_quoted(at, '\'', true);
    at = string_continuation(end);
  }
  return end;
}

/* A word; one that is only e or E makes the string after it an E'' string. */
static const char *skip_word(const char *at)
{
  const char *end = at;
  while (is_word(*end))
    end++;
  if (end == at + 1 && (*at == 'e' || *at == 'E') && *end == '\'')
    return skip_escaped(end);
  return end;
}

/* What is no placeholder: up to the next percent sign, end of text or beginning of something else. */
static const char *skip_plain(const char *at)
{
  if (*at == '\'' || *at == '"')
    return skip_quoted(at, *at, false);
  if (at[0] == '-' && at[1] == '-')
    return skip_line(at);
  if (at[0] == '/' && at[1] == '*')
    return skip_comment(at);
  if (*at == '$')
    return skip_dollar(at);
  if (is_name_start(*at))
    return skip_word(at);
  return at + 1; /* digits too, which end where a letter or a dollar begins something else */
}

/* The number of a name, added when it is new; 0 without memory or room. */
static size_t name_number(struct named *named, const char *text, size_t length)
{
  for (size_t i = 0; i < named->count; i++) {
    if (named->names[i].length == length && memcmp(named->names[i].text, text, length) == 0)
      return i + 1;
  }
  if (named->count == NAMED_MAX)
    return 0;
  struct named_name *names = realloc(named->names, (named->count + 1) * sizeof *names);
  if (!names)
    return 0;
  named->names = names;
  named->names[named->count++] = (struct named_name){text, length};
  return named->count;
}

/* Translates what begins with a percent sign and moves behind it. */
static const char *translate_percent(struct named *named, const char **at)
{
  const char *text = *at + 1;
  if (*text == '%') {
    buffer_append_text(&named->sql, "%");
    *at = text + 1;
    return NULL;
  }
  if (*text != '(')
    return "a percent sign is neither %(name)s nor %%";
  size_t length = strcspn(++text, "()%'\" ");
  if (length == 0 || text[length] != ')' || text[length + 1] != 's')
    return "a placeholder is not written as %(name)s";
  size_t number = name_number(named, text, length);
  if (number == 0)
    return "there are too many named parameters";
  /* Neither may `LIMIT%(n)s` become the word LIMIT$1, nor `$%(a)s` the beginning of a quote, nor `%(a)s1` the number
   * $11. */
  if (named->sql.length > 0 && is_word(named->sql.data[named->sql.length - 1]))
    buffer_append_text(&named->sql, " ");
  buffer_append_text(&named->sql, "$");
  buffer_append_integer(&named->sql, (int64_t)number);
  *at = text + length + 2;
  if (is_name(**at))
    buffer_append_text(&named->sql, " ");
  return NULL;
}

const char *named_translate(const char *sql, struct named *ret_named)
{
  const char *wrong = NULL;
  *ret_named = (struct named){0};
  buffer_init(&ret_named->sql, NAMED_SQL_MAX);
  while (*sql && !wrong) {
    if (*sql == '%') {
      wrong = translate_percent(ret_named, &sql);
    } else {
      const char *end = skip_plain(sql);
      buffer_append(&ret_named->sql, sql, (size_t)(end - sql));
      sql = end;
    }
  }
  buffer_append(&ret_named->sql, "", 1);
  return !wrong && ret_named->sql.failed ? "the statement is too long" : wrong;
}

void named_free(struct named *named)
{
  buffer_free(&named->sql);
  free(named->names);
  named->names = NULL;
  named->count = 0;
}
