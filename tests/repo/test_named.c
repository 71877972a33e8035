/* Named parameters, and what SQL text they leave alone. */
#include <stdio.h>
#include <string.h>

#include "library/named.h"
#include "repo.h"

/* What a statement becomes; its names are checked as one list. */
static void check(const char *sql, const char *expected, const char *names)
{
  struct named named;
  char list[256] = "";
  const char *wrong = named_translate(sql, &named);
  for (size_t i = 0; i < named.count; i++) {
    size_t length = strlen(list);
    (void)snprintf(list + length, sizeof list - length, "%s%.*s", i ? "," : "", (int)named.names[i].length,
                   named.names[i].text);
  }
  if (wrong || strcmp(named.sql.data, expected) != 0)
    printf("\n    got:  %s\n    want: %s\n", wrong ? wrong : named.sql.data, expected);
  CU_ASSERT_PTR_NULL(wrong);
  CU_ASSERT_STRING_EQUAL(named.sql.data, expected);
  CU_ASSERT_STRING_EQUAL(list, names);
  named_free(&named);
}

static void names_become_numbers(void)
{
  check("SELECT %(a)s, %(b)s, %(a)s", "SELECT $1, $2, $1", "a,b");
  check("WHERE x=%(x)s::int", "WHERE x=$1::int", "x");
}

static void words_and_numbers_stay_apart(void)
{
  check("LIMIT%(n)s", "LIMIT $1", "n");
  check("%(a)sAND 1", "$1 AND 1", "a");
  check("%(a)s1", "$1 1", "a");
  check("%(a)s%(b)s", "$1 $2", "a,b");
  check("a$%(b)s", "a$ $1", "b");
  check("$%(a)s 'x' $$", "$ $1 'x' $$", "a");
}

static void percent_is_doubled(void)
{
  check("SELECT 5 %% 2", "SELECT 5 % 2", "");
}

static void literals_are_left_alone(void)
{
  check("SELECT '%(a)s %% it''s %d' || %(b)s", "SELECT '%(a)s %% it''s %d' || $1", "b");
  check("SELECT 'back\\' , %(b)s", "SELECT 'back\\' , $1", "b");
  check("SELECT E'quote\\' %(a)s' , %(b)s", "SELECT E'quote\\' %(a)s' , $1", "b");
  check("SELECT e'\\\\' , %(b)s", "SELECT e'\\\\' , $1", "b");
  check("SELECT 1e'\\' %(a)s' , %(b)s", "SELECT 1e'\\' %(a)s' , $1", "b");
  check("SELECT name'\\' , %(b)s", "SELECT name'\\' , $1", "b");
  check("SELECT E'a' -- c\n 'b\\' %(x)s' , %(b)s", "SELECT E'a' -- c\n 'b\\' %(x)s' , $1", "b");
  check("SELECT \"%(a)s\"\"%%\" , %(b)s", "SELECT \"%(a)s\"\"%%\" , $1", "b");
}

static void dollar_quotes_are_left_alone(void)
{
  check("SELECT $$ %(a)s ' $$, %(b)s", "SELECT $$ %(a)s ' $$, $1", "b");
  check("SELECT $x$ $$ %(a)s $y$ $x$, %(b)s", "SELECT $x$ $$ %(a)s $y$ $x$, $1", "b");
  check("SELECT a$b$ , %(c)s", "SELECT a$b$ , $1", "c");
  check("SELECT $1, %(c)s", "SELECT $1, $1", "c");
  check("1$$ %(a)s $$", "1$$ %(a)s $$", "");
  check("$1$x$ %(a)s $x$", "$1$x$ %(a)s $x$", "");
}

static void comments_are_left_alone(void)
{
  check("-- %(a)s %\n%(b)s", "-- %(a)s %\n$1", "b");
  check("/* %(a)s /* ' */ % */ %(b)s", "/* %(a)s /* ' */ % */ $1", "b");
  check("1 - %(a)s / %(b)s * 2", "1 - $1 / $2 * 2", "a,b");
}

static void what_has_no_end_reaches_to_the_end(void)
{
  check("'%(a)s", "'%(a)s", "");
  check("E'\\", "E'\\", "");
  check("/* %(a)s", "/* %(a)s", "");
  check("$x$ %(a)s $x", "$x$ %(a)s $x", "");
}

static void broken_placeholders_are_refused(void)
{
  static const char *const broken[] = {"%", "%s", "%(a)", "%(a)d", "%()s", "%(a", "%(a b)s", "%(a'b)s", "50%"};
  for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
    struct named named;
    CU_ASSERT_PTR_NOT_NULL(named_translate(broken[i], &named));
    named_free(&named);
  }
}

static void the_first_words_tell_the_kind(void)
{
  static const struct {
    const char *sql;
    enum named_kind kind;
  } rows[] = {
      {"", NAMED_NOTHING},
      {" ;\t; -- COMMIT\n/* BEGIN */", NAMED_NOTHING},
      {";;SELECT 1", NAMED_PLAIN},
      {"commit", NAMED_CONTROL},
      {"/* a */Commit;", NAMED_CONTROL},
      {"END/**/WORK", NAMED_CONTROL},
      {"ROLLBACK", NAMED_CONTROL},
      {"ROLLBACK TRANSACTION AND NO CHAIN", NAMED_CONTROL},
      {"rollback to a", NAMED_SAVEPOINT},
      {"ROLLBACK TRANSACTION /* */ TO SAVEPOINT a", NAMED_SAVEPOINT},
      {"RELEASE a", NAMED_SAVEPOINT},
      {"PREPARE TRANSACTION 'a'", NAMED_CONTROL},
      {"PREPARE a AS SELECT 1", NAMED_SESSION},
      {"COMMITS", NAMED_PLAIN},
      {"\"COMMIT\"", NAMED_PLAIN},
      {"SELECT 'COMMIT'", NAMED_PLAIN},
      {"begin$", NAMED_PLAIN},
      {"beginé", NAMED_PLAIN},
      {"SET a = 1", NAMED_SESSION},
      {"SET LOCAL a = 1", NAMED_PLAIN},
      {"SET CONSTRAINTS ALL DEFERRED", NAMED_PLAIN},
      {"SET TRANSACTION READ ONLY", NAMED_PLAIN},
      {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", NAMED_SESSION},
      {"CREATE LOCAL TEMPORARY TABLE a (b int)", NAMED_SESSION},
      {"CREATE TABLE a (temp int)", NAMED_PLAIN},
      {"COPY a TO STDOUT", NAMED_COPY},
      {"COPY a(b) FROM stdin WITH (FORMAT csv)", NAMED_COPY},
      {"COPY a FROM '/STDIN'", NAMED_PLAIN},
      {"SELECT stdin FROM a", NAMED_PLAIN},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    struct named named;
    CU_ASSERT_PTR_NULL(named_translate(rows[i].sql, &named));
    if (named.kind != rows[i].kind)
      printf("\n    %s: %d, not %d\n", rows[i].sql, named.kind, rows[i].kind);
    CU_ASSERT_EQUAL(named.kind, rows[i].kind);
    named_free(&named);
  }
}

CASES(named, NULL, NULL, CASE(names_become_numbers), CASE(words_and_numbers_stay_apart), CASE(percent_is_doubled),
      CASE(literals_are_left_alone), CASE(dollar_quotes_are_left_alone), CASE(comments_are_left_alone),
      CASE(what_has_no_end_reaches_to_the_end), CASE(broken_placeholders_are_refused),
      CASE(the_first_words_tell_the_kind));
