/* A worker without the memory that Argon2 needs: nobody's password is wrong for that. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "system/check.h"
#include "system/client.h"
#include "system/stack.h"
#include "system/system.h"
#include "system/world.h"

/* Argon2 asks for 19 MiB at once; all else takes less. */
enum { CHILDREN_MAX = 16, SPARE = 12 << 20 };

static rlim_t address_space(pid_t pid)
{
  char path[64];
  unsigned long pages = 0;
  (void)snprintf(path, sizeof path, "/proc/%d/statm", pid);
  FILE *file = fopen(path, "re");
  need(file != NULL && fscanf(file, "%lu", &pages) == 1, "a worker's size cannot be read");
  fclose(file);
  return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

/* Of all workers. */
static void limit_memory(bool limited)
{
  pid_t children[CHILDREN_MAX];
  size_t count = stack_children(children, CHILDREN_MAX);
  for (size_t i = 0; i < count; i++) {
    struct rlimit limit;
    need(prlimit(children[i], RLIMIT_AS, NULL, &limit) == 0, "a worker's limits cannot be read");
    limit.rlim_cur = limited ? address_space(children[i]) + SPARE : limit.rlim_max;
    need(prlimit(children[i], RLIMIT_AS, &limit, NULL) == 0, "a worker's limits cannot be set");
  }
}

static struct answer login(const char *username, const char *password)
{
  TEXT body = document("{\"username\": \"%s\", \"password\": \"%s\"}", username, password);
  return post("~/auth/login", NULL, body);
}

static void check_busy(const char *label, const struct answer *answer)
{
  char seconds[16];
  if (check_problem(label, answer, 503, "busy"))
    (void)check_text(label, answer_header(answer, "Retry-After", seconds, sizeof seconds), "1");
}

static void no_password_is_wrong_without_memory(void)
{
  struct person person = world_person("siswa");
  TEXT path = document("~/users/%lld", person.id);
  TEXT verify = document("{\"username\": \"%s\", \"password\": \"" WORLD_PASSWORD "\"}", person.username);
  TEXT user = document("{\"username\": \"<name>\", \"password\": \"rahasia\", \"role\": \"guru\"}");
  limit_memory(true);
  ANSWER right = login(person.username, WORLD_PASSWORD);
  check_busy("the right password", &right);
  ANSWER wrong = login(person.username, "another password");
  check_busy("a wrong password", &wrong);
  ANSWER unknown = login("nobody-of-this-name", WORLD_PASSWORD);
  check_busy("an unknown user", &unknown);
  ANSWER verified = post("~/users/verify", world.service, verify);
  check_busy("verify", &verified);
  ANSWER made = post("~/users", world.admin.token, user);
  check_busy("a new user", &made);
  ANSWER changed = patch(path, world.admin.token, "{\"password\": \"kata sandi baru\"}");
  check_busy("another password", &changed);
  ANSWER named = patch(path, world.admin.token, "{\"full_name\": \"Siti\"}");
  (void)check_status("what needs no hash", &named, 200);
  ANSWER session = get("~/auth/session", person.token);
  (void)check_status("a session that nothing ended", &session, 200);
  limit_memory(false);
  ANSWER again = login(person.username, WORLD_PASSWORD);
  (void)check_status("the right password, with memory", &again, 200);
}

/* An old hash needs none to be right, and stays until there is some. */
static void an_old_hash_lets_in_without_memory(void)
{
  char name[WORLD_NAME_SIZE];
  (void)sql("INSERT INTO users (username, password_hash, role) VALUES ($1,"
            " encode(sha256(convert_to($2, 'UTF8')), 'hex'), 'siswa')",
            world_name(name, "lama"), WORLD_PASSWORD, NULL);
  limit_memory(true);
  ANSWER right = login(name, WORLD_PASSWORD);
  (void)check_status("the right password of an old hash", &right, 200);
  ANSWER wrong = login(name, "another password");
  check_busy("a wrong one", &wrong);
  limit_memory(false);
  (void)check_text("the hash", sql("SELECT length(password_hash) FROM users WHERE username = $1", name, NULL), "64");
}

static void the_log_says_why(void)
{
  char line[512];
  int found = 0;
  FILE *file = fopen(need_environment("LONTAR_LOG"), "re");
  need(file != NULL, "lontard's log cannot be read");
  while (fgets(line, sizeof line, file))
    found += strstr(line, "route=login a password could not be hashed: no memory") != NULL;
  fclose(file);
  CHECK(found >= 3, "%d lines of the log say that there was no memory", found);
}

CU_TestInfo suite_memory[] = {{"no password is wrong without memory", no_password_is_wrong_without_memory},
                              {"an old hash lets in without memory", an_old_hash_lets_in_without_memory},
                              {"the log says why", the_log_says_why},
                              CU_TEST_INFO_NULL};
