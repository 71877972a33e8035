/* Tests of supervise/server: lines of /proc/net, and this process as one that listens. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "supervise/server.h"
#include "unit.h"

enum { URL_SIZE = 128, REASON_SIZE = 128 };

static void a_line_of_unix_sockets(void)
{
  const char *path = NULL;
  CU_ASSERT_EQUAL(
      server_unix_line("0000000000000000: 00000002 00000000 00010000 0001 01 4711 /run/a b/.s.PGSQL.5432", &path),
      4711);
  CU_ASSERT_STRING_EQUAL(path, "/run/a b/.s.PGSQL.5432");
  static const char *const others[] = {
      "Num       RefCount Protocol Flags    Type St Inode Path",
      "0000000000000000: 00000003 00000000 00000000 0001 03 4711 /run/.s.PGSQL.5432", /* one of its connections */
      "0000000000000000: 00000002 00000000 00010000 0001 01 4711",
      "0000000000000000: 00000002 00000000 00010000 0001 01 4711 @abstract",
      "",
  };
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    CU_ASSERT_EQUAL(server_unix_line(others[i], &path), 0);
}

static void a_line_of_tcp_sockets(void)
{
  struct server_address address;
  CU_ASSERT_EQUAL(server_tcp_line("   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   105   "
                                  "     0 4711 1 0000000000000000 100 0 0 10 0",
                                  &address),
                  4711);
  CU_ASSERT_EQUAL(address.family, AF_INET);
  CU_ASSERT_EQUAL(address.port, 5432);
  CU_ASSERT_EQUAL(address.words[0], htonl(INADDR_LOOPBACK));
  CU_ASSERT_EQUAL(
      server_tcp_line("   1: 00000000000000000000000001000000:1538 00000000000000000000000000000000:0000 0A "
                      "00000000:00000000 00:00000000 00000000   105        0 4712 1 0 100 0 0 10 0",
                      &address),
      4712);
  CU_ASSERT_EQUAL(address.family, AF_INET6);
  CU_ASSERT_EQUAL(memcmp(address.words, &in6addr_loopback, sizeof in6addr_loopback), 0);
  /* The head, one that is connected, and half an address. */
  static const char *const others[] = {
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      "   0: 0100007F:1538 0100007F:9999 01 00000000:00000000 00:00000000 00000000   105        0 4711 1",
      "   0: 0100:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   105        0 4711 1",
      "",
  };
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    CU_ASSERT_EQUAL(server_tcp_line(others[i], &address), 0);
}

static void expect_nobody(const char *url, const char *reason)
{
  char message[REASON_SIZE] = "";
  CU_ASSERT_EQUAL(server_find(url, message, sizeof message), 0);
  if (strstr(message, reason) == NULL)
    UNIT_TEXT(message, strlen(message), reason);
}

static void only_one_server_on_this_machine_is_looked_for(void)
{
  static const char *const elsewhere[] = {"postgresql://db.school.example/lontar",
                                          "postgresql://10.1.2.3/lontar",
                                          "postgresql://localhost,localhost/lontar",
                                          "service=lontar",
                                          "host=/run,/tmp,",
                                          "no url at all"};
  for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
    expect_nobody(elsewhere[i], "does not name one server on this machine");
  expect_nobody("postgresql:///lontar?host=/nowhere&port=1", "nobody is seen who listens there");
  expect_nobody("postgresql://127.0.0.77:1/lontar", "nobody is seen who listens there");
}

/* Like a pooler: it is found, and is no PostgreSQL. */
static void who_is_no_postgresql_is_named(void)
{
  char url[URL_SIZE], reason[REASON_SIZE];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof address;
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  CU_ASSERT_EQUAL_FATAL(bind(descriptor, (const struct sockaddr *)&address, sizeof address), 0);
  CU_ASSERT_EQUAL_FATAL(getsockname(descriptor, (struct sockaddr *)&address, &size), 0);
  (void)snprintf(url, sizeof url, "host=localhost port=%d", ntohs(address.sin_port));
  expect_nobody(url, "nobody is seen who listens there");
  CU_ASSERT_EQUAL_FATAL(listen(descriptor, 1), 0);
  (void)snprintf(reason, sizeof reason, "process %ld (", (long)getpid());
  expect_nobody(url, reason);
  (void)close(descriptor);
}

UNIT_CASES(server, UNIT_CASE(a_line_of_unix_sockets), UNIT_CASE(a_line_of_tcp_sockets),
           UNIT_CASE(only_one_server_on_this_machine_is_looked_for), UNIT_CASE(who_is_no_postgresql_is_named));
