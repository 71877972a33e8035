/* Puts the fields of an error together, and leaves values out. */
#include "pool/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log/log.h"
#include "pool/sqlstate.h"
#include "pool/verdict.h"

enum { WORDS_SIZE = 512 };

struct text {
  char *out;
  size_t size;
  size_t length;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text->out + text->length, text->size - text->length, format, arguments);
  va_end(arguments);
  size_t room = text->size - text->length - 1;
  text->length += length < 0 ? 0 : (size_t)length < room ? (size_t)length : room;
}

static void add_quoted(struct text *text, const char *name, const char *words)
{
  char quoted[WORDS_SIZE];
  add(text, " %s=%s", name, log_quote(quoted, sizeof quoted, words, strlen(words)));
}

static bool is_ascii(const char *text)
{
  for (; *text != '\0'; text++)
    if ((unsigned char)*text >= 0x80)
      return false;
  return true;
}

/* From the first quote to the last, because a value may hold quotes itself. Where bytes are named by number, which is a
 * value too, all that follows. */
static void leave_values_out(const char *words, char out[WORDS_SIZE])
{
  const char *first = words + strcspn(words, "\"'");
  const char *last = words + strlen(words);
  const char *number = strstr(words, "0x");
  if (number != NULL && number < first)
    first = number;
  while (number == NULL && last > first && last[-1] != '"' && last[-1] != '\'')
    last--;
  (void)snprintf(out, WORDS_SIZE, "%.*s%s%s", (int)(first - words), words, *first != '\0' ? "..." : "", last);
}

/* Quotes differ between languages, so that others' words are not looked through. */
static void add_words(struct text *text, const struct sqlstate_row *row, const char *words)
{
  char careful[WORDS_SIZE];
  if (!row->quotes_values) {
    add_quoted(text, "message", words);
  } else if (is_ascii(words)) {
    leave_values_out(words, careful);
    add_quoted(text, "message", careful);
  }
}

/* The last line of the context is the outermost function's, with its line: "PL/pgSQL function f() line 3 at RAISE".
 * What stands before may quote SQL, and what is no line of a function may be anything. */
static void add_function(struct text *text, const char *context)
{
  const char *line = strrchr(context, '\n');
  char careful[WORDS_SIZE];
  line = line != NULL ? line + 1 : context;
  if (strstr(line, "PL/") == NULL || strchr(line, ':') != NULL || strstr(context, "$1 = ") != NULL)
    return;
  leave_values_out(line, careful);
  add_quoted(text, "function", careful);
}

/* Whoever raises an error in a function may say what they like, in the names of objects too. */
static bool is_raised(const char *context, const char *source)
{
  return context != NULL && source != NULL && strncmp(source, "pl", 2) == 0;
}

/* The server's own words on rights, which name an object that is there, also when a function met them. */
static bool is_on_rights(const char *source)
{
  return source != NULL && strcmp(source, "aclchk.c") == 0;
}

static void add_names(struct text *text, const PGresult *result)
{
  static const struct {
    const char *name;
    int field;
  } names[] = {{"table", PG_DIAG_TABLE_NAME},
               {"column", PG_DIAG_COLUMN_NAME},
               {"type", PG_DIAG_DATATYPE_NAME},
               {"constraint", PG_DIAG_CONSTRAINT_NAME}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    const char *value = PQresultErrorField(result, names[i].field);
    if (value != NULL)
      add(text, " %s=%s", names[i].name, value);
  }
}

const char *reason_write(char *out, size_t size, const PGresult *result)
{
  struct text text = {.out = out, .size = size};
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
  out[0] = '\0';
  if (sqlstate == NULL)
    return out;
  const struct sqlstate_row *row = sqlstate_find(sqlstate);
  add(&text, "sqlstate=%s name=%s", sqlstate, row->name);
  const char *source = PQresultErrorField(result, PG_DIAG_SOURCE_FILE);
  const bool direct = verdict_is_direct(result);
  if (!is_raised(context, source))
    add_names(&text, result);
  if (!direct)
    add_function(&text, context);
  if (words != NULL && (direct || is_on_rights(source)))
    add_words(&text, row, words);
  return out;
}
