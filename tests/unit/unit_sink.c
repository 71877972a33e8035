/* Standard error whose reader does not read: no write may wait for it. One that does is ended by SIGALRM. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "log/sink.h"
#include "unit.h"

enum { PATIENCE = 10, LINE = 1000, LINES_MAX = 10000, WRITERS = 4 };

static char line[LINE];
static int reader; /* the other end of standard error, */
static int writer; /* our end as others have it open, too, */
static int kept;   /* and what standard error was before */

static void begin(int read_end, int write_end)
{
  memset(line, 'x', sizeof line);
  line[LINE - 1] = '\n';
  reader = read_end;
  writer = write_end;
  kept = dup(STDERR_FILENO);
  (void)dup2(writer, STDERR_FILENO);
  (void)alarm(PATIENCE);
}

static void end(void)
{
  (void)alarm(0);
  (void)dup2(kept, STDERR_FILENO);
  (void)close(kept);
  (void)close(writer);
  (void)close(reader);
}

static int write_until_full(void)
{
  int lines = 0;
  while (lines < LINES_MAX && sink_write(LOG_LEVEL_INFO, line, sizeof line))
    lines++;
  return lines;
}

static void drain(void)
{
  char text[4096];
  (void)fcntl(reader, F_SETFL, O_NONBLOCK);
  while (read(reader, text, sizeof text) > 0)
    ;
}

static void check_no_wait(void)
{
  const int lines = write_until_full();
  CU_ASSERT(lines > 0 && lines < LINES_MAX);
  CU_ASSERT_FALSE(sink_write(LOG_LEVEL_INFO, line, sizeof line));
  drain();
  CU_ASSERT_TRUE(sink_write(LOG_LEVEL_INFO, line, sizeof line));
}

static void a_full_pipe_is_not_waited_for(void)
{
  int ends[2];
  for (int own = 0; own < 2; own++) {
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    begin(ends[0], ends[1]);
    if (own)
      sink_own();
    check_no_wait();
    CU_ASSERT(!own || (fcntl(writer, F_GETFL) & O_NONBLOCK) == 0);
    end();
  }
}

static void a_full_socket_is_not_waited_for(void)
{
  int ends[2];
  CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  begin(ends[0], ends[1]);
  sink_own();
  check_no_wait();
  end();
}

static void a_terminal_that_is_not_read_is_not_waited_for(void)
{
  struct termios raw;
  const int master = posix_openpt(O_RDWR | O_NOCTTY);
  CU_ASSERT_FATAL(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
  const int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
  CU_ASSERT_FATAL(slave >= 0 && tcgetattr(slave, &raw) == 0);
  cfmakeraw(&raw);
  CU_ASSERT_EQUAL_FATAL(tcsetattr(slave, TCSANOW, &raw), 0);
  begin(master, slave);
  sink_own();
  check_no_wait();
  CU_ASSERT_EQUAL(fcntl(writer, F_GETFL) & O_NONBLOCK, 0);
  end();
}

/* Each may find the room gone that it saw. */
static void many_writers_wait_as_little(void)
{
  int ends[2], status;
  CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
  begin(ends[0], ends[1]);
  for (int i = 0; i < WRITERS; i++)
    if (fork() == 0) {
      (void)alarm(PATIENCE);
      for (int j = 0; j < LINES_MAX; j++)
        (void)sink_write(LOG_LEVEL_INFO, line, sizeof line);
      _exit(EXIT_SUCCESS);
    }
  for (int i = 0; i < WRITERS; i++)
    CU_ASSERT(wait(&status) > 0 && status == 0);
  end();
}

static void a_file_takes_all(void)
{
  char path[] = "/tmp/unit-sink-XXXXXX";
  const int file = mkstemp(path);
  CU_ASSERT_FATAL(file >= 0);
  begin(open(path, O_RDONLY | O_CLOEXEC), file);
  sink_own();
  CU_ASSERT_EQUAL(write_until_full(), LINES_MAX);
  end();
  CU_ASSERT_EQUAL(unlink(path), 0);
}

static void nobody_there_is_no_end(void)
{
  int ends[2];
  CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
  begin(dup(ends[0]), ends[1]);
  (void)close(STDERR_FILENO);
  CU_ASSERT_FALSE(sink_write(LOG_LEVEL_INFO, line, sizeof line));
  (void)close(ends[0]);
  end();
}

static void only_the_journal_is_told_the_level(void)
{
  int ends[2];
  struct stat status;
  char stream[64], text[LINE + 8];
  CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  begin(ends[0], ends[1]);
  (void)fstat(STDERR_FILENO, &status);
  (void)snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
  (void)setenv("JOURNAL_STREAM", stream, 1);
  sink_own();
  CU_ASSERT_TRUE(sink_write(LOG_LEVEL_ERROR, line, sizeof line));
  CU_ASSERT_EQUAL(read(reader, text, sizeof text), LINE + 3);
  CU_ASSERT_EQUAL(memcmp(text, "<3>xxx", 6), 0);
  (void)setenv("JOURNAL_STREAM", "1:1", 1);
  sink_own();
  CU_ASSERT_TRUE(sink_write(LOG_LEVEL_ERROR, line, sizeof line));
  CU_ASSERT_EQUAL(read(reader, text, sizeof text), LINE);
  (void)unsetenv("JOURNAL_STREAM");
  end();
}

UNIT_CASES(sink, UNIT_CASE(only_the_journal_is_told_the_level), UNIT_CASE(a_full_pipe_is_not_waited_for),
           UNIT_CASE(a_full_socket_is_not_waited_for), UNIT_CASE(a_terminal_that_is_not_read_is_not_waited_for),
           UNIT_CASE(many_writers_wait_as_little), UNIT_CASE(a_file_takes_all), UNIT_CASE(nobody_there_is_no_end));
