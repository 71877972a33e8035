/* Finds the processes of a quickstart. */
#include "system/parts.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "health/board.h"
#include "system/check.h"
#include "system/stack.h"

enum { LINE_SIZE = 256 };

const char *parts_path(const char *name)
{
  static _Thread_local char path[PATH_MAX];
  (void)snprintf(path, sizeof path, "%s/%s", need_environment("LONTAR_CHAOS_DIR"), name);
  return path;
}

/* Alive, and of that program: numbers are used again. */
static bool runs(pid_t pid, const char *program)
{
  char path[64], exe[PATH_MAX];
  (void)snprintf(path, sizeof path, "/proc/%d/exe", pid);
  const ssize_t length = readlink(path, exe, sizeof exe - 1);
  if (length < 0)
    return false;
  exe[length] = '\0';
  return strstr(exe, program) != NULL;
}

static pid_t read_pid(const char *name, const char *program)
{
  pid_t pid = 0;
  FILE *file = fopen(parts_path(name), "re");
  if (file && fscanf(file, "%d", &pid) != 1)
    pid = 0;
  if (file)
    fclose(file);
  return pid > 1 && runs(pid, program) ? pid : 0;
}

static struct parts children(pid_t parent, const char *program)
{
  pid_t pids[PARTS_MAX];
  struct parts parts = {.count = 0};
  const size_t count = parent == 0 ? 0 : stack_children_of(parent, pids, PARTS_MAX);
  for (size_t i = 0; i < count; i++)
    if (runs(pids[i], program))
      parts.pids[parts.count++] = pids[i];
  return parts;
}

pid_t parts_master(void)
{
  return read_pid("run/lontard.pid", "/lontard");
}

static bool read_board(size_t offset, void *out, size_t size)
{
  FILE *board = fopen(parts_path("run/" BOARD_FILE), "re");
  const bool read = board && fseek(board, (long)offset, SEEK_SET) == 0 && fread(out, size, 1, board) == 1;
  if (board)
    fclose(board);
  return read;
}

bool parts_board(void)
{
  struct board_head head;
  return read_board(offsetof(struct board_layout, head), &head, sizeof head) && head.magic == BOARD_MAGIC &&
         head.master_pid == (uint64_t)parts_master();
}

/* As the board has it. */
pid_t parts_prober(void)
{
  const struct parts crew = children(parts_master(), "/lontard");
  struct board_prober prober;
  const bool read = read_board(offsetof(struct board_layout, prober), &prober, sizeof prober);
  for (size_t i = 0; read && i < crew.count; i++)
    if ((uint64_t)crew.pids[i] == prober.pid)
      return crew.pids[i];
  return 0;
}

struct parts parts_workers(void)
{
  const struct parts crew = children(parts_master(), "/lontard");
  const pid_t prober = parts_prober();
  struct parts workers = {.count = 0};
  for (size_t i = 0; i < crew.count; i++)
    if (crew.pids[i] != prober)
      workers.pids[workers.count++] = crew.pids[i];
  return workers;
}

pid_t parts_nginx(void)
{
  return read_pid("nginx/nginx.pid", "/nginx");
}

struct parts parts_nginx_workers(void)
{
  return children(parts_nginx(), "/nginx");
}

pid_t parts_postmaster(void)
{
  return read_pid("data/postmaster.pid", "/postgres");
}

struct parts parts_servers(void)
{
  return children(parts_postmaster(), "/postgres");
}

static bool serves_lontard(pid_t pid)
{
  char path[64], line[LINE_SIZE] = "";
  (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
  FILE *file = fopen(path, "re");
  const bool read = file && fgets(line, sizeof line, file);
  if (file)
    fclose(file);
  return read && strstr(line, "postgres: lontar lontar") != NULL;
}

struct parts parts_backends(void)
{
  const struct parts servers = parts_servers();
  struct parts backends = {.count = 0};
  for (size_t i = 0; i < servers.count; i++)
    if (serves_lontard(servers.pids[i]))
      backends.pids[backends.count++] = servers.pids[i];
  return backends;
}
