/* What a database URL must be before anything is dialled. */
#include "library/url.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "library/failure.h"
#include "pool/address.h"
#include "pool/door.h"

enum { REASON_SIZE = 96, PORT_MOST = 65535 };

/* libpq takes what has neither an equals sign nor the beginning of a URL for the name of a database. */
static bool is_name(const char *url)
{
  return !strchr(url, '=') && strncmp(url, "postgresql://", 13) != 0 && strncmp(url, "postgres://", 11) != 0;
}

/* A port is a number; a host with an at sign is the rest of a password that was not written with %40. */
static const char *server_wrong(const struct address *server)
{
  int64_t port;
  if (server->port && (!text_to_integer(server->port, strlen(server->port), &port) || port < 1 || port > PORT_MOST))
    return "its port is no number from 1 to 65535; write %2F for / and %3A for : within a password";
  if (server->host && strchr(server->host, '@') && server->host[0] != '@')
    return "its host has an at sign; write %40 for @ within a password";
  return NULL;
}

static const char *servers_wrong(const struct address_list *list)
{
  const char *wrong = NULL;
  for (int i = 0; i < list->count && !wrong; i++)
    wrong = server_wrong(&list->items[i]);
  return wrong;
}

/* libpq's words up to the first value, which it puts between quotation marks, in whatever language. */
static void reason_copy(const PGconn *connection, char out[REASON_SIZE])
{
  const char *text = PQerrorMessage(connection);
  size_t length = strcspn(text, "\"\n:");
  for (size_t i = 0; i < length; i++) {
    if ((unsigned char)text[i] >= 0x80)
      length = 0;
  }
  while (length > 0 && text[length - 1] == ' ')
    length--;
  if (!memchr(text, ' ', length))
    length = 0; /* one word tells nothing */
  (void)snprintf(out, REASON_SIZE, "%.*s", (int)length, text);
}

/* Asks libpq about everything but the servers: one in their place has an address that is none, so nothing is dialled.
 */
static enum lontar_error settings_check(const char *url, struct lontar_failure *failure)
{
  static const char *const keywords[] = {"dbname", "host", "hostaddr", "port", NULL};
  const char *const values[] = {url, "nowhere", "nowhere", "1", NULL};
  char reason[REASON_SIZE];
  if (PQpingParams(keywords, values, 1) != PQPING_NO_ATTEMPT)
    return LONTAR_OK;
  CLEANUP_CONNECTION PGconn *connection = PQconnectStartParams(keywords, values, 1);
  if (!connection)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  reason_copy(connection, reason);
  return failure_set(failure, LONTAR_MISUSE, "libpq does not take the URL as it is%s%s", reason[0] ? ": " : "", reason);
}

enum lontar_error url_check(const char *url, struct lontar_failure *failure)
{
  if (is_name(url) && strpbrk(url, ":/@"))
    return failure_set(failure, LONTAR_MISUSE, "the URL does not begin with postgresql://");
  enum lontar_error error = settings_check(url, failure);
  if (error != LONTAR_OK)
    return error;
  CLEANUP_ADDRESSES struct address_list *list = address_list_parse(url);
  if (!list)
    return failure_set(failure, LONTAR_INTERNAL, "no memory is left");
  const char *wrong =
      address_lists_fit(url) ? servers_wrong(list) : "it has another number of ports or addresses than of hosts";
  return wrong ? failure_set(failure, LONTAR_MISUSE, "the URL is wrong: %s", wrong) : LONTAR_OK;
}
