/* Named parameters of SQL text, and the kind of statement it is. */
#include "library/named.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char named_no_memory[] = "no memory is left";

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
    return named->count == NAMED_MAX ? "there are too many named parameters" : named_no_memory;
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

/* Whether a word of SQL, which ends where it ends, is this one. */
static bool word_is(const char *word, const char *wanted)
{
  size_t length = strlen(wanted);
  return word && strncasecmp(word, wanted, length) == 0 && !is_word(word[length]);
}

static bool word_is_any(const char *word, const char *const *wanted)
{
  while (*wanted && !word_is(word, *wanted))
    wanted++;
  return *wanted != NULL;
}

/* Takes account of what is neither white space nor comment. Words that follow other signs do not count among the first:
 * no statement has signs there that matters. */
static void note_token(struct named *named, const char *at)
{
  static const char *const client[] = {"STDIN", "STDOUT", NULL};
  if (strchr(" \t\n\r\f\v", *at) || (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*'))
    return;
  if (*at == ';' && named->kind == NAMED_NOTHING)
    return;
  named->kind = NAMED_PLAIN;
  named->copies = named->copies || word_is_any(at, client);
  for (size_t i = 0; i < NAMED_WORDS; i++) {
    if (!named->words[i]) {
      named->words[i] = at;
      return;
    }
  }
}

/* PREPARE and ROLLBACK begin statements of two kinds. */
static enum named_kind kind_of_transaction(const char *const *words)
{
  static const char *const control[] = {"BEGIN", "START", "COMMIT", "END", "ABORT", NULL};
  static const char *const savepoint[] = {"SAVEPOINT", "RELEASE", NULL};
  if (word_is(words[0], "ROLLBACK"))
    return word_is(words[1], "TO") || word_is(words[2], "TO") ? NAMED_SAVEPOINT : NAMED_CONTROL;
  if (word_is_any(words[0], control) || (word_is(words[0], "PREPARE") && word_is(words[1], "TRANSACTION")))
    return NAMED_CONTROL;
  return word_is_any(words[0], savepoint) ? NAMED_SAVEPOINT : NAMED_PLAIN;
}

/* CREATE [OR REPLACE] [LOCAL | GLOBAL] TEMPORARY … */
static bool creates_temporary(const char *const *words)
{
  static const char *const before[] = {"OR", "REPLACE", "LOCAL", "GLOBAL", NULL};
  size_t at = 1;
  while (at < NAMED_WORDS - 1 && word_is_any(words[at], before))
    at++;
  return word_is(words[0], "CREATE") && (word_is(words[at], "TEMP") || word_is(words[at], "TEMPORARY"));
}

static bool stays_in_session(const char *const *words)
{
  static const char *const session[] = {"RESET",      "LISTEN", "UNLISTEN", "DISCARD", "PREPARE",
                                        "DEALLOCATE", "LOAD",   "DECLARE",  NULL};
  static const char *const local[] = {"LOCAL", "TRANSACTION", "CONSTRAINTS", NULL};
  if (word_is(words[0], "SET"))
    return !word_is_any(words[1], local);
  return creates_temporary(words) || word_is_any(words[0], session);
}

static enum named_kind kind_of(const struct named *named)
{
  if (named->kind == NAMED_NOTHING)
    return NAMED_NOTHING;
  if (named->copies && word_is(named->words[0], "COPY"))
    return NAMED_COPY;
  enum named_kind kind = kind_of_transaction(named->words);
  return kind == NAMED_PLAIN && stays_in_session(named->words) ? NAMED_SESSION : kind;
}

const char *named_translate(const char *sql, struct named *ret_named)
{
  const char *wrong = NULL;
  const size_t length = strlen(sql);
  *ret_named = (struct named){0};
  buffer_init(&ret_named->sql, NAMED_SQL_MAX);
  while (*sql && !wrong) {
    note_token(ret_named, sql);
    if (*sql == '%') {
      wrong = translate_percent(ret_named, &sql);
    } else {
      const char *end = skip_plain(sql);
      buffer_append(&ret_named->sql, sql, (size_t)(end - sql));
      sql = end;
    }
  }
  buffer_append(&ret_named->sql, "", 1);
  ret_named->kind = kind_of(ret_named);
  if (!wrong && ret_named->sql.failed)
    return length > NAMED_SQL_MAX / 2 ? "the statement is too long" : named_no_memory;
  return wrong;
}

void named_free(struct named *named)
{
  buffer_free(&named->sql);
  free(named->names);
  named->names = NULL;
  named->count = 0;
}
