/* Judges what the server refused: by SQLSTATE, by the columns it names, and by what the caller gave. */
#include "pool/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pool/sqlstate.h"

static const char *diagnosis(const PGresult *result, int field)
{
  const char *text = PQresultErrorField(result, field);
  return text ? text : "";
}

static const struct sqlstate_row *row_of(const PGresult *result)
{
  return sqlstate_find(diagnosis(result, PG_DIAG_SQLSTATE));
}

static bool is_state(const PGresult *result, const char *sqlstate)
{
  return strcmp(diagnosis(result, PG_DIAG_SQLSTATE), sqlstate) == 0;
}

/* A context of the statement itself shows its parameters first (log_parameter_max_length_on_error). */
bool verdict_is_direct(const PGresult *result)
{
  const char *context = diagnosis(result, PG_DIAG_CONTEXT);
  const char *parameters = strstr(context, "$1 = ");
  return *context == '\0' || (parameters && parameters < context + strcspn(context, "\n"));
}

bool verdict_ends_session(const PGresult *result)
{
  const char *severity = diagnosis(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

enum lontar_error verdict_error(const PGresult *result)
{
  const struct sqlstate_row *row = row_of(result);
  if (*diagnosis(result, PG_DIAG_SEVERITY_NONLOCALIZED) == '\0' || verdict_ends_session(result))
    return LONTAR_UNAVAILABLE; /* libpq's own words have no severity: the connection was lost */
  if (row->session == SQLSTATE_ENDED || row->session == SQLSTATE_SERVER ||
      (row->session == SQLSTATE_STANDBY && !verdict_is_direct(result)))
    return LONTAR_INTERNAL; /* our session goes on, so it is another one's end */
  return row->error;
}

/* ---- What the caller gave ---- */

/* What a caller gives for a column or a parameter that the daemon makes of it. */
static enum field outside(enum field field)
{
  if (field == FIELD_password_hash || field == FIELD_old_password_hash)
    return FIELD_password;
  return field == FIELD_token_hash ? FIELD_token : field;
}

static field_set verdict_fields(enum statement statement)
{
  field_set set = 0;
  for (const enum field *it = statement_rows[statement].parameters; *it != FIELD_none; it++)
    set |= field_set_of(outside(*it));
  return set;
}

static field_set can_give(const struct asked *asked)
{
  return asked->given & verdict_fields(asked->statement);
}

/* Without those that a PATCH left out. */
static field_set did_give(const struct asked *asked)
{
  field_set set = 0;
  for (enum field field = 0; field < FIELD_COUNT; field++)
    if (can_give(asked) & field_set_of(field) && asked->values->of[field].state != VALUE_ABSENT)
      set |= field_set_of(field);
  return set;
}

/* The text that was sent as the caller gave it, NULL when there is none. */
static const struct value *given_text(const struct asked *asked, enum field field)
{
  const struct value *value = &asked->values->of[field];
  bool is_sent = false;
  for (const enum field *it = statement_rows[asked->statement].parameters; *it != FIELD_none; it++)
    is_sent = is_sent || *it == field;
  if (!is_sent || field_rows[field].type != FIELD_TEXT || value->state != VALUE_SET ||
      !(asked->given & field_set_of(field)))
    return NULL;
  return value;
}

/* ---- What the server names ---- */

static bool is_letter(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

/* The columns in "Key (lower(username::text))=(…)", which looks so in every language: names that are neither called as
 * a function nor types of a cast. */
static field_set fields_of_key(const char *detail)
{
  const char *at = strchr(detail, '(');
  const char *end = strstr(detail, ")=(");
  field_set set = 0;
  while (at && end && at < end) {
    size_t length = 0;
    while (at + length < end && is_letter(at[length]))
      length++;
    if (length > 0 && at[length] != '(' && !(at[-1] == ':' && at[-2] == ':'))
      set |= field_set_of(outside(field_find(at, length)));
    at += length > 0 ? length : 1;
  }
  return set & ~field_set_of(FIELD_none);
}

/* Whether the name stands there as a whole word. */
static bool holds_word(const char *text, const char *word, bool underscore_parts)
{
  size_t length = strlen(word);
  for (const char *at = text; length > 0 && (at = strstr(at, word)); at++) {
    char before = at > text ? at[-1] : ' ';
    char behind = at[length];
    if ((!is_letter(before) || (underscore_parts && before == '_')) &&
        (!is_letter(behind) || (underscore_parts && behind == '_')))
      return true;
  }
  return false;
}

/* The field whose name is part of a constraint's name, as in subjects_code_key or chk_grade; the longest one. */
static field_set field_of_constraint(const PGresult *result, field_set among)
{
  const char *name = diagnosis(result, PG_DIAG_CONSTRAINT_NAME);
  const char *table = diagnosis(result, PG_DIAG_TABLE_NAME);
  size_t table_length = strlen(table);
  enum field found = FIELD_none;
  if (strncmp(name, table, table_length) == 0 && name[table_length] == '_')
    name += table_length + 1;
  for (enum field field = 1; field < FIELD_COUNT; field++)
    if (among & field_set_of(field) && holds_word(name, field_rows[field].name, true) &&
        (found == FIELD_none || strlen(field_rows[field].name) > strlen(field_rows[found].name)))
      found = field;
  return found == FIELD_none ? 0 : field_set_of(found);
}

/* The fields of a broken constraint: by its key, where the server shows it, else by its name. */
static field_set broken_fields(const PGresult *result, field_set among)
{
  const char *detail = diagnosis(result, PG_DIAG_MESSAGE_DETAIL);
  return (strstr(detail, ")=(") ? fields_of_key(detail) : field_of_constraint(result, among)) & among;
}

static void blame(struct verdict *verdict, enum lontar_error error, field_set fields, const char *message)
{
  int count = 0;
  verdict->error = error;
  verdict->message = message;
  for (enum field field = 1; field < FIELD_COUNT && count < VERDICT_FIELDS_MAX; field++)
    if (fields & field_set_of(field))
      verdict->fields[count++] = field;
}

/* ---- The judgements ---- */

static bool deletes(enum statement statement)
{
  return strstr(statement_rows[statement].sql, "DELETE FROM ") != NULL;
}

static bool updates(enum statement statement)
{
  return strstr(statement_rows[statement].sql, " SET ") != NULL;
}

/* A number that the database itself gave is taken: it was restored or copied, and its sequence was not set. */
static void suspect_sequence(const PGresult *result, struct verdict *verdict)
{
  const char *table = diagnosis(result, PG_DIAG_TABLE_NAME);
  (void)snprintf(verdict->remedy, sizeof verdict->remedy,
                 "the sequence of %s.id (by default %s_id_seq) is behind its rows; `lontarctl check` shows it, and "
                 "SELECT setval(pg_get_serial_sequence('%s', 'id'), max(id)) FROM %s sets it",
                 table, table, table, table);
}

static void judge_unique(const struct asked *asked, const PGresult *result, struct verdict *verdict)
{
  const char *detail = diagnosis(result, PG_DIAG_MESSAGE_DETAIL);
  field_set fields = verdict_is_direct(result) ? broken_fields(result, did_give(asked)) : 0;
  bool is_key = strstr(detail, ")=(") ? fields_of_key(detail) == field_set_of(FIELD_id)
                                      : strstr(diagnosis(result, PG_DIAG_CONSTRAINT_NAME), "_pkey") != NULL;
  if (fields != 0)
    blame(verdict, LONTAR_CONFLICT, fields,
          (fields & (fields - 1)) == 0 ? "is already taken" : "is already taken in this combination");
  else if (is_key && verdict_is_direct(result) && statement_inserts(asked->statement))
    suspect_sequence(result, verdict);
}

/* "… is still referenced from table "nilai"": behind the key stands the constraint's own table, in every language;
 * where a record is missing, it is the other one. */
static bool is_still_referenced(const PGresult *result)
{
  const char *detail = diagnosis(result, PG_DIAG_MESSAGE_DETAIL);
  const char *behind = strrchr(detail, ')');
  return holds_word(behind ? behind : detail, diagnosis(result, PG_DIAG_TABLE_NAME), false);
}

/* A program's own SQL brings values that nobody checked before. */
enum lontar_error verdict_of_sql(const PGresult *result)
{
  static const char data_exceptions[] = "22";
  enum lontar_error error = verdict_error(result);
  if (error == LONTAR_BAD_REFERENCE && is_still_referenced(result))
    return LONTAR_REFERENCED;
  return strncmp(diagnosis(result, PG_DIAG_SQLSTATE), data_exceptions, 2) == 0 ? LONTAR_INVALID : error;
}

static void judge_reference(const struct asked *asked, const PGresult *result, struct verdict *verdict)
{
  const char *table = diagnosis(result, PG_DIAG_TABLE_NAME);
  if (is_still_referenced(result) && (deletes(asked->statement) || updates(asked->statement))) {
    verdict->error = LONTAR_REFERENCED;
    if (text_is_utf8(table, strlen(table)))
      (void)snprintf(verdict->detail, sizeof verdict->detail, "It is still referenced by %s", table);
    return;
  }
  /* A login's user, too, may be deleted in that moment: this is not only for what the caller gave. */
  field_set fields = verdict_is_direct(result) ? broken_fields(result, verdict_fields(asked->statement)) : 0;
  if (fields != 0 && (statement_inserts(asked->statement) || updates(asked->statement)))
    blame(verdict, LONTAR_BAD_REFERENCE, fields, "does not exist");
}

static void judge_null(const struct asked *asked, const PGresult *result, struct verdict *verdict)
{
  const char *column = diagnosis(result, PG_DIAG_COLUMN_NAME);
  field_set fields = field_set_of(outside(field_find(column, strlen(column)))) & ~field_set_of(FIELD_none);
  if (verdict_is_direct(result) && (fields & can_give(asked)) != 0)
    blame(verdict, LONTAR_INVALID, fields, "is required");
}

/* The columns of a check are not told. Its name often holds them; if not, what breaks it is the row that was given. */
static void judge_check(const struct asked *asked, const PGresult *result, struct verdict *verdict)
{
  const char *name = diagnosis(result, PG_DIAG_CONSTRAINT_NAME);
  field_set given = did_give(asked) & ~field_set_of(FIELD_id);
  if (!verdict_is_direct(result) || given == 0)
    return;
  field_set fields = field_of_constraint(result, given);
  if (fields == 0 && field_of_constraint(result, verdict_fields(asked->statement) | field_set_of(FIELD_created_at) |
                                                     field_set_of(FIELD_expires_at)) != 0)
    return; /* a column that the caller did not give */
  blame(verdict, LONTAR_INVALID, fields, "is not valid");
  if (fields == 0 && text_is_utf8(name, strlen(name)))
    (void)snprintf(verdict->detail, sizeof verdict->detail, "The database's rule%s%s does not allow it",
                   *name ? " " : "", name);
}

static size_t characters(const struct value *text)
{
  size_t count = 0;
  for (size_t i = 0; i < text->length; i++)
    count += ((unsigned char)text->text[i] & 0xC0) != 0x80;
  return count;
}

/* "value too long for type character varying(64)": a column that was made narrower. A text that the daemon makes, such
 * as a password's hash, may be what does not fit. */
static void judge_length(const struct asked *asked, const PGresult *result, struct verdict *verdict)
{
  const char *number = strrchr(diagnosis(result, PG_DIAG_MESSAGE_PRIMARY), '(');
  unsigned long limit = number ? strtoul(number + 1, NULL, 10) : 0;
  field_set fields = 0;
  for (enum field field = 1; limit > 0 && field < FIELD_COUNT; field++) {
    const struct value *text = given_text(asked, field);
    if (text && characters(text) > limit)
      fields |= field_set_of(field);
  }
  if (fields == 0 || !verdict_is_direct(result))
    return;
  blame(verdict, LONTAR_INVALID, fields, "is too long");
  (void)snprintf(verdict->detail, sizeof verdict->detail, "The database's column holds at most %lu characters", limit);
}

/* The bytes in "character with byte sequence 0xe6 0xbc 0xa2 in …"; returns how many. */
static size_t bytes_named(const char *message, char out[8])
{
  size_t count = 0;
  for (const char *at = strstr(message, "0x"); at && count < 8; at = strncmp(at + 4, " 0x", 3) == 0 ? at + 5 : NULL)
    out[count++] = (char)strtoul(at, NULL, 16);
  return count;
}

/* A character that cannot be converted: the caller's, which the database's encoding does not know, or one that was
 * stored. A sequence that begins in the middle of a character is in no text that was given. */
static void judge_character(const struct asked *asked, const PGresult *result, struct verdict *verdict)
{
  char bytes[8];
  size_t count = bytes_named(diagnosis(result, PG_DIAG_MESSAGE_PRIMARY), bytes);
  field_set fields = 0;
  if (count == 0 || ((unsigned char)bytes[0] & 0xC0) == 0x80)
    return;
  for (enum field field = 1; field < FIELD_COUNT; field++) {
    const struct value *text = given_text(asked, field);
    if (text && memmem(text->text, text->length, bytes, count))
      fields |= field_set_of(field);
  }
  if (fields == 0)
    return;
  blame(verdict, LONTAR_INVALID, fields, "holds a character that the database cannot store");
  (void)snprintf(verdict->detail, sizeof verdict->detail,
                 "A character cannot be stored in the encoding of the database");
}

/* "index row size … exceeds …": an index that the administrator added limits the length of what it holds, to a third of
 * a page at most. */
static void judge_limit(const struct asked *asked, const PGresult *result, struct verdict *verdict)
{
  enum { SHORT_ENOUGH = 2000 /* bytes */ };
  field_set fields = 0;
  for (enum field field = 1; verdict_is_direct(result) && field < FIELD_COUNT; field++) {
    const struct value *text = given_text(asked, field);
    if (text && text->length > SHORT_ENOUGH)
      fields |= field_set_of(field);
  }
  if (fields == 0)
    return;
  blame(verdict, LONTAR_INVALID, fields, "is too long");
  (void)snprintf(verdict->detail, sizeof verdict->detail, "A value is too long for an index of the database");
}

static void judge_view(const struct asked *asked, const PGresult *result, struct verdict *verdict)
{
  if (!verdict_is_direct(result) || did_give(asked) == 0)
    return;
  verdict->error = LONTAR_INVALID;
  (void)snprintf(verdict->detail, sizeof verdict->detail, "A rule of the database does not allow it");
}

static const struct {
  const char *sqlstate;
  void (*judge)(const struct asked *asked, const PGresult *result, struct verdict *verdict);
} judges[] = {
    {"23505", judge_unique},    {"23P01", judge_unique},    {"23503", judge_reference}, {"23001", judge_reference},
    {"23502", judge_null},      {"23514", judge_check},     {"44000", judge_view},      {"22001", judge_length},
    {"22021", judge_character}, {"22P05", judge_character}, {"54000", judge_limit},
};

static const struct {
  const char *sqlstate;
  const char *remedy;
} remedies[] = {
    {"2200H", "its numbers are used up; `lontarctl check` shows it: column and sequence need a larger type"},
    {"22003", "a number does not fit its column; `lontarctl check` shows a sequence that passed its column's type"},
    {"42501", "were the rights granted (`lontarctl migrate --grant`)?"},
    {"42P01", "was `lontarctl migrate` run?"},
    {"42703", "was `lontarctl migrate` run?"},
    {"3F000", "was `lontarctl migrate` run?"},
    {"42883", "was `lontarctl migrate` run?"},
};

/* What would be the caller's fault is ours until it is known that the caller gave it. No set of bits: of a test of one
 * with a choice behind it gcc 14.2 made the opposite. */
static enum lontar_error ours_at_first(enum lontar_error error)
{
  if (error == LONTAR_CONFLICT || error == LONTAR_BAD_REFERENCE || error == LONTAR_REFERENCED ||
      error == LONTAR_INVALID)
    return LONTAR_INTERNAL;
  return error;
}

void verdict_reach(const struct asked *asked, const PGresult *result, struct verdict *ret_verdict)
{
  *ret_verdict = (struct verdict){.error = ours_at_first(verdict_error(result))};
  for (size_t i = 0; i < sizeof judges / sizeof judges[0]; i++)
    if (is_state(result, judges[i].sqlstate))
      judges[i].judge(asked, result, ret_verdict);
  for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
    if (verdict_is_direct(result) && is_state(result, remedies[i].sqlstate))
      (void)snprintf(ret_verdict->remedy, sizeof ret_verdict->remedy, "%s", remedies[i].remedy);
}
