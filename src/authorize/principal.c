/* Who is asking, and whether a route's row lets them. */
#include "authorize/principal.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <lontar/error.h>

#include "repo/fields.h"
#include "route/route.h"

#define SCHEME "Bearer"

static bool is_blank(char character)
{
  return character == ' ' || character == '\t';
}

enum lontar_error bearer_parse(const char *authorization_header, const char **ret_token, size_t *ret_length)
{
  const size_t scheme = sizeof SCHEME - 1;
  if (!authorization_header || strncasecmp(authorization_header, SCHEME, scheme) != 0 ||
      !is_blank(authorization_header[scheme]))
    return LONTAR_UNAUTHENTICATED;
  const char *token = authorization_header + scheme;
  while (is_blank(*token))
    token++;
  size_t length = strlen(token);
  while (length > 0 && is_blank(token[length - 1]))
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

static bool owns(const struct principal *principal, const struct values *path_values)
{
  const struct value *user_id = &path_values->of[FIELD_user_id];
  const struct value *id = &path_values->of[FIELD_id];
  const struct value *username = &path_values->of[FIELD_username];
  if (principal->user_id <= 0)
    return false;
  if (user_id->state == VALUE_SET)
    return user_id->integer == principal->user_id;
  if (id->state == VALUE_SET)
    return id->integer == principal->user_id;
  return username->state == VALUE_SET && username->length == strlen(principal->username) &&
         memcmp(username->text, principal->username, username->length) == 0;
}

enum lontar_error principal_may(const struct principal *principal, const struct route_row *row,
                                const struct values *path_values)
{
  if ((row->who & ~(unsigned)WHO_LOOPBACK) == WHO_ANYONE)
    return LONTAR_OK;
  if ((row->who & principal->who) != 0)
    return LONTAR_OK;
  if ((row->who & WHO_OWNER) != 0 && owns(principal, path_values))
    return LONTAR_OK;
  return LONTAR_FORBIDDEN;
}
