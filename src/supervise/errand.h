/*
 * A command of the configuration on its way: run by /bin/sh in a process group of its own, its output kept for one log
 * line, ended at its time limit. Never blocks. Not thread-safe. Times are steady microseconds.
 */
#ifndef SUPERVISE_ERRAND_H
#define SUPERVISE_ERRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of its output the last bytes are kept. */
enum { ERRAND_TAIL = 1024 };

/* Between SIGTERM at the limit and SIGKILL. */
#define ERRAND_GRACE INT64_C(5000000)

/* Zeroed, and `output` -1, while nothing runs. */
struct errand {
  pid_t pid;  /* 0: none runs; also its group's */
  int output; /* to be watched for reading; -1 when there is none */
  int64_t began;
  int64_t end_at;  /* when its group gets the next signal */
  int64_t look_at; /* when it is to be checked at the latest */
  int status;      /* waitpid's, of a shell that has `ended` */
  bool ended;      /* others of its group may be left */
  bool overdue;    /* the group got SIGTERM */
  bool killed;     /* and SIGKILL */
  size_t length;
  char tail[ERRAND_TAIL];
};

/* What is run: `command`, which finds `about` in LONTAR_ABOUT and `message` in LONTAR_MESSAGE. Before, where there is
 * one, in the process that becomes the shell: first(argument). */
struct errand_order {
  const char *command;
  const char *about;
  const char *message;
  void (*first)(const char *argument);
  const char *argument;
};

/* False with errno when it cannot be forked. */
bool errand_start(struct errand *errand, const struct errand_order *order, int64_t now, int64_t limit);

/* Takes what it has written. */
void errand_read(struct errand *errand);

/* Signals it when its time is over. True once it has ended: `*ret_status` is as waitpid's, `tail` stays until the next
 * start. What it has left in the background runs on, unless its time was over: then its whole group ends. */
bool errand_check(struct errand *errand, int64_t now, int *ret_status);

#endif
