/* Tests of base/process on this process and a child of it. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "unit.h"

static pid_t start_child(void)
{
  const pid_t pid = fork();
  if (pid == 0)
    for (;;)
      (void)pause();
  CU_ASSERT_FATAL(pid > 0);
  return pid;
}

static char state_of(pid_t pid)
{
  pid_t parent = 0;
  char state = '\0';
  CU_ASSERT_TRUE(process_look(pid, &parent, &state));
  CU_ASSERT_EQUAL(parent, getpid());
  return state;
}

static void a_process_tells_its_parent_and_its_state(void)
{
  siginfo_t info;
  pid_t parent;
  char state;
  const pid_t child = start_child();
  (void)kill(child, SIGSTOP);
  CU_ASSERT_EQUAL(waitpid(child, NULL, WUNTRACED), child);
  CU_ASSERT_EQUAL(state_of(child), 'T');
  (void)kill(child, SIGKILL);
  CU_ASSERT_EQUAL(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
  CU_ASSERT_EQUAL(state_of(child), 'Z');
  CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
  CU_ASSERT_FALSE(process_look(child, &parent, &state));
}

static void a_process_has_its_programs_name(void)
{
  char own[PROCESS_NAME_SIZE], name[PROCESS_NAME_SIZE];
  if (unit_is_under_valgrind())
    return;
  const pid_t child = start_child();
  CU_ASSERT(process_program(getpid(), own)[0] != '\0' && strchr(own, '/') == NULL);
  CU_ASSERT_STRING_EQUAL(process_program(child, name), own);
  (void)kill(child, SIGKILL);
  CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
  CU_ASSERT_STRING_EQUAL(process_program(child, name), "");
}

static void every_process_is_listed_once(void)
{
  const pid_t child = start_child();
  DIR *proc = opendir("/proc");
  int own = 0, childs = 0;
  CU_ASSERT_PTR_NOT_NULL(proc);
  for (pid_t pid; proc != NULL && (pid = process_next(proc)) != 0;) {
    own += pid == getpid();
    childs += pid == child;
  }
  if (proc != NULL)
    (void)closedir(proc);
  CU_ASSERT_EQUAL(own, 1);
  CU_ASSERT_EQUAL(childs, 1);
  (void)kill(child, SIGKILL);
  CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
}

UNIT_CASES(process, UNIT_CASE(a_process_tells_its_parent_and_its_state), UNIT_CASE(a_process_has_its_programs_name),
           UNIT_CASE(every_process_is_listed_once));
