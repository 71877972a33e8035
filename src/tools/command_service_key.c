/* lontarctl service-key: add, list, revoke; a running lontard is told to read the keyring again. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "authorize/keyring.h"
#include "config/config.h"
#include "health/owner.h"
#include "tools/command.h"

static void daemon_reload(const struct config *config)
{
  static const char HINT[] = "Run this as lontard's user or root, or reload it: systemctl reload lontard.";
  const pid_t pid = owner_of(config->run_dir);
  if (pid < 0)
    command_fail(HINT, "whether lontard is running cannot be seen in %s: %s", config->run_dir, strerror(errno));
  else if (pid == 0)
    fputs("lontard is not running; it reads the keyring when it starts\n", stderr);
  else if (kill(pid, SIGHUP) == 0)
    fputs("lontard takes the change over\n", stderr);
  else
    command_fail(HINT, "lontard (process %d) could not be told: %s", (int)pid, strerror(errno));
}

static int key_add(const struct config *config, const char *name)
{
  char message[MESSAGE_SIZE];
  char key[KEYRING_KEY_SIZE];
  if (keyring_add(config->keyring, name, key, message, sizeof message) != 0)
    return command_fail(NULL, "%s", message);
  if (puts(key) < 0 || fflush(stdout) != 0) {
    const int error = errno;
    (void)keyring_revoke(config->keyring, name, message, sizeof message);
    return command_fail(NULL, "the key cannot be written: %s; it is revoked again", strerror(error));
  }
  daemon_reload(config);
  fputs("Keep the key now: it is not shown again.\n", stderr);
  return COMMAND_DONE;
}

static int key_revoke(const struct config *config, const char *name)
{
  char message[MESSAGE_SIZE];
  if (keyring_revoke(config->keyring, name, message, sizeof message) != 0)
    return command_fail("lontarctl service-key list shows all keys.", "%s", message);
  printf("the key %s is revoked\n", name);
  daemon_reload(config);
  return COMMAND_DONE;
}

static int key_list(const struct config *config)
{
  char message[MESSAGE_SIZE];
  struct keyring *keyring;
  if (keyring_load(config->keyring, &keyring, message, sizeof message) != 0)
    return command_fail(NULL, "%s", message);
  if (keyring_count(keyring) == 0)
    fputs("there is no service key yet\n", stderr);
  for (size_t i = 0; i < keyring_count(keyring); i++)
    printf("%-30s %s\n", keyring_at(keyring, i)->name, keyring_at(keyring, i)->created);
  keyring_free(keyring);
  return COMMAND_DONE;
}

int command_service_key(const struct invocation *invocation, int argc, char **argv)
{
  if (argc == 3 && strcmp(argv[1], "add") == 0)
    return key_add(invocation->config, argv[2]);
  if (argc == 3 && strcmp(argv[1], "revoke") == 0)
    return key_revoke(invocation->config, argv[2]);
  if (argc == 2 && strcmp(argv[1], "list") == 0)
    return key_list(invocation->config);
  return command_misuse("service-key takes add NAME, revoke NAME or list");
}
