/* Who is asking, and whether a route's row lets them. */
#include "handler/principal.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <lontar/error.h>

#include "repo/fields.h"
#include "route/route.h"

#define SCHEME "Bearer"
#define BLANKS " \t"

enum lontar_error bearer_parse(const char *authorization_header, const char **ret_token, size_t *ret_length)
{
  const size_t scheme = sizeof SCHEME - 1;
  if (!authorization_header || strncasecmp(authorization_header, SCHEME, scheme) != 0 ||
      strspn(authorization_header + scheme, BLANKS) == 0)
    return LONTAR_UNAUTHENTICATED;
  const char *token = authorization_header + scheme;
  token += strspn(token, BLANKS);
  size_t length = strlen(token);
  while (length > 0 && strchr(BLANKS, token[length - 1]) != NULL)
    length--;
  if (length < BEARER_LENGTH_MIN || length > BEARER_LENGTH_MAX)
    return LONTAR_UNAUTHENTICATED;
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)token[i] < 0x20 || token[i] == 0x7f)
      return LONTAR_UNAUTHENTICATED;
  *ret_token = token;
  *ret_length = length;
  return LONTAR_OK;
}

unsigned role_parse(const char *text, size_t length)
{
  static const struct {
    const char *name;
    unsigned who;
  } roles[] = {{"siswa", WHO_SISWA}, {"guru", WHO_GURU}, {"admin", WHO_ADMIN}};
  for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
    if (strlen(roles[i].name) == length && memcmp(roles[i].name, text, length) == 0)
      return roles[i].who;
  return WHO_ANYONE;
}

static bool has_role(const struct principal *principal, const struct route_row *row)
{
  return (row->who & ~(unsigned)WHO_LOOPBACK) == WHO_ANYONE || (row->who & principal->who) != 0;
}

static bool is_own(const struct principal *principal, enum field owner, const struct value *value)
{
  switch ((int)owner) {
  case FIELD_id: /* of a user: tests hold the table to that */
  case FIELD_user_id:
    return value->state != VALUE_SET || value->integer == principal->user_id;
  case FIELD_username:
    return value->state != VALUE_SET || (value->length == strlen(principal->username) &&
                                         memcmp(value->text, principal->username, value->length) == 0);
  case FIELD_token:  /* their own, by which they came */
  case FIELD_caller: /* the statement tells */
    return true;
  default:
    return false;
  }
}

enum lontar_error principal_may(const struct principal *principal, const struct route_row *row,
                                const struct values *values)
{
  const enum field owner = operation_rows[row->operation].owner;
  if (has_role(principal, row))
    return LONTAR_OK;
  const bool owns =
      (row->who & WHO_OWNER) != 0 && principal->user_id > 0 && is_own(principal, owner, &values->of[owner]);
  return owns ? LONTAR_OK : LONTAR_FORBIDDEN;
}

void principal_fill(const struct principal *principal, const struct route_row *row, struct values *values)
{
  const enum field owner = operation_rows[row->operation].owner;
  if (!has_role(principal, row) && (owner == FIELD_user_id || owner == FIELD_caller) &&
      values->of[owner].state == VALUE_ABSENT)
    value_set_integer(&values->of[owner], principal->user_id);
}
