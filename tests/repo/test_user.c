/* lontarctl user and its misuse. */
#include <stdio.h>
#include <string.h>

#include "repo.h"

#define DATABASE "user_test"

static char out[REPO_TEXT_SIZE];

static int before(void)
{
  repo_create_database(DATABASE);
  return repo_lontarctl(DATABASE, "migrate", out);
}

static void a_user_is_made_with_a_hashed_password(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "user add ' budi ' --role guru --full-name Budi <<X\nrahasia\nX\n", out), 0);
  PGconn *connection = repo_connect(DATABASE);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT role || full_name FROM users WHERE username = 'budi'"
                                                " AND password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'"),
                         "guruBudi");
  PQfinish(connection);
  CU_ASSERT_PTR_NULL(strstr(out, "rahasia"));
}

static void a_password_is_changed(void)
{
  char hash[256];
  PGconn *connection = repo_connect(DATABASE);
  (void)snprintf(hash, sizeof hash, "%s", repo_value(connection, "SELECT password_hash FROM users"));
  repo_execute(connection, "INSERT INTO sessions (user_id, token, expires_at)"
                           " SELECT id, n, now() + interval '1 day' FROM users, generate_series(1, 3) n");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "user passwd budi <<X\nrahasia2\nX\n", out), 0);
  CU_ASSERT_STRING_NOT_EQUAL(repo_value(connection, "SELECT password_hash FROM users"), hash);
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT role || full_name FROM users"), "guruBudi");
  CU_ASSERT_STRING_EQUAL(repo_value(connection, "SELECT count(*) FROM sessions"), "0");
  CU_ASSERT_STRING_EQUAL(out, "the user budi has a new password, and no session any more\n");
  PQfinish(connection);
}

static void more_than_one_page_is_listed(void)
{
  PGconn *connection = repo_connect(DATABASE);
  repo_execute(connection, "INSERT INTO users (username, password_hash, role)"
                           " SELECT 'siswa' || n, 'x', 'siswa' FROM generate_series(1, 250) n");
  PQfinish(connection);
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "user list | wc -l", out), 0);
  CU_ASSERT_STRING_EQUAL(out, "252\n");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "user list --json | grep -c username", out), 0);
  CU_ASSERT_STRING_EQUAL(out, "251\n");
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE, "user list --json | grep -c password", out), 1);
}

/* Each says in one sentence what is wrong, and how it exits. */
static void what_is_wrong_is_said(void)
{
  static const struct {
    const char *arguments;
    const char *sentence;
    int status;
  } rows[] = {
      {"user add budi --role guru <<X\nrahasia\nX\n", "exists already", 1},
      {"user add siti --role guru <<X\nkurz\nX\n", "the password must be 6", 1},
      {"user add siti --role guru </dev/null", "no password to read", 1},
      {"user add siti --role guru <<X\nrahasia$(printf '\\r')\nX\n", "ends with a carriage return", 1},
      {"--help >/dev/null; printf 'rahasia\\0lagi\\n' | $LONTAR_TEST_LONTARCTL user add siti --role guru",
       "the password must not contain the character NUL", 1},
      {"user add siti --role kepala <<X\nrahasia\nX\n", "role must be", 1},
      {"user add ab --role guru <<X\nrahasia\nX\n", "username must be", 1},
      {"user add siti <<X\nrahasia\nX\n", "needs --role", 2},
      {"user passwd nobody <<X\nrahasia\nX\n", "there is no user nobody", 1},
      {"user", "add, passwd or list", 2},
      {"user list --xml", "takes --json or nothing", 2},
      {"frobnicate", "no command frobnicate", 2},
      {"", "usage:", 2},
      {"migrate now", "no argument now", 2},
      {"-f /nowhere/lontar.conf user list", "/nowhere/lontar.conf", 1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int status = repo_lontarctl(DATABASE, rows[i].arguments, out);
    if (status != rows[i].status || !strstr(out, rows[i].sentence))
      printf("\n    lontarctl %s: exit %d: %s", rows[i].arguments, status, out);
    CU_ASSERT_EQUAL(status, rows[i].status);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, rows[i].sentence));
  }
}

static void a_missing_database_is_said_with_what_mends_it(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl("not_there", "user list", out), 1);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "createdb"));
}

/* libpq would quote what it cannot read, password and all. */
static void a_url_that_cannot_be_read_is_not_shown(void)
{
  static const char *const urls[] = {"postgresql://lontar:ge%heim@localhost/lontar",
                                     "postgresql://lontar:geheim@[::1/lontar", "user=lontar password='geheim"};
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    CU_ASSERT_EQUAL(repo_lontarctl_url(urls[i], "user list", out), 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(out, "the database URL of LONTAR_DATABASE_URL cannot be read"));
    CU_ASSERT_PTR_NULL(strstr(out, "heim"));
  }
}

static void a_key_that_nobody_saw_does_not_stay(void)
{
  CU_ASSERT_EQUAL(repo_lontarctl(DATABASE,
                                 "--help >/dev/null; d=$(mktemp -d); echo keyring = $d/keyring >$d/conf;"
                                 " $LONTAR_TEST_LONTARCTL -f $d/conf service-key add lost >/dev/full;"
                                 " echo exit $?; grep -c lost $d/keyring; rm -r $d",
                                 out),
                  0);
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "it is revoked again"));
  CU_ASSERT_PTR_NOT_NULL(strstr(out, "exit 1\n0\n"));
}

CASES(user, before, NULL, CASE(a_user_is_made_with_a_hashed_password), CASE(a_password_is_changed),
      CASE(more_than_one_page_is_listed), CASE(what_is_wrong_is_said),
      CASE(a_missing_database_is_said_with_what_mends_it), CASE(a_url_that_cannot_be_read_is_not_shown),
      CASE(a_key_that_nobody_saw_does_not_stay));
