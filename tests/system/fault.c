/* Workers and the prober die of faults: the log tells where each of them was, and each place is filled again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/crowd.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

enum { CHILDREN_MAX = 16, WORDS_SIZE = 128, PATIENCE_SECONDS = 10, CONNECTIONS = 32, CROWD_SECONDS = 3 };

static pid_t killed[CHILDREN_MAX];
static size_t killed_count;
static size_t log_start;

#define SETTLED_SECONDS 0.5

/* What lontard has logged since log_start; the caller frees it. */
static char *read_log(void)
{
  FILE *file = fopen(need_environment("LONTAR_LOG"), "re");
  char *text = NULL;
  size_t size = 0;
  need(file != NULL && fseek(file, (long)log_start, SEEK_SET) == 0, "lontard's log cannot be read");
  if (getdelim(&text, &size, '\0', file) < 0)
    *text = '\0';
  fclose(file);
  return text;
}

static void skip_log(void)
{
  TEXT text = read_log();
  log_start += strlen(text);
}

static bool was_killed(pid_t pid)
{
  for (size_t i = 0; i < killed_count; i++)
    if (killed[i] == pid)
      return true;
  return false;
}

/* Nobody retires or begins any more, as after what an earlier test did, and that for a while. */
static bool has_settled(void)
{
  static double since;
  pid_t now[CHILDREN_MAX];
  const long long wanted = stack_metric("lontar_workers") + 1; /* and the prober */
  if ((long long)stack_children(now, CHILDREN_MAX) != wanted ||
      stack_metric("lontar_workers_alive") + stack_metric("lontar_prober_alive") != wanted)
    since = stack_clock();
  since = since == 0 ? stack_clock() : since;
  return stack_clock() - since > SETTLED_SECONDS;
}

static void note_children(void)
{
  need(stack_wait(has_settled, PATIENCE_SECONDS), "workers still come and go");
  killed_count = stack_children(killed, CHILDREN_MAX);
}

static bool are_replaced(void)
{
  pid_t now[CHILDREN_MAX];
  const size_t count = stack_children(now, CHILDREN_MAX);
  for (size_t i = 0; i < count; i++)
    if (was_killed(now[i]))
      return false;
  if (count != killed_count ||
      stack_metric("lontar_workers_alive") + stack_metric("lontar_prober_alive") != (long long)killed_count)
    return false;
  ANSWER answer = get("~/subjects", world.siswa.token);
  return answer.status == 200;
}

/* Lines " (pid N) trace: " of the process in which the words stand. */
static int count_lines(const char *log, pid_t pid, const char *words)
{
  char mark[WORDS_SIZE];
  int count = 0;
  (void)snprintf(mark, sizeof mark, " (pid %d) trace: ", pid);
  for (const char *at = log; (at = strstr(at, mark)) != NULL; at++) {
    const char *end = strchr(at, '\n');
    const char *found = strstr(at, words);
    count += found != NULL && end != NULL && found < end;
  }
  return count;
}

static void check_told(const char *log, pid_t pid, int signal)
{
  char words[WORDS_SIZE];
  (void)snprintf(words, sizeof words, "signal=%d code=0", signal);
  (void)check_number("lines with the signal", count_lines(log, pid, words), 1);
  (void)check_number("lines with the main function of a worker or the prober",
                     count_lines(log, pid, " worker_main+0x") + count_lines(log, pid, " prober_main+0x"), 1);
  (void)snprintf(words, sizeof words, " (pid %d) died of signal %d", pid, signal);
  CHECK(strstr(log, words) != NULL, "the master does not say that%s", words);
}

static void kill_all(int signal)
{
  note_children();
  skip_log();
  for (size_t i = 0; i < killed_count; i++)
    (void)kill(killed[i], signal);
  CHECK(stack_wait(are_replaced, PATIENCE_SECONDS), "not all are there again in %d seconds", PATIENCE_SECONDS);
  TEXT log = read_log();
  for (size_t i = 0; i < killed_count; i++)
    check_told(log, killed[i], signal);
}

static const char *emptied; /* the board, until that is done */
static double begun;

static void empty_it(void)
{
  if (emptied == NULL || stack_clock() < begun + 1)
    return;
  need(truncate(emptied, 0) == 0, "the board cannot be cut");
  emptied = NULL;
}

static void a_fault_is_told(void)
{
  kill_all(SIGSEGV);
}

static void an_abort_is_told(void)
{
  kill_all(SIGABRT);
}

/* What is mapped of a file that was cut kills whoever touches it, all workers and the prober. */
static void an_emptied_board_is_survived(void)
{
  char path[WORDS_SIZE];
  const long long before = crowd_newest();
  (void)snprintf(path, sizeof path, "%s/board", need_environment("LONTAR_RUN_DIR"));
  skip_log();
  emptied = path;
  struct crowd crowd = {.connections = CONNECTIONS, .seconds = CROWD_SECONDS, .turn = empty_it};
  note_children();
  begun = stack_clock();
  crowd_run(&crowd);
  CHECK(stack_wait(are_replaced, PATIENCE_SECONDS), "not all are there again in %d seconds", PATIENCE_SECONDS);
  CHECK(crowd.lost == 0, "%zu requests without an answer", crowd.lost);
  CHECK(crowd.refused == crowd.unavailable, "%zu refused otherwise than with 503", crowd.refused - crowd.unavailable);
  crowd_check_ledger("around the moment", &crowd, before);
  TEXT log = read_log();
  CHECK(strstr(log, "/board has another length; there is a new one") != NULL, "the log does not tell of it");
  printf("%zu answered, %zu refused ", crowd.answered, crowd.refused);
}

CU_TestInfo suite_fault[] = {{"a fault is told", a_fault_is_told},
                             {"an abort is told", an_abort_is_told},
                             {"an emptied board is survived", an_emptied_board_is_survived},
                             CU_TEST_INFO_NULL};
