/* Somebody damages the board while lontard runs: it is noticed, there is a new one, and no request fails for it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/check.h"
#include "system/crowd.h"
#include "system/stack.h"
#include "system/system.h"

enum { CONNECTIONS = 32, SECONDS = 3, PATIENCE_SECONDS = 30, CHILDREN_MAX = 16, PATH_SIZE = 256 };

static struct crowd crowd;
static void (*harm)(void); /* NULL when it is done */
static double begun;
static long long workers;
static ino_t damaged;
static pid_t old[CHILDREN_MAX];
static size_t old_count;

static const char *board(void)
{
  static char path[PATH_SIZE];
  (void)snprintf(path, sizeof path, "%s/board", need_environment("LONTAR_RUN_DIR"));
  return path;
}

static off_t length(void)
{
  struct stat status;
  need(stat(board(), &status) == 0, "there is no board");
  return status.st_size;
}

/* ---- What is done to it; nothing here ends in a SIGBUS ---- */

static void remove_it(void)
{
  need(unlink(board()) == 0, "the board cannot be removed");
}

static void lengthen_it(void)
{
  need(truncate(board(), length() + 1) == 0, "the board cannot be lengthened");
}

/* The last page stays mapped. */
static void cut_its_end(void)
{
  need(truncate(board(), length() - 8) == 0, "the board cannot be cut");
}

static void copy_it(void)
{
  char command[5 * PATH_SIZE];
  (void)snprintf(command, sizeof command, "cp %s %s.copy && mv %s.copy %s", board(), board(), board(), board());
  need(system(command) == 0, "the board cannot be replaced");
}

static void fill_it(int first, int step)
{
  const off_t size = length();
  char *bytes = malloc((size_t)size);
  const int file = open(board(), O_WRONLY | O_CLOEXEC);
  need(bytes != NULL && file >= 0, "the board cannot be opened");
  for (off_t i = 0; i < size; i++)
    bytes[i] = (char)(first + step * (int)(i % 251) * (int)(i / 251 % 7));
  need(write(file, bytes, (size_t)size) == size, "the board cannot be written");
  (void)close(file);
  free(bytes);
}

static void clear_it(void)
{
  fill_it(0, 0);
}

static void set_every_bit(void)
{
  fill_it(-1, 0);
}

static void write_noise(void)
{
  fill_it(37, 73);
}

/* ---- What comes of it ---- */

static ino_t number(void)
{
  struct stat status;
  return stat(board(), &status) == 0 ? status.st_ino : 0;
}

static void do_harm(void)
{
  if (harm == NULL || stack_clock() < begun + 0.5)
    return;
  damaged = number();
  harm();
  harm = NULL;
}

static bool tells_status(void)
{
  char command[5 * PATH_SIZE];
  (void)snprintf(command, sizeof command, "%s -f %s status >/dev/null 2>&1", need_environment("LONTAR_CONTROL"),
                 need_environment("LONTAR_CONF"));
  return system(command) == 0;
}

static bool is_old(pid_t pid)
{
  for (size_t i = 0; i < old_count; i++)
    if (old[i] == pid)
      return true;
  return false;
}

/* All processes have the new one, and lontarctl finds it good. */
static bool is_replaced(void)
{
  pid_t now[CHILDREN_MAX];
  const size_t count = stack_children(now, CHILDREN_MAX);
  for (size_t i = 0; i < count; i++)
    if (is_old(now[i]))
      return false;
  return number() != damaged && number() != 0 && stack_metric("lontar_workers_alive") == workers && tells_status();
}

static void damage(const char *label, void (*how)(void))
{
  const long long before = crowd_newest();
  harm = how;
  workers = stack_metric("lontar_workers");
  old_count = stack_children(old, CHILDREN_MAX);
  begun = stack_clock();
  crowd = (struct crowd){.connections = CONNECTIONS, .seconds = SECONDS, .turn = do_harm};
  crowd_run(&crowd);
  crowd_check(label, &crowd);
  crowd_check_ledger(label, &crowd, before);
  CHECK(stack_wait(is_replaced, PATIENCE_SECONDS), "%s: not all have a new board in %d seconds", label,
        PATIENCE_SECONDS);
}

static void one_that_is_removed(void)
{
  damage("removed", remove_it);
}

static void one_that_is_replaced(void)
{
  damage("replaced", copy_it);
}

static void one_of_another_length(void)
{
  damage("longer", lengthen_it);
  damage("shorter", cut_its_end);
}

static void one_that_is_written_over(void)
{
  damage("zeros", clear_it);
  damage("ones", set_every_bit);
  damage("noise", write_noise);
}

CU_TestInfo suite_board[] = {{"one that is removed", one_that_is_removed},
                             {"one that is replaced", one_that_is_replaced},
                             {"one of another length", one_of_another_length},
                             {"one that is written over", one_that_is_written_over},
                             CU_TEST_INFO_NULL};
