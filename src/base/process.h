/* What /proc tells of the processes of this machine. Never waits for one, whatever it is stuck in. Thread-safe. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"

enum { PROCESS_NAME_SIZE = 256 };

/* A folder that is closed with its scope; NULL where it could not be opened. */
#define CLEANUP_DIR CLEANUP(process_close_pointer)
static inline void process_close_pointer(DIR **folder)
{
  if (*folder != NULL)
    (void)closedir(*folder);
}

/* The next process of an open /proc; 0 after the last, or where that is NULL. */
pid_t process_next(DIR *proc);

/* For a child: it gets that signal when its parent dies. False when that one has died already. */
bool process_follow(pid_t parent, int number);

/* Its parent and its state's letter, as ps shows it; false when it is gone. */
bool process_look(pid_t pid, pid_t *ret_parent, char *ret_state);

/* The name of the program's file that it runs, also of one that was replaced since. "" where that may not be seen; a
 * zombie has none. Returns `out`. */
const char *process_program(pid_t pid, char out[PROCESS_NAME_SIZE]);

#endif
