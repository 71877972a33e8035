/* Distributions of measured times. */
#include "system/figures.h"

#include <stdio.h>
#include <stdlib.h>

#include "system/check.h"

enum { FIRST_ROOM = 64 };

void figures_add(struct figures *figures, double seconds)
{
  if (figures->count == figures->room) {
    figures->room = figures->room == 0 ? FIRST_ROOM : 2 * figures->room;
    figures->seconds = realloc(figures->seconds, figures->room * sizeof *figures->seconds);
    need(figures->seconds != NULL, "no memory");
  }
  figures->seconds[figures->count++] = seconds;
}

static int compare(const void *one, const void *other)
{
  const double a = *(const double *)one, b = *(const double *)other;
  return (a > b) - (a < b);
}

double figures_at(struct figures *figures, double share)
{
  if (figures->count == 0)
    return 0;
  qsort(figures->seconds, figures->count, sizeof *figures->seconds, compare);
  const size_t rank = (size_t)(share * (double)figures->count);
  return figures->seconds[rank < figures->count ? rank : figures->count - 1];
}

void figures_print(const char *label, struct figures *figures)
{
  printf("    %-36s %6zu", label, figures->count);
  static const double shares[] = {0, 0.5, 0.9, 0.99, 1};
  for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
    printf(" %8.1f", figures_at(figures, shares[i]) * 1000);
  printf("\n");
}

void figures_free(struct figures *figures)
{
  free(figures->seconds);
  *figures = (struct figures){0};
}
