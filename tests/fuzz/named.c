/*
 * Fuzzes the translation of named parameters. What it gives is read by a second lexer, written after PostgreSQL's
 * scan.l and unlike src/library/named.c: the same literals, identifiers and comments must be in it, byte for byte, and
 * where a name stood its number.
 */
#include "library/named.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { END, SPACE, WORD, LITERAL, COMMENT, NUMBER, NAME, PERCENT, BROKEN, CHARACTER };

struct token {
  enum kind kind;
  const char *text;
  size_t length;
};

static bool in(char c, const char *set)
{
  return c != '\0' && strchr(set, c) != NULL;
}

static bool begins_word(char c)
{
  return (unsigned char)c >= 0x80 || in(c, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");
}

static bool is_digit(char c)
{
  return in(c, "0123456789");
}

/* Up to the first closing quote that is not doubled. */
static size_t quoted_length(const char *text)
{
  const char quote = text[0];
  bool inside = true;
  size_t i = 1;
  for (; text[i] && (inside || text[i] == quote); i++)
    inside = inside != (text[i] == quote);
  return i;
}

/* An E'' string with the parts that continue it after a line's end, from its quote on: scan.l's states xe and xqs. */
static size_t escaped_length(const char *text)
{
  enum { INSIDE, BACKSLASH, CLOSED, GAP, GAP_COMMENT, NEXT_LINE } state = INSIDE;
  size_t accepted = 0;
  size_t i = 1;
  for (; text[i]; i++) {
    const char c = text[i];
    const bool comment = c == '-' && text[i + 1] == '-';
    if (state == INSIDE) {
      state = c == '\\' ? BACKSLASH : c == '\'' ? CLOSED : INSIDE;
      accepted = c == '\'' ? i + 1 : accepted;
    } else if (state == BACKSLASH || (state == CLOSED && c == '\'') || (state == NEXT_LINE && c == '\'')) {
      state = INSIDE;
    } else if (in(c, "\r\n")) {
      state = NEXT_LINE;
    } else if (state == GAP_COMMENT || comment) {
      state = GAP_COMMENT;
    } else if (!in(c, " \t\f\v")) {
      return accepted;
    } else if (state == CLOSED) {
      state = GAP;
    }
  }
  return state == INSIDE || state == BACKSLASH ? i : accepted;
}

static size_t line_length(const char *text)
{
  size_t i = 0;
  while (text[i] && text[i] != '\n' && text[i] != '\r')
    i++;
  return i;
}

static size_t block_length(const char *text)
{
  size_t depth = 0;
  char before = '\0'; /* the character before, unless it was used up */
  size_t i = 0;
  for (; text[i]; i++) {
    const bool opens = before == '/' && text[i] == '*';
    const bool closes = before == '*' && text[i] == '/';
    depth += opens;
    depth -= closes;
    before = opens || closes ? '\0' : text[i];
    if (closes && depth == 0)
      return i + 1;
  }
  return i;
}

/* 1 for a dollar that begins no quote. */
static size_t dollar_length(const char *text)
{
  char mark[4096];
  size_t i = 1;
  while (begins_word(text[i]) || (i > 1 && is_digit(text[i])))
    i++;
  if (text[i] != '$' || i + 2 > sizeof mark)
    return 1;
  memcpy(mark, text, i + 1);
  mark[i + 1] = '\0';
  const char *end = strstr(text + i + 1, mark);
  return end ? (size_t)(end - text) + i + 1 : strlen(text);
}

static size_t word_length(const char *text)
{
  size_t i = 1;
  while (begins_word(text[i]) || is_digit(text[i]) || text[i] == '$')
    i++;
  return i;
}

static struct token percent(const char *text)
{
  if (text[1] == '%')
    return (struct token){PERCENT, text, 2};
  size_t i = 2;
  while (text[1] == '(' && text[i] && !in(text[i], "()%'\" "))
    i++;
  if (i > 2 && text[i] == ')' && text[i + 1] == 's')
    return (struct token){NAME, text, i + 2};
  return (struct token){BROKEN, text, 1};
}

static struct token dollar(const char *text)
{
  size_t length = dollar_length(text);
  if (length > 1)
    return (struct token){LITERAL, text, length};
  while (is_digit(text[length]))
    length++;
  return (struct token){length > 1 ? NUMBER : CHARACTER, text, length};
}

/* The token at the beginning. Only before the translation are there names. */
static struct token token_at(const char *text, bool translated)
{
  if (!text[0])
    return (struct token){END, text, 0};
  if (in(text[0], " \t\n\r\f\v"))
    return (struct token){SPACE, text, 1};
  if (in(text[0], "eE") && text[1] == '\'')
    return (struct token){LITERAL, text, 1 + escaped_length(text + 1)};
  if (begins_word(text[0]))
    return (struct token){WORD, text, word_length(text)};
  if (in(text[0], "'\""))
    return (struct token){LITERAL, text, quoted_length(text)};
  if (text[0] == '$')
    return dollar(text);
  if (text[0] == '-' && text[1] == '-')
    return (struct token){COMMENT, text, line_length(text)};
  if (text[0] == '/' && text[1] == '*')
    return (struct token){COMMENT, text, block_length(text)};
  if (text[0] == '%' && !translated)
    return percent(text);
  return (struct token){text[0] == '%' ? PERCENT : CHARACTER, text, 1};
}

static void fail(const char *what, const char *sql, const char *translated)
{
  fprintf(stderr, "%s\n  from: %s\n  to:   %s\n", what, sql, translated);
  abort();
}

/* Whether the number is that of the name, which must be listed once. */
static bool number_fits(struct token number, struct token name, const struct named *named)
{
  char wanted[32] = "";
  for (size_t i = 0; i < named->count; i++) {
    if (named->names[i].length != name.length - 4 || memcmp(named->names[i].text, name.text + 2, name.length - 4) != 0)
      continue;
    if (wanted[0])
      return false;
    (void)snprintf(wanted, sizeof wanted, "$%zu", i + 1);
  }
  return number.kind == NUMBER && number.length == strlen(wanted) && memcmp(number.text, wanted, number.length) == 0;
}

static bool token_fits(struct token to, struct token from, const struct named *named)
{
  if (from.kind == NAME)
    return number_fits(to, from, named);
  if (from.kind == PERCENT)
    return to.kind == PERCENT;
  return to.kind == from.kind && to.length == from.length && memcmp(to.text, from.text, to.length) == 0;
}

static void compare(const char *sql, const struct named *named)
{
  const char *to_at = named->sql.data;
  bool behind_name = false;
  for (const char *at = sql;;) {
    struct token from = token_at(at, false);
    struct token to = token_at(to_at, true);
    /* A space may be added before and behind a number. */
    if (to.kind == SPACE && from.kind != SPACE && (from.kind == NAME || behind_name)) {
      to_at += to.length;
      to = token_at(to_at, true);
    }
    if (!token_fits(to, from, named))
      fail("not the same token", sql, named->sql.data);
    if (from.kind == END)
      return;
    behind_name = from.kind == NAME;
    at += from.length;
    to_at += to.length;
  }
}

static bool is_broken(const char *sql)
{
  struct token token = token_at(sql, false);
  while (token.kind != END && token.kind != BROKEN)
    token = token_at(token.text + token.length, false);
  return token.kind == BROKEN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  char *sql = strndup((const char *)data, size);
  struct named named;
  const char *wrong = named_translate(sql, &named);
  if ((wrong != NULL) != is_broken(sql))
    fail(wrong ? wrong : "a broken placeholder was taken", sql, "");
  if (!wrong)
    compare(sql, &named);
  named_free(&named);
  free(sql);
  return 0;
}
