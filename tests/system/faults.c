/* Does to a running quickstart what may happen to it. */
#include "system/faults.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/check.h"
#include "system/parts.h"
#include "system/stack.h"

enum { HOG_PAUSE_US = 5000 };

#define RENEW_MIN 0.2
#define RENEW_RANGE 1.3

/* ---- Commands of tests/chaos/fault, which run beside the load ---- */

static pid_t command;
static void (*afterwards)(void); /* what is yet to be done when the command has ended */

static pid_t start(const char *what)
{
  const char *program = need_environment("LONTAR_CHAOS_COMMAND");
  const pid_t pid = fork();
  if (pid == 0) {
    execl(program, program, what, (char *)NULL);
    _exit(127);
  }
  need(pid > 0, "cannot fork");
  return pid;
}

static bool has_ended(pid_t *pid)
{
  int status = 0;
  if (*pid == 0)
    return true;
  if (waitpid(*pid, &status, WNOHANG) != *pid)
    return false;
  *pid = 0;
  need(WIFEXITED(status) && WEXITSTATUS(status) == 0, "tests/chaos/fault failed");
  return true;
}

bool fault_is_done(void)
{
  if (!has_ended(&command))
    return false;
  if (afterwards)
    afterwards();
  afterwards = NULL;
  return true;
}

/* ---- Signals ---- */

static struct parts victims;
static bool missed;

pid_t fault_victim(void)
{
  return victims.count > 0 ? victims.pids[0] : 0;
}

bool fault_missed(void)
{
  const bool answer = missed;
  missed = false;
  return answer;
}

static struct parts one_of(struct parts parts, unsigned pick)
{
  struct parts one = {.count = parts.count > 0};
  if (parts.count > 0)
    one.pids[0] = parts.pids[pick % parts.count];
  return one;
}

static struct parts only(pid_t pid)
{
  return (struct parts){.pids = {pid}, .count = pid != 0};
}

/* The first of a list is signalled first, so that it cannot begin others. */
static void hit(struct parts parts, int signal)
{
  victims = parts;
  missed = victims.count == 0;
  for (size_t i = 0; i < victims.count; i++)
    (void)kill(victims.pids[i], signal); /* a backend may have ended by itself */
}

static void go_on(void)
{
  for (size_t i = 0; i < victims.count; i++)
    (void)kill(victims.pids[i], SIGCONT);
}

static struct parts whole_server(void)
{
  struct parts parts = parts_servers();
  need(parts.count < PARTS_MAX, "too many processes of PostgreSQL");
  parts.pids[parts.count++] = parts.pids[0];
  parts.pids[0] = parts_postmaster();
  return parts;
}

#define SIGNALS(name, parts)                                                                                           \
  static void kill_##name(unsigned pick)                                                                               \
  {                                                                                                                    \
    (void)pick;                                                                                                        \
    hit(parts, SIGKILL);                                                                                               \
  }                                                                                                                    \
  static void stop_##name(unsigned pick)                                                                               \
  {                                                                                                                    \
    (void)pick;                                                                                                        \
    hit(parts, SIGSTOP);                                                                                               \
  }
SIGNALS(worker, one_of(parts_workers(), pick))
SIGNALS(workers, parts_workers())
SIGNALS(master, only(parts_master()))
SIGNALS(prober, only(parts_prober()))
SIGNALS(nginx, only(parts_nginx()))
SIGNALS(nginx_worker, one_of(parts_nginx_workers(), pick))
SIGNALS(postmaster, only(parts_postmaster()))
SIGNALS(backend, one_of(parts_backends(), pick))
#undef SIGNALS

static void stop_server(unsigned pick)
{
  (void)pick;
  hit(whole_server(), SIGSTOP);
}

/* With a marker that nobody takes down who knows why it stands. */
static void kill_marking_prober(unsigned pick)
{
  (void)pick;
  const int marker = open(parts_path("run/unavailable"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  need(marker >= 0, "a marker cannot be made");
  close(marker);
  hit(only(parts_prober()), SIGKILL);
}

/* ---- Another client that takes all connections ---- */

static pid_t hog;

static void take_connections(void)
{
  const char *url = need_environment("LONTAR_CHAOS_OTHER_URL");
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) {
    PGconn *connection = PQconnectdb(url); /* kept: it ends with this process */
    if (PQstatus(connection) == CONNECTION_OK)
      continue;
    PQfinish(connection);
    (void)usleep(HOG_PAUSE_US);
  }
}

/* It is quicker than lontard, whose connections are then cut. */
static void begin_full(unsigned pick)
{
  (void)pick;
  hog = fork();
  if (hog == 0)
    take_connections();
  need(hog > 0, "cannot fork");
  command = start("cut-soon");
}

static void end_full(void)
{
  (void)kill(hog, SIGKILL);
  (void)waitpid(hog, NULL, 0);
}

/* ---- By command ---- */

#define COMMANDS(name, first, last)                                                                                    \
  static void begin_##name(unsigned pick)                                                                              \
  {                                                                                                                    \
    (void)pick;                                                                                                        \
    command = start(first);                                                                                            \
  }                                                                                                                    \
  static void end_##name(void)                                                                                         \
  {                                                                                                                    \
    command = start(last);                                                                                             \
  }
COMMANDS(fast, "stop-fast", "start")
COMMANDS(immediate, "stop-immediate", "start")
COMMANDS(closed, "close-port", "open-port")
COMMANDS(full_table, "fill-table", "free-table")
COMMANDS(full_wal, "fill-wal", "free-wal")
COMMANDS(read_only, "read-only", "read-write")
COMMANDS(no_standby, "standby-gone", "standby-unneeded")
COMMANDS(hung_standby, "standby-hung", "standby-back")
COMMANDS(cancelled, "standby-cancelled", "standby-unneeded")
COMMANDS(locked_chats, "lock-chats", "unlock")
COMMANDS(locked_users, "lock-users", "unlock")
COMMANDS(odd_role, "odd-role", "plain-role")
COMMANDS(dear_reads, "read-dear", "stop-reads")
COMMANDS(large_pages, "read-large", "stop-reads")
COMMANDS(garbage, "stop-lontard", "start-over-garbage")
COMMANDS(leftovers, "stop-lontard", "start-over-leftovers")
COMMANDS(no_lontard, "stop-lontard", "start-lontard")
COMMANDS(full_pipe, "stop-log-reader", "start-log-reader")
COMMANDS(no_saving, "revoke-saving", "grant-again")
COMMANDS(no_grants, "revoke-all", "grant-again")
COMMANDS(primaries, "two-primaries", "one-primary")
#undef COMMANDS

static void change_tables(unsigned pick)
{
  (void)pick;
  command = start("change-tables");
}

static void cut_often(unsigned pick)
{
  (void)pick;
  command = start("cut-often");
}

static void damage_board(unsigned pick)
{
  command = start(pick % 2 ? "damage-board" : "damage-board-head");
}

static void truncate_board(unsigned pick)
{
  command = start(pick % 2 ? "empty-board" : "halve-board");
}

static void begin_no_nginx(unsigned pick)
{
  (void)pick;
  victims = only(parts_nginx());
  command = start("stop-nginx");
}

static void end_no_nginx(void)
{
  command = start("start-nginx");
}

/* The server comes back while the marker cannot be removed, or goes while none can be made. */
static void begin_kept_folder(unsigned pick)
{
  command = start(pick % 2 ? "keep-marker" : "keep-from-marking");
}

static void end_kept_folder(void)
{
  command = start("free-folder");
}

static void kill_the_prober(void)
{
  kill_prober(0);
}

/* No such server, no such password, no such database. */
static void begin_bad_reload(unsigned pick)
{
  static const char *const commands[] = {"reload-nowhere", "reload-stranger", "reload-nothing"};
  command = start(commands[pick % 3]);
  afterwards = kill_the_prober;
}

static void end_bad_reload(void)
{
  command = start("reload-well");
}

/* Its sessions go on, but one ends, and it lets nobody in who would take the place. */
static void slow_accept(unsigned pick)
{
  const struct parts ended = one_of(parts_backends(), pick);
  hit(only(parts_postmaster()), SIGSTOP);
  for (size_t i = 0; i < ended.count; i++)
    (void)kill(ended.pids[i], SIGTERM);
}

/* ---- Reloads and upgrades ---- */

static pid_t upgrade;
static size_t reloads, upgrades;
static double next_renewal;

void fault_renew(void)
{
  const pid_t master = parts_master();
  if (stack_clock() < next_renewal || !has_ended(&upgrade) || master == 0)
    return;
  next_renewal = stack_clock() + RENEW_MIN + RENEW_RANGE * (double)random() / RAND_MAX;
  if (random() % 3 == 0) {
    upgrade = start("upgrade");
    upgrades++;
  } else {
    reloads += kill(master, SIGHUP) == 0;
  }
}

size_t fault_reloads(void)
{
  return reloads;
}

size_t fault_upgrades(void)
{
  return upgrades;
}

static void reload(unsigned pick)
{
  (void)pick;
  hit(only(parts_master()), SIGHUP);
  reloads++;
}

static void begin_upgrade(unsigned pick)
{
  (void)pick;
  command = start("upgrade");
  upgrades++;
}

enum {
  SERVES = FAULT_READS | FAULT_WRITES | FAULT_SOON,
  REFUSES_SAVING = FAULT_READS | FAULT_NO_WRITES | FAULT_GRANTS | FAULT_SOON,
  REFUSES_ALL = FAULT_NO_READS | FAULT_NO_WRITES | FAULT_SOON
};

const struct fault faults[] = {
    {"postmaster killed", kill_postmaster, NULL, 0, FAULT_CRASH | FAULT_AWAY},
    {"worker killed", kill_worker, NULL, 0, 0},
    {"all workers killed", kill_workers, NULL, 0, 0},
    {"master killed", kill_master, NULL, 0, 0},
    {"prober killed", kill_prober, NULL, 0, 0},
    {"nginx's master killed", kill_nginx, NULL, 0, FAULT_NGINX},
    {"nginx's worker killed", kill_nginx_worker, NULL, 0, FAULT_NGINX},
    {"backend killed", kill_backend, NULL, 0, 0},
    {"worker stopped", stop_worker, go_on, 14, 0},
    {"all workers stopped", stop_workers, go_on, 14, 0},
    {"master stopped", stop_master, go_on, 14, 0},
    {"prober stopped", stop_prober, go_on, 8, 0},
    {"nginx's master stopped", stop_nginx, go_on, 2, 0},
    {"nginx's worker stopped", stop_nginx_worker, go_on, 4, 0},
    {"postmaster stopped", stop_postmaster, go_on, 6, 0},
    {"backend stopped", stop_backend, go_on, 8, 0},
    {"whole server stopped", stop_server, go_on, 8, 0},
    {"pg_ctl stop -m fast", begin_fast, end_fast, 2, FAULT_AWAY},
    {"pg_ctl stop -m immediate", begin_immediate, end_immediate, 2, FAULT_AWAY},
    {"port closed", begin_closed, end_closed, 4, 0},
    {"disk full below chat_history", begin_full_table, end_full_table, 4, FAULT_DISK},
    {"disk full below pg_wal", begin_full_wal, end_full_wal, 4, FAULT_DISK},
    {"connections used up", begin_full, end_full, 4, 0},
    {"server read-only", begin_read_only, end_read_only, 4, 0},
    {"standby gone", begin_no_standby, end_no_standby, 8, 0},
    {"standby hung", begin_hung_standby, end_hung_standby, 8, 0},
    {"wait for the standby cancelled", begin_cancelled, end_cancelled, 2, 0},
    {"chats locked", begin_locked_chats, end_locked_chats, 8, 0},
    {"users locked", begin_locked_users, end_locked_users, 8, 0},
    {"tables changed", change_tables, NULL, 0, 0},
    {"odd settings of the role", begin_odd_role, end_odd_role, 6, 0},
    {"backends terminated", cut_often, NULL, 0, 0},
    {"dear reads", begin_dear_reads, end_dear_reads, 6, 0},
    {"large pages", begin_large_pages, end_large_pages, 6, 0},
    {"board damaged", damage_board, NULL, 0, 0},
    {"board truncated", truncate_board, NULL, 0, 0},
    {"garbage for a board at start", begin_garbage, end_garbage, 0, 0},
    {"leftovers of a dead lontard", begin_leftovers, end_leftovers, 0, 0},
    {"marker of a dead prober", kill_marking_prober, NULL, 0, 0},
    {"reload", reload, NULL, 0, 0},
    {"upgrade", begin_upgrade, NULL, 0, 0},
    {"slow accept", slow_accept, go_on, 8, FAULT_ALONE | SERVES | FAULT_ENDS},
    {"log pipe full", begin_full_pipe, end_full_pipe, 8, FAULT_ALONE | SERVES},
    {"saving not granted", begin_no_saving, end_no_saving, 6, REFUSES_SAVING},
    {"nothing granted", begin_no_grants, end_no_grants, 6, REFUSES_ALL | FAULT_GRANTS},
    {"prober killed after a bad reload", begin_bad_reload, end_bad_reload, 8, FAULT_ALONE | SERVES},
    {"run_dir not writable", begin_kept_folder, end_kept_folder, 4, FAULT_SOON},
    {"nginx away", begin_no_nginx, end_no_nginx, 4, FAULT_NGINX | REFUSES_ALL},
    {"lontard away", begin_no_lontard, end_no_lontard, 4, FAULT_ALONE | REFUSES_ALL},
    {"two primaries", begin_primaries, end_primaries, 6, FAULT_ALONE | FAULT_MOVES},
};

const size_t fault_count = sizeof faults / sizeof faults[0];
