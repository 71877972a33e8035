/* The leaving ones: connections that were closed or given up, until the server has ended them too. */
#include "library/leaving.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "library/ending.h"
#include "library/wire.h"
#include "pool/address.h"
#include "pool/rules.h"

/* Between two connections that terminate. */
#define TERMINATE_PAUSE (CLOCK_SECOND / 10)

enum { TERMINATED_AT_ONCE = 64, SQL_SIZE_MAX = 8192, HOSTADDR_SIZE = 64, READS_MAX = 16, READ_SIZE = 4096 };

struct leaver {
  int fd;
  int server;                   /* of the URL's */
  char hostaddr[HOSTADDR_SIZE]; /* "" for a socket's folder */
  struct backend backend;       /* to be terminated, unless its pid is 0 */
  int64_t since;
  bool asked;      /* the server has been asked to terminate it */
  bool terminates; /* it was there to terminate others, and takes no place */
  TAILQ_ENTRY(leaver) link;
};

struct leaving {
  const char *url;
  const struct lontar_options *options;
  struct address_list *servers;
  pthread_mutex_t lock; /* guards all below */
  TAILQ_HEAD(leavers, leaver) leavers;
  int count;             /* without those that terminate */
  struct ending *ending; /* under way, or NULL */
  int server;            /* whose backends it terminates */
  char hostaddr[HOSTADDR_SIZE];
  int64_t next_ending; /* not before */
};

struct leaving *leaving_new(const char *url, const struct lontar_options *options)
{
  struct leaving *leaving = calloc(1, sizeof *leaving);
  struct address_list *servers = leaving ? address_list_parse(url) : NULL;
  if (!servers) {
    free(leaving);
    return NULL;
  }
  leaving->url = url;
  leaving->options = options;
  leaving->servers = servers;
  TAILQ_INIT(&leaving->leavers);
  pthread_mutex_init(&leaving->lock, NULL);
  return leaving;
}

static void leaver_free(struct leaver *leaver)
{
  (void)close(leaver->fd);
  free(leaver);
}

static void leaving_remove(struct leaving *leaving, struct leaver *leaver)
{
  TAILQ_REMOVE(&leaving->leavers, leaver, link);
  leaving->count -= !leaver->terminates;
  leaver_free(leaver);
}

void leaving_free(struct leaving *leaving)
{
  struct leaver *leaver;
  if (!leaving)
    return;
  while ((leaver = TAILQ_FIRST(&leaving->leavers)))
    leaving_remove(leaving, leaver);
  if (leaving->ending)
    PQfinish(ending_take(leaving->ending));
  pthread_mutex_destroy(&leaving->lock);
  address_list_free(leaving->servers);
  free(leaving);
}

void leaving_abandon(struct leaving *leaving)
{
  if (pthread_mutex_trylock(&leaving->lock) != 0)
    return;
  if (leaving->ending)
    leaving_disown(ending_take(TAKE(leaving->ending)));
  pthread_mutex_unlock(&leaving->lock);
  leaving_free(leaving);
}

static bool same(const char *one, const char *other)
{
  return strcmp(one ? one : "", other ? other : "") == 0;
}

/* The first of the URL's servers by that name and port, which all addresses of a name share; the first of all when
 * libpq has found it by itself. */
static int server_of(const struct leaving *leaving, const char *host, const char *port)
{
  for (int i = 0; i < leaving->servers->count; i++) {
    const struct address *server = &leaving->servers->items[i];
    if (same(server->host ? server->host : server->hostaddr, host) && (!server->port || same(server->port, port)))
      return i;
  }
  return 0;
}

/* Whether the server is left alone with a session that does nothing, and ends it at a farewell. */
static bool connection_rests(const PGconn *connection)
{
  const PGTransactionStatusType status = PQtransactionStatus(connection);
  return PQstatus(connection) == CONNECTION_OK && PQpipelineStatus(connection) == PQ_PIPELINE_OFF &&
         status != PQTRANS_ACTIVE && status != PQTRANS_UNKNOWN;
}

/* Finishes the connection, and gives a copy of its descriptor, in which the server's end can be seen; -1 when there is
 * nothing to be seen. A farewell that the server may have no room for is not said: PQfinish could wait for it. */
static int connection_part(PGconn *connection, bool farewell)
{
  int socket = PQsocket(connection);
  int fd = socket >= 0 ? fcntl(socket, F_DUPFD_CLOEXEC, 0) : -1;
  if (socket >= 0 && !farewell)
    (void)shutdown(socket, SHUT_WR);
  PQfinish(connection);
  if (fd >= 0)
    (void)shutdown(fd, SHUT_WR);
  return fd;
}

static struct leaver *leaver_new(const struct leaving *leaving, const PGconn *connection)
{
  struct leaver *leaver = calloc(1, sizeof *leaver);
  const char *hostaddr = PQhostaddr(connection);
  if (!leaver)
    return NULL;
  leaver->server = server_of(leaving, PQhost(connection), PQport(connection));
  (void)snprintf(leaver->hostaddr, sizeof leaver->hostaddr, "%s", hostaddr ? hostaddr : "");
  leaver->since = clock_steady();
  return leaver;
}

/* Finishes the connection; NULL when its end is known, or there is no means to see it. */
static struct leaver *leaver_part(const struct leaving *leaving, PGconn *connection, const struct backend *backend)
{
  const bool rests = connection_rests(connection);
  struct leaver *leaver = leaver_new(leaving, connection);
  int fd = connection_part(connection, rests);
  if (leaver && fd >= 0) {
    leaver->fd = fd;
    if (backend && !rests)
      leaver->backend = *backend;
    return leaver;
  }
  if (fd >= 0)
    (void)close(fd);
  free(leaver);
  return NULL;
}

void leaving_take(struct leaving *leaving, PGconn *connection, const struct backend *backend)
{
  struct leaver *leaver = leaver_part(leaving, connection, backend);
  if (!leaver)
    return;
  pthread_mutex_lock(&leaving->lock);
  TAILQ_INSERT_TAIL(&leaving->leavers, leaver, link);
  leaving->count++;
  pthread_mutex_unlock(&leaving->lock);
}

/* Whether the server has ended it; what it still sends is for nobody. */
static bool leaver_ended(const struct leaver *leaver)
{
  char waste[READ_SIZE];
  ssize_t got = 1;
  for (int i = 0; i < READS_MAX && got > 0; i++)
    got = recv(leaver->fd, waste, sizeof waste, MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

static void leaving_sweep(struct leaving *leaving)
{
  struct leaver *next;
  for (struct leaver *leaver = TAILQ_FIRST(&leaving->leavers); leaver; leaver = next) {
    next = TAILQ_NEXT(leaver, link);
    if (leaver_ended(leaver))
      leaving_remove(leaving, leaver);
  }
}

/* Whether a connection that terminated backends of this server is still there: no other comes beside it. */
static bool server_is_visited(const struct leaving *leaving, int server)
{
  const struct leaver *leaver;
  TAILQ_FOREACH(leaver, &leaving->leavers, link)
  {
    if (leaver->terminates && leaver->server == server)
      return true;
  }
  return false;
}

static void ending_begin(struct leaving *leaving, int64_t now)
{
  const struct leaver *leaver;
  TAILQ_FOREACH(leaver, &leaving->leavers, link)
  {
    if (leaver->backend.pid != 0 && !leaver->asked && now - leaver->since >= RULES_LEFT_BUSY &&
        !server_is_visited(leaving, leaver->server))
      break;
  }
  if (!leaver || now < leaving->next_ending)
    return;
  struct address address = leaving->servers->items[leaver->server];
  leaving->server = leaver->server;
  memcpy(leaving->hostaddr, leaver->hostaddr, sizeof leaving->hostaddr);
  if (*leaving->hostaddr)
    address.hostaddr = leaving->hostaddr;
  leaving->ending = ending_start(leaving->url, leaving->options, &address);
  leaving->next_ending = now + TERMINATE_PAUSE;
}

/* Whether the connection under way terminates this one, too. */
static bool ending_concerns(const struct leaving *leaving, const struct leaver *leaver)
{
  return leaver->backend.pid != 0 && leaver->server == leaving->server && same(leaver->hostaddr, leaving->hostaddr);
}

/* The time of its start keeps us from terminating another process that has the same number now. */
static void ending_ask_all(struct leaving *leaving)
{
  CLEANUP(buffer_free) struct buffer sql;
  struct leaver *leaver;
  int count = 0;
  buffer_init(&sql, SQL_SIZE_MAX);
  buffer_append_text(&sql, "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM (VALUES ");
  TAILQ_FOREACH(leaver, &leaving->leavers, link)
  {
    if (!ending_concerns(leaving, leaver) || leaver->asked || count == TERMINATED_AT_ONCE)
      continue;
    leaver->asked = true;
    buffer_append_format(&sql, "%s(%d, %" PRId64 ")", count++ > 0 ? ", " : "", leaver->backend.pid,
                         leaver->backend.start);
  }
  buffer_append_text(&sql, ") AS b (pid, start), LATERAL pg_catalog.pg_stat_get_activity(b.pid) AS a"
                           " WHERE " BACKEND_START " = b.start");
  buffer_append(&sql, "", 1);
  ending_ask(leaving->ending, count > 0 && !sql.failed ? sql.data : "SELECT");
}

/* The connection that terminated leaves, too. Who was asked for in vain is asked for again. */
static void ending_end(struct leaving *leaving, bool done)
{
  struct leaver *leaver;
  TAILQ_FOREACH(leaver, &leaving->leavers, link)
  {
    if (!done && ending_concerns(leaving, leaver))
      leaver->asked = false;
  }
  leaver = leaver_part(leaving, ending_take(TAKE(leaving->ending)), NULL);
  if (!leaver)
    return;
  leaver->terminates = true;
  TAILQ_INSERT_TAIL(&leaving->leavers, leaver, link);
}

static void leaving_terminate(struct leaving *leaving, int64_t now)
{
  if (!leaving->ending)
    ending_begin(leaving, now);
  if (!leaving->ending)
    return;
  enum ending_state state = ending_move(leaving->ending, now);
  if (state == ENDING_READY)
    ending_ask_all(leaving);
  else if (state != ENDING_WAITS)
    ending_end(leaving, state == ENDING_DONE);
}

void leaving_look(struct leaving *leaving, int64_t now)
{
  pthread_mutex_lock(&leaving->lock);
  leaving_sweep(leaving);
  leaving_terminate(leaving, now);
  pthread_mutex_unlock(&leaving->lock);
}

bool leaving_any(struct leaving *leaving)
{
  pthread_mutex_lock(&leaving->lock);
  bool any = !TAILQ_EMPTY(&leaving->leavers) || leaving->ending;
  pthread_mutex_unlock(&leaving->lock);
  return any;
}

int leaving_count(struct leaving *leaving)
{
  pthread_mutex_lock(&leaving->lock);
  int count = leaving->count;
  pthread_mutex_unlock(&leaving->lock);
  return count;
}

static int count_of(const struct leaving *leaving, const struct address *address, int64_t since)
{
  const struct leaver *leaver;
  int server = server_of(leaving, address->host ? address->host : address->hostaddr, address->port);
  int count = 0;
  TAILQ_FOREACH(leaver, &leaving->leavers, link)
  count += leaver->server == server && leaver->since <= since && !leaver->terminates;
  return count;
}

int leaving_count_of(struct leaving *leaving, const struct address *address, int64_t since)
{
  pthread_mutex_lock(&leaving->lock);
  int count = count_of(leaving, address, since);
  pthread_mutex_unlock(&leaving->lock);
  return count;
}

int leaving_least(struct leaving *leaving)
{
  pthread_mutex_lock(&leaving->lock);
  int least = leaving->count;
  for (int i = 0; i < leaving->servers->count && least > 0; i++) {
    int count = count_of(leaving, &leaving->servers->items[i], INT64_MAX);
    least = count < least ? count : least;
  }
  pthread_mutex_unlock(&leaving->lock);
  return least;
}

/* PQfinish would say good-bye to the server on the parent's socket, so the connection gets another one before. Without
 * a descriptor for that it is left as it is. */
void leaving_disown(PGconn *connection)
{
  CLEANUP_CLOSE int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  int socket = PQsocket(connection);
  if (socket < 0 || (nowhere >= 0 && dup3(nowhere, socket, O_CLOEXEC) == socket))
    PQfinish(connection);
}
