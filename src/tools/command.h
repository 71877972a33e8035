/* What the commands of lontarctl have in common: their table's row, their exit codes, and how they say what is wrong.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

struct config;

/* Exit codes: done, could not be done, was asked for wrongly. */
enum { COMMAND_DONE = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

/* What every command gets. */
struct invocation {
  const char *file; /* the configuration's, NULL when there is none */
  const struct config *config;
};

/* One command. `argv` begins with the command's own name. */
struct command {
  const char *name;
  const char *usage;   /* its arguments, a line for each form, each ended by \n */
  const char *summary; /* for the list of commands */
  const char *help;    /* for `lontarctl help NAME` */
  int (*run)(const struct invocation *invocation, int argc, char **argv);
};

int command_check(const struct invocation *invocation, int argc, char **argv);
int command_migrate(const struct invocation *invocation, int argc, char **argv);
int command_user(const struct invocation *invocation, int argc, char **argv);
int command_service_key(const struct invocation *invocation, int argc, char **argv);
int command_status(const struct invocation *invocation, int argc, char **argv);
int command_supervise(const struct invocation *invocation, int argc, char **argv);
int command_check_config(const struct invocation *invocation, int argc, char **argv);

/* Prints one sentence, and a hint on a line of its own unless it is NULL, to standard error. Returns COMMAND_FAILED. */
__attribute__((format(printf, 2, 3))) int command_fail(const char *hint, const char *format, ...);

/* Prints what is wrong with the arguments and where to read more. Returns COMMAND_USAGE. */
__attribute__((format(printf, 1, 2))) int command_misuse(const char *format, ...);

#endif
