/* Remembers of each statement what stands against it. */
#include "pool/trouble.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"

/* After so long a success of another statement tells that it is over, too; of reads and writes only for their like
 * where one may go while the other does not. Rights and the schema are each statement's own. */
static const struct {
  int64_t after;
  bool like;
} settles[TROUBLE_KINDS] = {
    [TROUBLE_WAITS] = {CLOCK_SECOND, true},
    [TROUBLE_READ_ONLY] = {CLOCK_SECOND, true},
    [TROUBLE_DISK] = {60 * CLOCK_SECOND, true},
    [TROUBLE_FAULT] = {60 * CLOCK_SECOND, false},
};

static const struct {
  const char *sqlstate;
  bool direct; /* out of a function it speaks of something else */
  enum trouble trouble;
} states[] = {
    {"25006", true, TROUBLE_READ_ONLY}, {"53100", false, TROUBLE_DISK},  {"42501", true, TROUBLE_RIGHTS},
    {"42P01", true, TROUBLE_SCHEMA},    {"42703", true, TROUBLE_SCHEMA}, {"42883", true, TROUBLE_SCHEMA},
    {"3F000", true, TROUBLE_SCHEMA},    {"55P03", false, TROUBLE_LOCKS},
};

static enum trouble of_error(enum lontar_error error, bool spoken)
{
  switch (error) {
  case LONTAR_DEADLINE:
  case LONTAR_BUSY:
  case LONTAR_RETRY:
    return TROUBLE_WAITS;
  case LONTAR_UNAVAILABLE:
    return spoken ? TROUBLE_FAULT : TROUBLE_AWAY;
  case LONTAR_INTERNAL:
    return TROUBLE_FAULT;
  default:
    return TROUBLE_NONE;
  }
}

enum trouble trouble_of(enum lontar_error error, const char *sqlstate, bool direct)
{
  if (error == LONTAR_OK)
    return TROUBLE_NONE;
  for (size_t i = 0; sqlstate != NULL && i < sizeof states / sizeof states[0]; i++)
    if (strcmp(sqlstate, states[i].sqlstate) == 0 && (direct || !states[i].direct))
      return states[i].trouble;
  return of_error(error, sqlstate != NULL);
}

static bool has(const struct troubles *troubles, enum trouble trouble)
{
  return memchr(troubles->kinds, (int)trouble, sizeof troubles->kinds) != NULL;
}

static void drop(struct troubles *troubles, int statement)
{
  troubles->count -= troubles->kinds[statement] != TROUBLE_NONE;
  troubles->kinds[statement] = TROUBLE_NONE;
}

bool troubles_meet(struct troubles *troubles, enum statement statement, enum trouble trouble, int64_t now)
{
  const bool known = has(troubles, trouble);
  troubles->count += troubles->kinds[statement] == TROUBLE_NONE;
  troubles->kinds[statement] = (unsigned char)trouble;
  troubles->met[statement] = now;
  return !known;
}

static bool is_settled(const struct troubles *troubles, int one, enum statement other, int64_t now)
{
  const int kind = troubles->kinds[one];
  const bool alike = statement_reads((enum statement)one) == statement_reads(other);
  return settles[kind].after != 0 && now - troubles->met[one] >= settles[kind].after && (alike || !settles[kind].like);
}

void troubles_pass(struct troubles *troubles, enum statement statement, int64_t now)
{
  if (troubles->count == 0)
    return;
  drop(troubles, (int)statement);
  troubles->contradicted[statement] = false;
  for (int i = 0; i < STATEMENT_COUNT; i++)
    if (is_settled(troubles, i, statement, now))
      drop(troubles, i);
}

bool trouble_is_the_probers(enum trouble trouble)
{
  return trouble == TROUBLE_SCHEMA || trouble == TROUBLE_RIGHTS || trouble == TROUBLE_READ_ONLY;
}

void troubles_over(struct troubles *troubles, int64_t asked)
{
  for (int i = 0; troubles->count > 0 && i < STATEMENT_COUNT; i++) {
    if (!trouble_is_the_probers((enum trouble)troubles->kinds[i]) || troubles->contradicted[i] ||
        troubles->met[i] >= asked)
      continue;
    drop(troubles, i);
    troubles->contradicted[i] = true;
  }
}

uint64_t troubles_bits(const struct troubles *troubles)
{
  uint64_t bits = 0;
  for (int i = 0; troubles->count > 0 && i < STATEMENT_COUNT; i++)
    bits |= (uint64_t)(troubles->kinds[i] != TROUBLE_NONE) << i;
  return bits;
}

void troubles_passed(struct troubles *troubles, enum statement statement, int64_t when)
{
  if (troubles->kinds[statement] == TROUBLE_NONE || troubles->met[statement] >= when)
    return;
  drop(troubles, (int)statement);
  troubles->contradicted[statement] = false;
}

void troubles_forget(struct troubles *troubles, enum trouble trouble)
{
  for (int i = 0; troubles->count > 0 && i < STATEMENT_COUNT; i++)
    if (troubles->kinds[i] == trouble)
      drop(troubles, i);
}

static bool is_momentary(enum trouble trouble)
{
  return trouble == TROUBLE_WAITS || trouble == TROUBLE_LOCKS || trouble == TROUBLE_AWAY;
}

void troubles_look(struct troubles *troubles, int64_t now)
{
  for (int i = 0; troubles->count > 0 && i < STATEMENT_COUNT; i++)
    if (is_momentary((enum trouble)troubles->kinds[i]) && now - troubles->met[i] >= TROUBLE_LIFE)
      drop(troubles, i);
  for (int kind = TROUBLE_NONE + 1; kind < TROUBLE_KINDS; kind++) {
    const bool there = troubles->count > 0 && has(troubles, (enum trouble)kind);
    if (!there)
      troubles->since[kind] = 0;
    else if (troubles->since[kind] == 0)
      troubles->since[kind] = now;
  }
}
