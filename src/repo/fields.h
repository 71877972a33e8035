/* The named values that travel between HTTP and SQL, with their rules: the rows of fields.def. Thread-safe. */
#ifndef REPO_FIELDS_H
#define REPO_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field {
  FIELD_none,
#define FIELD(name, ...) FIELD_##name,
#include "repo/fields.def"
#undef FIELD
  FIELD_COUNT
};

enum field_type { FIELD_INTEGER, FIELD_REAL, FIELD_TEXT, FIELD_TIME };

/* fields.def explains each; of a cursor, which kind a list has is judged by operation/prepare.c. */
enum field_rule {
  RULE_TRIM = 1,
  RULE_NULLABLE = 2,
  RULE_ROLE = 4,
  RULE_VERSION = 8,
  RULE_CURSOR = 16,
  RULE_BOOLEAN = 32,
  RULE_NOT_BLANK = 64,
  RULE_QUERY = 128,
  RULE_SECRET = 256,
};

/* A set of fields, one bit each. */
typedef uint64_t field_set;
_Static_assert(FIELD_COUNT <= 64, "a field_set has a bit for each field");

struct field_row {
  const char *name;
  enum field_type type;
  int64_t least;
  int64_t most;
  unsigned rules;
  const char *meaning;
};

extern const struct field_row field_rows[FIELD_COUNT];

enum value_state { VALUE_ABSENT, VALUE_NULL, VALUE_SET };

/* One value. `text` is borrowed: it lives as long as the body, path or answer that it came from. */
struct value {
  enum value_state state;
  union {
    int64_t integer; /* INTEGER; TIME as PostgreSQL holds it: microseconds since 2000-01-01 UTC, and at both ends of the
                        range its infinities */
    double real;
    struct {
      const char *text;
      size_t length;
    };
  };
};

/* All values of one request, by field. */
struct values {
  struct value of[FIELD_COUNT];
};

/* What an input may give, and what it has to. */
struct field_inputs {
  field_set must;
  field_set may;
};

/* Where the count of a TIME begins, in microseconds since 1970. */
#define FIELD_TIME_EPOCH INT64_C(946684800000000)

/* A TIME as RFC 3339 in UTC, into CLOCK_RFC3339_SIZE bytes with a closing NUL. Returns the length, 0 for the infinities
 * and outside the years 1 to 9999, which RFC 3339 does not know. */
size_t field_time_text(int64_t time, char *out);

/* The field with that name, FIELD_none when there is none. */
enum field field_find(const char *name, size_t length);

/* Checks a value that is set against its field's row; TRIM narrows the text. Returns NULL when it is good, else one
 * sentence for the caller ("must be 3 to 50 characters long"), static or from a per-thread buffer until the next call.
 */
const char *field_check(enum field field, struct value *value);

/* Reads a value written as text (path, query) by its field's type, then checks it as above. */
const char *field_parse(enum field field, const char *text, size_t length, struct value *ret_value);

static inline field_set field_set_of(enum field field)
{
  return UINT64_C(1) << field;
}

/* Takes the first field out of a set that is not empty. */
static inline enum field field_set_take(field_set *set)
{
  const int field = __builtin_ctzll(*set);
  *set &= *set - 1;
  return (enum field)field;
}

static inline void value_set_integer(struct value *value, int64_t integer)
{
  value->state = VALUE_SET;
  value->integer = integer;
}

static inline void value_set_text(struct value *value, const char *text, size_t length)
{
  value->state = VALUE_SET;
  value->text = text;
  value->length = length;
}

#endif
