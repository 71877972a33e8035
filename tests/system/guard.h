/* Looks after the bounds while faults come: a thread counts lontard's sessions at the server and weighs its workers,
 * each 50 ms. */
#ifndef SYSTEM_GUARD_H
#define SYSTEM_GUARD_H

/* LONTAR_CHAOS_BACKENDS are the sessions that workers may have; LONTAR_CHAOS_MEMORY the megabytes of one, 0: any. */
void guard_start(void);

/* What happens now, for the report; NULL: nothing. The name must stay. */
void guard_during(const char *name);

/* Prints what was seen and checks it. */
void guard_report(void);

#endif
