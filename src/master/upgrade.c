/* The daemon's own upgrade: the test, the exec, and the adoption of the old image's workers. */
#include "master/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "base/signals.h"
#include "config/config.h"
#include "log/log.h"
#include "master/takeover.h"

#define TEST_LIMIT (10 * CLOCK_SECOND)

enum { NOT_STARTED = 127 };

/* Successors that are not ready are left out: the new image starts its own. */
static void describe(const struct crew *crew, struct takeover *ret_takeover)
{
  *ret_takeover = (struct takeover){.listen_fd = crew->listen_fd, .pid_fd = crew->pid_fd, .count = crew->count};
  for (int i = 0; i < crew->count; i++) {
    const struct place *place = &crew->places[i];
    struct takeover_place *handed = &ret_takeover->places[i];
    handed->inbox = place->inbox;
    handed->outbox = place->outbox;
    for (int turn = 0; turn < BOARD_TURNS; turn++) {
      const struct member *member = &place->members[turn];
      if (member->state == MEMBER_SERVING || member->state == MEMBER_RETIRING)
        handed->workers[turn] = (struct takeover_worker){member->pid, member->state == MEMBER_RETIRING};
    }
  }
}

static void become(const struct upgrade *upgrade, const struct crew *crew, const char *test)
{
  struct takeover takeover;
  const char *const arguments[] = {upgrade->program, "-f", upgrade->config_file, test, NULL};
  describe(crew, &takeover);
  takeover_exec(&takeover, arguments);
}

/* Its output belongs into the log, like ours. It has the lock of the run_dir open, so it must not outlive us. */
static _Noreturn void test_child(const struct upgrade *upgrade, const struct crew *crew, pid_t master)
{
  if (!process_follow(master, SIGKILL))
    _exit(NOT_STARTED);
  signals_unblock();
  (void)dup2(STDERR_FILENO, STDOUT_FILENO);
  become(upgrade, crew, "-t");
  log_line(LOG_LEVEL_ERROR, "%s: %s", upgrade->program, strerror(errno));
  _exit(NOT_STARTED);
}

void upgrade_begin(struct upgrade *upgrade, const struct crew *crew)
{
  if (upgrade->test != 0)
    return;
  const pid_t master = getpid();
  const pid_t pid = fork();
  if (pid == 0)
    test_child(upgrade, crew, master);
  if (pid < 0) {
    log_line(LOG_LEVEL_ERROR, "no upgrade: the test of %s cannot be forked: %s", upgrade->program, strerror(errno));
    return;
  }
  upgrade->test = pid;
  upgrade->test_until = clock_steady() + TEST_LIMIT;
}

void upgrade_bury(struct upgrade *upgrade, pid_t pid, int status)
{
  if (pid != upgrade->test)
    return;
  upgrade->test = 0;
  upgrade->passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!upgrade->passed)
    log_line(LOG_LEVEL_ERROR, "no upgrade: %s has not passed its own test; going on as before", upgrade->program);
}

void upgrade_become(struct upgrade *upgrade, struct crew *crew)
{
  log_line(LOG_LEVEL_INFO, "upgrade: going on as %s", upgrade->program);
  upgrade->passed = false;
  crew_send_away(crew, 0);
  become(upgrade, crew, NULL);
  log_line(LOG_LEVEL_ERROR, "no upgrade: %s: %s; going on as before", upgrade->program, strerror(errno));
}

void upgrade_check(const struct upgrade *upgrade, int64_t now)
{
  if (upgrade->test != 0 && now >= upgrade->test_until)
    (void)kill(upgrade->test, SIGKILL);
}

/* The worker writes to the board of the image that forked it; on ours it stands as somebody to be succeeded. */
static void adopt(struct crew *crew, int index, int turn, const struct takeover_worker *worker)
{
  const int64_t now = clock_steady();
  struct board_slot *slot = board_slot(crew->board, board_turn(index, turn));
  crew->places[index].members[turn] = (struct member){
      .state = worker->retiring ? MEMBER_RETIRING : MEMBER_SERVING,
      .pid = worker->pid,
      .started = now,
      .kill_at = worker->retiring ? now + crew->config->shutdown_timeout : 0,
      .generation = crew->generation - 1,
      .adopted = true,
  };
  board_worker_begin(slot, (uint64_t)worker->pid);
  board_worker_state(slot, worker->retiring ? BOARD_WORKER_RETIRING : BOARD_WORKER_SERVING);
}

void upgrade_adopt(struct crew *crew, const struct takeover *takeover)
{
  CREW_EACH(crew, i, turn)
    if (takeover->places[i].workers[turn].pid != 0)
      adopt(crew, i, turn, &takeover->places[i].workers[turn]);
}

void upgrade_adopt_own(struct crew *crew)
{
  struct takeover takeover;
  crew_renew(crew);
  describe(crew, &takeover);
  upgrade_adopt(crew, &takeover);
}
