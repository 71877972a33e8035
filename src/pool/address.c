/* Takes a database URL apart, as libpq does it, and looks names up. */
#include "pool/address.h"

#include <libpq-fe.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"

/* A name with more addresses than this is not tried at all of them. */
enum { ADDRESSES_OF_A_NAME = 16 };

#define CLEANUP_OPTIONS CLEANUP(options_free)
static void options_free(PQconninfoOption **options)
{
  PQconninfoFree(*options);
}

#define CLEANUP_ADDRINFO CLEANUP(addrinfo_free)
static void addrinfo_free(struct addrinfo **info)
{
  if (*info != NULL)
    freeaddrinfo(*info);
}

/* The value of an option, "" when it has none. */
static const char *option(const PQconninfoOption *options, const char *name)
{
  for (; options != NULL && options->keyword != NULL; options++)
    if (strcmp(options->keyword, name) == 0 && options->val != NULL)
      return options->val;
  return "";
}

/* How many entries a list has that is separated by commas. */
static int count_entries(const char *text)
{
  int count = 1;
  for (; *text != '\0'; text++)
    count += *text == ',';
  return count;
}

/* A list that is empty as a whole has none. */
static bool has_empty_entry(const char *text)
{
  if (*text == '\0')
    return false;
  return *text == ',' || text[strlen(text) - 1] == ',' || strstr(text, ",,") != NULL;
}

/* An entry of such a list; NULL when it is empty, or there is no memory. */
static char *copy_entry(const char *text, int index)
{
  for (; index > 0; index--)
    text += strcspn(text, ",") + 1;
  size_t length = strcspn(text, ",");
  return length > 0 ? strndup(text, length) : NULL;
}

static struct address_list *list_new(int capacity)
{
  return calloc(1, sizeof(struct address_list) + (size_t)capacity * sizeof(struct address));
}

/* The three lists side by side, by libpq's rules: as many hosts as addresses where both are given, one port or one for
 * each. NULL when there is no memory. */
static struct address_list *list_of(const char *hosts, const char *hostaddrs, const char *ports)
{
  int count = count_entries(*hostaddrs != '\0' ? hostaddrs : hosts);
  struct address_list *list = list_new(count);
  if (list == NULL)
    return NULL;
  list->count = count;
  for (int i = 0; i < count; i++) {
    list->items[i].host = *hosts != '\0' ? copy_entry(hosts, i) : NULL;
    list->items[i].hostaddr = *hostaddrs != '\0' ? copy_entry(hostaddrs, i) : NULL;
    list->items[i].port = copy_entry(ports, count_entries(ports) == 1 ? 0 : i);
    list->items[i].place = i;
  }
  return list;
}

static bool lists_fit(const char *hosts, const char *hostaddrs, const char *ports)
{
  int count = count_entries(*hostaddrs != '\0' ? hostaddrs : hosts);
  return (*hosts == '\0' || count_entries(hosts) == count) &&
         (count_entries(ports) == 1 || count_entries(ports) == count);
}

bool address_lists_fit(const char *url)
{
  CLEANUP_OPTIONS PQconninfoOption *own = PQconninfoParse(url, NULL);
  return lists_fit(option(own, "host"), option(own, "hostaddr"), option(own, "port"));
}

/* What breaks the rules, and an empty entry among several, is left to libpq. */
static bool is_plain(const char *hosts, const char *hostaddrs, const char *ports)
{
  return lists_fit(hosts, hostaddrs, ports) && !has_empty_entry(hosts) && !has_empty_entry(hostaddrs);
}

/* What the URL says, or else the environment. */
static const char *setting(const PQconninfoOption *own, const PQconninfoOption *defaults, const char *name)
{
  const char *value = option(own, name);
  return *value != '\0' ? value : option(defaults, name);
}

bool address_url_says(const char *url, const char *keyword, const char *value)
{
  CLEANUP_OPTIONS PQconninfoOption *own = PQconninfoParse(url, NULL);
  CLEANUP_OPTIONS PQconninfoOption *defaults = PQconndefaults();
  return strcmp(setting(own, defaults, keyword), value) == 0;
}

struct address_list *address_list_parse(const char *url)
{
  CLEANUP_OPTIONS PQconninfoOption *own = PQconninfoParse(url, NULL);
  CLEANUP_OPTIONS PQconninfoOption *defaults = PQconndefaults();
  const char *hosts = setting(own, defaults, "host");
  const char *hostaddrs = setting(own, defaults, "hostaddr");
  const char *ports = setting(own, defaults, "port");
  const bool left = *option(own, "service") != '\0' || !is_plain(hosts, hostaddrs, ports);
  struct address_list *list = left ? list_of("", "", "") : list_of(hosts, hostaddrs, ports);
  if (list != NULL)
    list->left = left || own == NULL;
  return list;
}

static int look_up(const char *name, int flags, struct addrinfo **ret_info)
{
  const struct addrinfo hints = {.ai_flags = flags, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  return getaddrinfo(name, NULL, &hints, ret_info);
}

/* Sockets' folders begin with a slash, abstract sockets with an at sign. */
static bool is_name(const struct address *address)
{
  CLEANUP_ADDRINFO struct addrinfo *info = NULL;
  const char *host = address->host;
  if (address->hostaddr != NULL || host == NULL || *host == '/' || *host == '@')
    return false;
  return look_up(host, AI_NUMERICHOST, &info) != 0;
}

bool address_list_has_names(const struct address_list *list)
{
  for (int i = 0; i < list->count; i++)
    if (is_name(&list->items[i]))
      return true;
  return false;
}

/* Without a word libpq takes a socket of this machine. */
static bool is_local(const char *host)
{
  return host == NULL || *host == '\0' || *host == '/' || *host == '@' || strcmp(host, "localhost") == 0 ||
         strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

bool address_list_is_local(const struct address_list *list)
{
  for (int i = 0; i < list->count; i++)
    if (!is_local(list->items[i].hostaddr != NULL ? list->items[i].hostaddr : list->items[i].host))
      return false;
  return true;
}

static char *copy(const char *text)
{
  return text != NULL ? strdup(text) : NULL;
}

static void append(struct address_list *list, const struct address *address, const char *hostaddr)
{
  list->items[list->count++] = (struct address){
      .host = copy(address->host), .hostaddr = copy(hostaddr), .port = copy(address->port), .place = address->place};
}

static void append_resolved(struct address_list *list, const struct address *address)
{
  CLEANUP_ADDRINFO struct addrinfo *info = NULL;
  char text[NI_MAXHOST];
  int before = list->count;
  int error = look_up(address->host, 0, &info);
  for (const struct addrinfo *it = info; it != NULL && list->count - before < ADDRESSES_OF_A_NAME; it = it->ai_next)
    if (getnameinfo(it->ai_addr, it->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
      append(list, address, text);
  if (list->count > before)
    return;
  list->unresolved++;
  list->lookup_error = error;
}

struct address_list *address_list_resolve(const struct address_list *list)
{
  struct address_list *resolved = list_new(list->count * ADDRESSES_OF_A_NAME);
  if (resolved == NULL)
    return NULL;
  for (int i = 0; i < list->count; i++) {
    if (is_name(&list->items[i]))
      append_resolved(resolved, &list->items[i]);
    else
      append(resolved, &list->items[i], list->items[i].hostaddr);
  }
  return resolved;
}

struct address_list *address_list_copy(const struct address_list *list)
{
  struct address_list *copied = list_new(list->count);
  if (copied == NULL)
    return NULL;
  copied->unresolved = list->unresolved;
  for (int i = 0; i < list->count; i++)
    append(copied, &list->items[i], list->items[i].hostaddr);
  return copied;
}

static void clear(struct address *address)
{
  free(address->host);
  free(address->hostaddr);
  free(address->port);
}

void address_list_keep(struct address_list *list, int place)
{
  int kept = 0;
  for (int i = 0; i < list->count; i++) {
    if (list->items[i].place == place)
      list->items[kept++] = list->items[i];
    else
      clear(&list->items[i]);
  }
  list->count = kept;
}

/* The NUL behind a word counts, and one that is missing is another than an empty one. */
static uint64_t mix(uint64_t hash, const char *word)
{
  const char *text = word != NULL ? word : "\n";
  return hash_mix(hash, text, strlen(text) + 1);
}

uint64_t address_list_hash(const struct address_list *list)
{
  uint64_t hash = HASH_BEGIN;
  for (int i = 0; i < list->count; i++) {
    hash = mix(hash, list->items[i].host);
    hash = mix(hash, list->items[i].hostaddr);
    hash = mix(hash, list->items[i].port);
  }
  return hash;
}

void address_list_free(struct address_list *list)
{
  for (int i = 0; list != NULL && i < list->count; i++)
    clear(&list->items[i]);
  free(list);
}
