/* Holds every row of the route table to who may call it, so that a new row cannot be forgotten. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "system/check.h"
#include "system/client.h"
#include "system/refusal.h"
#include "system/system.h"
#include "system/world.h"

struct row {
  const char *name;
  const char *method;
  const char *path;
  unsigned who;
};

/* The words of the table. */
enum who { ANYONE = 0, SISWA = 1, GURU = 2, ADMIN = 4, SERVICE = 8, OWNER = 16, LOOPBACK = 32 };

static const struct row rows[] = {
#define ROUTE(name, method, path, who, ...) {#name, #method, path, who},
#include "route/routes.def"
#undef ROUTE
};

enum { ROW_COUNT = sizeof rows / sizeof rows[0], PATH_SIZE = 256 };

static bool is_open(const struct row *row)
{
  return row->who == ANYONE || row->who == LOOPBACK;
}

/* The row's path with each {name} replaced by what belongs to another pupil than the one who asks. */
static void fill(const struct row *row, char out[PATH_SIZE])
{
  size_t length = 0;
  for (const char *text = row->path; *text;) {
    size_t plain = strcspn(text, "{");
    length += (size_t)snprintf(out + length, PATH_SIZE - length, "%.*s", (int)plain, text);
    text += plain;
    if (*text != '{')
      continue;
    bool users = strstr(row->path, "~/users/") == row->path;
    if (strncmp(text, "{username}", 10) == 0)
      length += (size_t)snprintf(out + length, PATH_SIZE - length, "%s", world.other.username);
    else
      length += (size_t)snprintf(out + length, PATH_SIZE - length, "%lld", users ? world.other.id : world.subject);
    text += strcspn(text, "}") + 1;
  }
}

static void no_row_without_a_token(void)
{
  for (const struct row *row = rows; row < rows + ROW_COUNT; row++) {
    char path[PATH_SIZE];
    fill(row, path);
    if (!is_open(row))
      refuse_strangers(row->method, path, NULL);
  }
}

/* A user is the owner where the path names nobody. */
static bool is_own(const struct row *row, unsigned who)
{
  return (row->who & OWNER) && who != SERVICE && strchr(row->path, '{') == NULL;
}

/* Rows that the caller may not call by its role; what it owns is not among the paths. */
static void refuse_role(unsigned who, enum caller caller)
{
  for (const struct row *row = rows; row < rows + ROW_COUNT; row++) {
    char path[PATH_SIZE];
    fill(row, path);
    if (!is_open(row) && !(row->who & who) && !is_own(row, who))
      refuse_callers(1u << caller, row->method, path, NULL);
  }
}

static void no_row_with_a_pupil_s_token(void)
{
  refuse_role(SISWA, CALLER_SISWA);
}

static void no_row_with_a_teacher_s_token(void)
{
  refuse_role(GURU, CALLER_GURU);
}

static void no_row_with_an_admin_s_token(void)
{
  refuse_role(ADMIN, CALLER_ADMIN);
}

static void no_row_with_a_service_key(void)
{
  refuse_role(SERVICE, CALLER_SERVICE);
}

static void open_rows_need_no_token(void)
{
  for (const struct row *row = rows; row < rows + ROW_COUNT; row++) {
    if (!is_open(row))
      continue;
    ANSWER answer = request(row->method, row->path, NULL, NULL);
    CHECK(answer.status == 200 || answer.status == 422, "%s %s without a token: got %ld, want 200, or 422 for its body",
          row->method, row->path, answer.status);
  }
}

/* A path of the table answers no method that it does not have, and says which it has. */
static void rows_name_their_methods(void)
{
  for (const struct row *row = rows; row < rows + ROW_COUNT; row++) {
    char path[PATH_SIZE];
    char allow[PATH_SIZE];
    fill(row, path);
    ANSWER answer = request("PUT", path, world.admin.token, "{}");
    (void)check_problem(path, &answer, 405, "method_not_allowed");
    answer_header(&answer, "Allow", allow, sizeof allow);
    CHECK(strstr(allow, row->method) != NULL, "PUT %s: Allow is \"%s\", want %s in it", path, allow, row->method);
    CHECK(strstr(allow, "PUT") == NULL, "PUT %s: Allow is \"%s\"", path, allow);
  }
}

CU_TestInfo suite_routes[] = {{"no row without a good token", no_row_without_a_token},
                              {"no row with a pupil's token", no_row_with_a_pupil_s_token},
                              {"no row with a teacher's token", no_row_with_a_teacher_s_token},
                              {"no row with an admin's token", no_row_with_an_admin_s_token},
                              {"no row with a service key", no_row_with_a_service_key},
                              {"open rows need no token", open_rows_need_no_token},
                              {"rows name their methods", rows_name_their_methods},
                              CU_TEST_INFO_NULL};
