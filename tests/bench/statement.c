/* Prints a statement of the table as pgbench's script or as SQL to prepare: statement pgbench|prepare NAME */
#include "repo/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { USAGE = 2 };

static const char *type_name(enum field field)
{
  static const char *const names[] = {
      [FIELD_INTEGER] = "bigint",
      [FIELD_REAL] = "double precision",
      [FIELD_TEXT] = "text",
      [FIELD_TIME] = "timestamptz",
  };
  return names[field_rows[field].type];
}

/* The SQL with a variable of the parameter's name, and of its type, where $1, $2, … stand. */
static void print_for_pgbench(const struct statement_row *row)
{
  for (const char *at = row->sql; *at != '\0';) {
    char *end;
    long number = *at == '$' ? strtol(at + 1, &end, 10) : 0;
    if (number < 1 || number > statement_field_count(row->parameters)) {
      putchar(*at++);
      continue;
    }
    enum field field = row->parameters[number - 1];
    printf(":%s::%s", field_rows[field].name, type_name(field));
    at = end;
  }
  puts(";");
}

static void print_to_prepare(const struct statement_row *row)
{
  printf("PREPARE %s (", row->name);
  for (int i = 0; row->parameters[i] != FIELD_none; i++)
    printf("%s%s", i > 0 ? ", " : "", type_name(row->parameters[i]));
  printf(") AS %s;\n", row->sql);
}

int main(int argc, char **argv)
{
  if (argc != 3)
    return USAGE;
  for (int i = 1; i < STATEMENT_COUNT; i++) {
    if (strcmp(statement_rows[i].name, argv[2]) != 0)
      continue;
    if (strcmp(argv[1], "pgbench") == 0)
      print_for_pgbench(&statement_rows[i]);
    else
      print_to_prepare(&statement_rows[i]);
    return EXIT_SUCCESS;
  }
  fprintf(stderr, "statement: there is none called %s\n", argv[2]);
  return EXIT_FAILURE;
}
