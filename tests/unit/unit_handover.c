/* Tests of front/handover: connections between two ends, as two processes would have them. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "front/handover.h"
#include "unit.h"

enum { MANY = 100000 };

static void close_both(const int ends[2])
{
  close(ends[0]);
  close(ends[1]);
}

static void a_connection_keeps_what_lies_unread_in_it(void)
{
  int ends[2], line[2];
  char got[8];
  CU_ASSERT_EQUAL_FATAL(handover_open(ends), 0);
  CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
  CU_ASSERT_EQUAL(send(line[1], "hello", 5, 0), 5);
  CU_ASSERT_EQUAL(handover_send(ends[1], line[0]), 0);
  close(line[0]);
  CU_ASSERT_EQUAL(send(line[1], "!", 1, 0), 1); /* while nobody has it */
  const int taken = handover_receive(ends[0]);
  CU_ASSERT_FATAL(taken >= 0);
  CU_ASSERT_EQUAL(fcntl(taken, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  CU_ASSERT_EQUAL(recv(taken, got, sizeof got, 0), 6);
  CU_ASSERT_EQUAL(memcmp(got, "hello!", 6), 0);
  close(taken);
  close(line[1]);
  close_both(ends);
}

static void an_empty_inbox_says_so(void)
{
  int ends[2];
  CU_ASSERT_EQUAL_FATAL(handover_open(ends), 0);
  errno = 0;
  CU_ASSERT_EQUAL(handover_receive(ends[0]), -1);
  CU_ASSERT_EQUAL(errno, EAGAIN);
  close_both(ends);
}

static void a_full_inbox_takes_no_more_and_loses_nothing(void)
{
  int ends[2], line[2], sent = 0, taken = 0;
  CU_ASSERT_EQUAL_FATAL(handover_open(ends), 0);
  CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM, 0, line), 0);
  while (sent < MANY && handover_send(ends[1], line[0]) == 0)
    sent++;
  CU_ASSERT(sent > 0 && sent < MANY);
  for (int descriptor; (descriptor = handover_receive(ends[0])) >= 0; taken++)
    close(descriptor);
  CU_ASSERT_EQUAL(taken, sent);
  CU_ASSERT_EQUAL(handover_send(ends[1], line[0]), 0);
  close_both(line);
  close_both(ends);
}

static void without_a_free_descriptor_it_stays(void)
{
  int ends[2];
  struct rlimit before, none;
  CU_ASSERT_EQUAL_FATAL(handover_open(ends), 0);
  CU_ASSERT_EQUAL(handover_send(ends[1], STDIN_FILENO), 0);
  CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
  none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
  CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
  errno = 0;
  const int refused = handover_receive(ends[0]);
  const int error = errno;
  CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
  CU_ASSERT_EQUAL(refused, -1);
  CU_ASSERT_NOT_EQUAL(error, EAGAIN);
  const int taken = handover_receive(ends[0]);
  CU_ASSERT(taken >= 0);
  close(taken);
  close_both(ends);
}

UNIT_CASES(handover, UNIT_CASE(a_connection_keeps_what_lies_unread_in_it), UNIT_CASE(an_empty_inbox_says_so),
           UNIT_CASE(a_full_inbox_takes_no_more_and_loses_nothing), UNIT_CASE(without_a_free_descriptor_it_stays));
