/* From a URL to a listening socket, from there to the process that has it open. */
#include "supervise/server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/process.h"
#include "base/text.h"
#include "pool/address.h"

#define PROGRAM "postgres"
#define DEFAULT_FOLDER "/var/run/postgresql" /* Debian's libpq */
#define DEFAULT_PORT 5432

/* A database that listens on more addresses is not looked for. */
enum { SOCKETS_MAX = 8, SHORT_PATH = 64 };

enum { DECIMAL = 10, HEXADECIMAL = 16, WORD_DIGITS = 8 };

/* Sockets at the URL's address, by inode. */
struct sockets {
  int count;
  uint64_t inodes[SOCKETS_MAX];
};

static void add(struct sockets *sockets, uint64_t inode)
{
  if (sockets->count < SOCKETS_MAX)
    sockets->inodes[sockets->count++] = inode;
}

/* ---- Lines of /proc/net ---- */

/* Where the word with that index begins, from 0 on; the end of the line when there is none. */
static const char *word_of(const char *line, int index)
{
  line += strspn(line, " ");
  for (; index > 0; index--) {
    line += strcspn(line, " ");
    line += strspn(line, " ");
  }
  return line;
}

/* "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/…": the flag says that it listens. */
uint64_t server_unix_line(const char *line, const char **ret_path)
{
  enum { FLAGS = 3, INODE = 6, PATH = 7, LISTENS = 0x10000 };
  const char *path = word_of(line, PATH);
  if (strtoul(word_of(line, FLAGS), NULL, HEXADECIMAL) != LISTENS || *path != '/')
    return 0;
  *ret_path = path;
  return strtoull(word_of(line, INODE), NULL, DECIMAL);
}

/* "0100007F", or four of them: words as they lie in memory. */
static bool parse_words(const char *text, size_t length, struct server_address *address)
{
  char word[WORD_DIGITS + 1] = "";
  if (length != WORD_DIGITS && length != (size_t)4 * WORD_DIGITS)
    return false;
  address->family = length == WORD_DIGITS ? AF_INET : AF_INET6;
  for (size_t i = 0; i * WORD_DIGITS < length; i++) {
    memcpy(word, text + i * WORD_DIGITS, WORD_DIGITS);
    address->words[i] = (uint32_t)strtoul(word, NULL, HEXADECIMAL);
  }
  return true;
}

/* "0: 0100007F:1538 00000000:0000 0A …": 0A is LISTEN. */
uint64_t server_tcp_line(const char *line, struct server_address *ret_address)
{
  enum { LOCAL = 1, STATE = 3, INODE = 9, LISTENS = 0x0A };
  struct server_address address = {.port = 0};
  const char *local = word_of(line, LOCAL);
  const size_t length = strcspn(local, ": ");
  if (strtoul(word_of(line, STATE), NULL, HEXADECIMAL) != LISTENS || local[length] != ':' ||
      !parse_words(local, length, &address))
    return 0;
  address.port = (unsigned)strtoul(local + length + 1, NULL, HEXADECIMAL);
  *ret_address = address;
  return strtoull(word_of(line, INODE), NULL, DECIMAL);
}

/* Calls `take` with each line of a file. */
static void each_line(const char *path, void (*take)(const char *line, const void *wanted, struct sockets *sockets),
                      const void *wanted, struct sockets *sockets)
{
  CLEANUP_FREE char *line = NULL;
  size_t size = 0;
  FILE *file = fopen(path, "re");
  if (file == NULL)
    return;
  while (getline(&line, &size, file) > 0) {
    line[strcspn(line, "\n")] = '\0';
    take(line, wanted, sockets);
  }
  (void)fclose(file);
}

/* ---- Sockets at an address ---- */

/* PostgreSQL may have come to the folder by another name than libpq. */
static bool is_same_file(const char *one, const char *other)
{
  struct stat first, second;
  return strcmp(one, other) == 0 || (stat(one, &first) == 0 && stat(other, &second) == 0 &&
                                     first.st_ino == second.st_ino && first.st_dev == second.st_dev);
}

static void take_unix(const char *line, const void *wanted, struct sockets *sockets)
{
  const char *path, *name = strrchr(wanted, '/');
  const uint64_t inode = server_unix_line(line, &path);
  const char *slash = inode != 0 ? strrchr(path, '/') : NULL;
  if (slash != NULL && strcmp(slash, name) == 0 && is_same_file(path, wanted))
    add(sockets, inode);
}

/* At the address, or at all of its family. */
static void take_tcp(const char *line, const void *wanted, struct sockets *sockets)
{
  static const uint32_t all[4] = {0};
  const struct server_address *address = wanted;
  struct server_address found;
  const uint64_t inode = server_tcp_line(line, &found);
  if (inode != 0 && found.family == address->family && found.port == address->port &&
      (memcmp(found.words, all, sizeof all) == 0 || memcmp(found.words, address->words, sizeof all) == 0))
    add(sockets, inode);
}

static void find_tcp(const char *host, unsigned port, struct sockets *sockets)
{
  struct server_address address = {.port = port};
  address.family = strchr(host, ':') != NULL ? AF_INET6 : AF_INET;
  if (inet_pton(address.family, host, address.words) == 1)
    each_line(address.family == AF_INET ? "/proc/net/tcp" : "/proc/net/tcp6", take_tcp, &address, sockets);
}

static void find_sockets(const struct address *address, struct sockets *sockets)
{
  char path[PATH_MAX];
  int64_t port = DEFAULT_PORT;
  const char *host = address->hostaddr != NULL ? address->hostaddr : address->host != NULL ? address->host : "";
  if (address->port != NULL && (!text_to_integer(address->port, strlen(address->port), &port) || port < 1))
    return;
  if (strcmp(host, "localhost") == 0) {
    find_tcp("127.0.0.1", (unsigned)port, sockets);
    find_tcp("::1", (unsigned)port, sockets);
  } else if (*host == '/' || *host == '\0') {
    (void)snprintf(path, sizeof path, "%s/.s.PGSQL.%" PRId64, *host == '/' ? host : DEFAULT_FOLDER, port);
    each_line("/proc/net/unix", take_unix, path, sockets);
  } else {
    find_tcp(host, (unsigned)port, sockets);
  }
}

/* ---- The process ---- */

static bool is_one_of(const char *link, const struct sockets *sockets)
{
  static const char kind[] = "socket:[";
  if (strncmp(link, kind, sizeof kind - 1) != 0)
    return false;
  const uint64_t inode = strtoull(link + sizeof kind - 1, NULL, DECIMAL);
  for (int i = 0; i < sockets->count; i++)
    if (sockets->inodes[i] == inode)
      return true;
  return false;
}

static bool has_open(pid_t pid, const struct sockets *sockets)
{
  char path[SHORT_PATH], link[SHORT_PATH];
  const struct dirent *entry;
  bool found = false;
  (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
  CLEANUP_DIR DIR *files = opendir(path);
  while (!found && files != NULL && (entry = readdir(files)) != NULL) {
    const ssize_t length = readlinkat(dirfd(files), entry->d_name, link, sizeof link - 1);
    link[length > 0 ? length : 0] = '\0';
    found = is_one_of(link, sockets);
  }
  return found;
}

/* A child that has just been forked has its parent's sockets, too. */
static bool is_first(pid_t pid, const struct sockets *sockets)
{
  pid_t parent;
  char state;
  return process_look(pid, &parent, &state) && !has_open(parent, sockets);
}

static pid_t find_process(const struct sockets *sockets, char *message, size_t size)
{
  char program[PROCESS_NAME_SIZE];
  pid_t server = 0;
  CLEANUP_DIR DIR *proc = opendir("/proc");
  (void)snprintf(message, size, "nobody is seen who listens there");
  for (pid_t pid; (pid = process_next(proc)) != 0;) {
    if (!has_open(pid, sockets) || !is_first(pid, sockets))
      continue;
    const bool good = server == 0 && strcmp(process_program(pid, program), PROGRAM) == 0;
    if (!good)
      (void)snprintf(message, size, "process %ld (%.32s) listens there", (long)pid, program);
    server = good ? pid : -1;
  }
  return server > 0 ? server : 0;
}

pid_t server_find(const char *url, char *message, size_t size)
{
  struct sockets sockets = {.count = 0};
  struct address_list *list = address_list_parse(url);
  pid_t server = 0;
  if (list == NULL || list->left || list->count != 1 || !address_list_is_local(list)) {
    (void)snprintf(message, size, "database_url does not name one server on this machine");
  } else {
    find_sockets(&list->items[0], &sockets);
    server = find_process(&sockets, message, size);
  }
  address_list_free(list);
  return server;
}
