/* The processes behind the address, which some suites disturb. */
#ifndef SYSTEM_STACK_H
#define SYSTEM_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* lontard's first process, from LONTARD_PID. */
pid_t stack_lontard(void);
void stack_signal(int signal);

/* Sets an option in lontard's configuration file, or takes it out where `value` is NULL. It needs a SIGHUP yet. */
void stack_set(const char *option, const char *value);

/* A number of /metrics, over all workers; -1 while nobody answers. */
double stack_number(const char *name);
long long stack_metric(const char *name);

/* What an environment variable says how often something is to be done, else `otherwise`. */
int stack_times(const char *variable, int otherwise);

/* A process's children; none when it is gone. Returns how many, at most `size`. */
size_t stack_children_of(pid_t parent, pid_t *out, size_t size);

/* lontard's. */
size_t stack_children(pid_t *out, size_t size);

/* PostgreSQL's processes, its first one before the others. They come and go. */
size_t stack_servers(pid_t *out, size_t size);

/* lontard's status.json; the caller frees it with json_object_put. */
struct json_object *stack_status(void);

/* Whether the marker stands. */
bool stack_marked(void);

/* Memory of a process in kilobytes, and the most it had; -1 when it is gone. */
long stack_memory(pid_t pid);
long stack_peak(pid_t pid);

/* Runs `LONTAR_DATABASE_COMMAND stop` or `start`, which waits until that is so. */
void stack_database(const char *what);

/* Where lontard's log ends, and what was added behind such a place, good until the next call. */
long stack_log_end(void);
const char *stack_log_since(long begin);

/* Seconds since some moment. */
double stack_clock(void);

/* Asks again and again until the condition holds or the time is over; says whether it holds. */
bool stack_wait(bool (*condition)(void), double seconds);

#endif
