/* What /proc tells of the processes of this machine. Never waits for one, whatever it is stuck in. Thread-safe. */
#ifndef BASE_PROCESS_H
#define BASE_PROCESS_H

#include <dirent.h>
#include <stdbool.h>
#include <sys/types.h>

enum { PROCESS_NAME_SIZE = 256 };

/* The next process of an open /proc; 0 after the last. */
pid_t process_next(DIR *proc);

/* Its parent and its state's letter, as ps shows it; false when it is gone. */
bool process_look(pid_t pid, pid_t *ret_parent, char *ret_state);

/* The name of the program's file that it runs, also of one that was replaced since. "" where that may not be seen; a
 * zombie has none. Returns `out`. */
const char *process_program(pid_t pid, char out[PROCESS_NAME_SIZE]);

#endif
